"""Notebooks for a board, which ``pynq get-notebooks bitpan`` copies (entry point ``pynq.notebooks``)."""
