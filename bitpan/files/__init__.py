"""Outputs: written by one run at a time, seen only when they are complete, and whole whenever the run is killed.

The one rule for whatever bitpan writes: :mod:`.workspace` says where it is written and by whom, :mod:`.commit` how it
takes its place, and :mod:`.outputs` has the forms in which the rest of bitpan writes.
"""

from bitpan.files.outputs import cached, claimed, partial, staged, write_beside, write_json

__all__ = ["cached", "claimed", "partial", "staged", "write_beside", "write_json"]
