"""Counts looked up in tables."""

from __future__ import annotations

from bitpan.host.compiled.compiling import compiled
from bitpan.host.compiled.layout import Array


@compiled
def look_up(indices: Array, tables: Array, found: Array) -> None:
    """Each band's indices ``(B, H, W)`` in its own table, ``(B, entries)``, of ``found``'s type."""
    for band in range(len(found)):
        for y in range(found.shape[1]):
            for x in range(found.shape[2]):
                found[band, y, x] = tables[band, indices[band, y, x]]
