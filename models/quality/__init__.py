"""How good a fused image is: indices, classical methods to compare with, tables and pictures."""
