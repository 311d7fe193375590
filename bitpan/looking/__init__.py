"""Imagery for people to look at: the stretch to eight bits, and the pictures of a page."""
