"""Archives of arrays: NumPy's ``.npz``, and ZIP files as PyTorch writes them, with every size checked first."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Container
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt

from bitpan.errors import SizeError
from bitpan.intake.budget import require_bearable, require_held

UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError),
    *(RuntimeError, SyntaxError, BadZipFile, zlib.error, struct.error, TokenError),
)
"""What libraries raise on files that are not what they say; of deep nesting a runtime error, of an array's header, a
literal of Python's, one of syntax."""

_DENSEST = 1032
"""Bytes that one of deflate's can stand for."""

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def members(archive: ZipFile, size: int) -> list[ZipInfo]:
    """What is in an archive of ``size`` bytes, each once.

    Raises:
        SizeError: members say that they hold more than can be in so many bytes, or than the limit.
        ValueError: two have one name, or one is compressed in a way that neither NumPy nor PyTorch uses.
    """
    found = archive.infolist()
    if len({member.filename for member in found}) < len(found):
        raise ValueError("two of its members have one name")
    for member in found:
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or member.flag_bits & 1:
            raise ValueError(f"its member {member.filename!r} is encrypted or compressed by a method not known here")
        dense = _DENSEST if member.compress_type == ZIP_DEFLATED else 1
        require_held(f"its member {member.filename!r}", member.compress_size, size)
        require_held(f"its member {member.filename!r}", member.file_size, dense * member.compress_size)
    if any(member.compress_type == ZIP_DEFLATED for member in found):
        require_bearable("all of it", sum(member.file_size for member in found))
    return found


def read_npz(file: Path | IO[bytes], wanted: Container[str] | None = None) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an ``.npz`` file by name; of those that are not ``wanted`` only the names, and nothing in them.

    Raises:
        SizeError: what it says of its sizes cannot be, or is above the limit.
        One of :data:`UNREADABLE`: it is no such file, or damaged.
    """
    arrays = {}
    with ZipFile(file) as archive:
        size = Path(file).stat().st_size if isinstance(file, Path) else file.seek(0, 2)
        for member in members(archive, size):
            name = member.filename.removesuffix(".npy")
            if wanted is not None and name not in wanted:
                arrays[name] = np.empty(0)
                continue
            with archive.open(member) as stream:
                _require_filled(stream, member.filename, member.file_size)
            with archive.open(member) as stream:
                arrays[name] = np.lib.format.read_array(stream, allow_pickle=False)
    return arrays


def read_npy(file: Path) -> npt.NDArray[Any]:
    """The array of an ``.npy`` file; errors as of :func:`read_npz`."""
    with file.open("rb") as stream:
        _require_filled(stream, file.name, file.stat().st_size)
    with file.open("rb") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _require_filled(stream: IO[bytes], name: str, size: int) -> None:
    """Raise :class:`SizeError` unless an array's header tells of just as many bytes as follow it of ``size``."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"its array {name!r} is of format {version}")
    shape, _, dtype = _HEADERS[version](stream)
    if dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError(f"its array {name!r} is of {dtype} and shape {shape}")
    declared, left = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if declared != left:
        raise SizeError(f"its array {name!r} says that it holds {declared:,} bytes, but {left:,} follow")
