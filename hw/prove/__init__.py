"""Formal proofs of the stream rules."""
