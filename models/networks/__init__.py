"""The networks, their rivals and twins, and what they cost."""
