"""The MS's camera: how sharp it sees, and fused counts in which it would see the MS."""
