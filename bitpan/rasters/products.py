"""Products as providers deliver them, in a folder or an archive: which of their files are PAN and MS.

- Landsat 8 and 9, Collection 2, level 1: ``..._B8.TIF``, and ``_B2`` to ``_B5``, which are blue, green, red and near
  infrared; in a folder or a ``.tar``.
- DIMAP (Pleiades, SPOT): a ``DIM_*.XML`` each of the PAN and the MS, in folders below.
- Maxar: a ``.TIL`` each, or one image, in folders that end in ``_PAN`` and ``_MUL``.
- Any folder or archive with two rasters of which one alone is called PAN.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from os import fspath
from pathlib import Path, PurePosixPath

from bitpan.errors import SceneError, SceneIOError
from bitpan.rasters.names import Name, within

Pair = tuple[Name, list[Name]]
"""Names of the PAN and of the MS's files."""

LANDSAT = re.compile(r"(LC0[89]_L1.*)_B8\.TIF$", re.IGNORECASE)
LANDSAT_MS = (2, 3, 4, 5)

_RASTERS = (".tif", ".tiff", ".jp2", ".ntf", ".img", ".png")
_MOST = 10_000
"""Files of a product that are looked at."""

_PAN = re.compile(r"(^|[^a-z])pan([^a-z]|$|[0-9])|_p(_|[0-9]*bs)|p1bs|p2as", re.IGNORECASE)


def product_of(pan: Name, ms: Sequence[Name]) -> Pair:
    """PAN and MS as they were given, or where a folder or an archive was given in place of both, those in it.

    Raises:
        SceneError: it is no product, or holds several pairs.
        SceneIOError: there is no such file.
    """
    if ms:
        return pan, list(ms)
    path = Path(fspath(pan))
    if not path.exists():
        raise SceneIOError(f"{path}: there is no such file or folder; check the path")
    files = _members(path)
    if files is None:
        raise SceneError(f"{path}: is one raster; give PAN and MS, or a product's folder or archive")
    for find in (_landsat, _dimap, _maxar, _named):
        if found := find(sorted(files)):
            name = _namer(path)
            return name(found[0]), [name(each) for each in found[1]]
    raise SceneError(
        f"{path}: no product that is known ({len(files)} files): give PAN and MS by name, or many with --list"
    )


def _members(path: Path) -> list[str] | None:
    """Files of a folder or an archive, relative to it; None of something else."""
    if path.is_dir():
        listed = (file for file in path.rglob("*") if file.is_file())
        return [file.relative_to(path).as_posix() for file, _ in zip(listed, range(_MOST), strict=False)]
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return [_plain(name) for name in archive.namelist()[:_MOST]]
        if tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                return [_plain(own.name) for own, _ in zip(archive, range(_MOST), strict=False) if own.isfile()]
    except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise SceneIOError(f"{path}: cannot be read as an archive ({error}); fetch it again") from None
    return None


def _plain(member: str) -> str:
    """A member's name as GDAL has it."""
    return member.removeprefix("./")


def _namer(path: Path) -> Callable[[str], Name]:
    return (lambda member: fspath(path / member)) if path.is_dir() else lambda member: within(path, member)


def _landsat(files: list[str]) -> tuple[str, list[str]] | None:
    for file in files:
        if LANDSAT.search(file):
            ms = [re.sub(r"_B8(\.TIF)$", rf"_B{band}\1", file, flags=re.IGNORECASE) for band in LANDSAT_MS]
            if missing := [name for name in ms if name not in files]:
                raise SceneError(f"{missing[0]}: is missing beside {file}; fetch the whole product")
            return file, ms
    return None


def _dimap(files: list[str]) -> tuple[str, list[str]] | None:
    return _one_each([file for file in files if re.search(r"(^|/)DIM_[^/]*\.XML$", file, re.IGNORECASE)])


def _maxar(files: list[str]) -> tuple[str, list[str]] | None:
    return _one_each([file for file in files if file.lower().endswith(".til")])


def _named(files: list[str]) -> tuple[str, list[str]] | None:
    return _one_each([file for file in files if file.lower().endswith(_RASTERS)])


def _one_each(files: list[str]) -> tuple[str, list[str]] | None:
    """Of two files the one that alone is called PAN, by its name or its folder's, and the other."""
    if len(files) != 2:
        return None
    for own in ("file", "folder"):
        names = {file: PurePosixPath(file).name if own == "file" else PurePosixPath(file).parent.name for file in files}
        called = [file for file in files if _PAN.search(names[file])]
        if len(called) == 1:
            (other,) = set(files) - set(called)
            return called[0], [other]
    return None
