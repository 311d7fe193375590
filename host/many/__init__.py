"""Many scenes: which they are, what computes them, and what came of each."""
