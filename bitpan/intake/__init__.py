"""What comes from outside, checked before it is believed."""
