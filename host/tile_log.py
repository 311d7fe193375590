"""Finished tiles of a scene, in a file that an interrupted or killed run leaves to the next.

Its first line says of which job they are, and what was measured of the scene. Each tile's pixels follow, in the order
of the plan, uncompressed, with their CRC-32 after them: what a kill or a power cut has torn is not taken for finished.
A longer digest would take a board's processor longer than its accelerator takes for the pixels.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.host.scene.tiles import Tile
from bitpan.intake.documents import MOST_BYTES, SUM, digest, parsed, sealed

Pixels = npt.NDArray[Any]

_SUM_BYTES = 4


class TileLog(AbstractContextManager["TileLog"]):
    """The file at ``path``, gone on from where it is of this job, else empty.

    Args:
        path: of the file.
        job: a digest of all that the tiles depend on.

    Attributes:
        measured: what an earlier run was told by :meth:`begin`, if it is of this job.
        count: of the finished tiles.
        bytes: of the file so far.
    """

    def __init__(self, path: Path, job: str) -> None:
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b")
        self._job, self.count = job, 0
        self.measured = self._read_header()
        self.bytes = self._first = self._file.tell()

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _read_header(self) -> Mapping[str, Any] | None:
        try:
            line = self._file.readline(MOST_BYTES)
            header = parsed(line)
            if line.endswith(b"\n") and header.pop(SUM) == digest(header) and header["job"] == self._job:
                measured: Mapping[str, Any] = header["measured"]
                return measured
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass  # of another job, or no log
        return None

    def begin(self, measured: Mapping[str, Any]) -> None:
        """Empty it, and keep what was measured of the scene, as JSON holds it."""
        if self._file.seek(0, os.SEEK_END):  # ext4 hurries all of a file to the disk that was ever emptied, at its end
            self._file.truncate(self._file.seek(0))
        self._file.write(json.dumps(sealed({"job": self._job, "measured": measured})).encode() + b"\n")
        self._file.flush()
        self.bytes = self._first = self._file.tell()

    def recover(self, plan: Iterable[Tile], bands: int, dtype: npt.DTypeLike) -> None:
        """Count the tiles that are whole, up to the first that is not."""
        for _ in self.tiles(plan, bands, dtype):
            self.count, self.bytes = self.count + 1, self._file.tell()
        self._file.seek(self.bytes)
        self._file.truncate()

    def append(self, pixels: Pixels) -> None:
        """The next tile is finished, ``(bands, height, width)``."""
        content = np.ascontiguousarray(pixels).data
        self._file.write(content)
        self._file.write(_sum(content))
        self._file.flush()
        self.count, self.bytes = self.count + 1, self._file.tell()

    def tiles(self, plan: Iterable[Tile], bands: int, dtype: npt.DTypeLike) -> Iterator[tuple[Tile, Pixels]]:
        """Each tile with its pixels, up to the first that is not whole."""
        self._file.seek(self._first)
        for tile in plan:
            shape = bands, tile.height, tile.width
            content = self._file.read(math.prod(shape) * np.dtype(dtype).itemsize)
            if self._file.read(_SUM_BYTES) != _sum(content):
                return
            yield tile, np.frombuffer(content, dtype).reshape(shape)


def _sum(content: bytes | memoryview) -> bytes:
    return zlib.crc32(content).to_bytes(_SUM_BYTES, "little")
