"""Comparisons of many trainings at one budget."""
