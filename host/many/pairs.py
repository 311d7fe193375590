"""Which scenes a list names, or a folder holds: a PAN, an MS and an output each.

A *list* is a CSV file, ``pan,ms`` or ``pan,ms,output`` on each line. An MS in several files has ``;`` between them; it
is empty where the PAN is a product that has both (:mod:`bitpan.rasters.products`). Files are relative to the list's
folder, outputs to the folder of the outputs; names of GDAL's virtual file systems stay as they are. A line that is
empty, begins with ``#`` or is the heading ``pan,ms[,output]`` is none. Where no output is named, the scene is called
after its PAN, without the words below.

In a *folder* two files are a pair if their paths within it differ in nothing but the words that say what they are: PAN,
and one of :data:`MS_WORDS`, in small letters or capitals, set off by anything that is no letter and no digit. Of
several such words in a path the last one says what the file is. So ``A_PAN.tif`` goes with ``A_MS.tif``, ``pan/7.tif``
with ``ms/7.tif``, ``A/PAN.TIF`` with ``A/MUL.tif``. The scene is called by what remains: ``A``, ``7``, ``A``.
"""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bitpan.errors import DataError, ListWarning
from bitpan.rasters.names import is_virtual

PAN_WORD = "PAN"
MS_WORDS = ("MS", "MUL", "MSS", "XS")
SUFFIXES = (".tif", ".tiff", ".jp2", ".ntf", ".img", ".vrt")
"""What files of images end in, in small letters or capitals; in a folder others are left alone."""

_WORD = re.compile(rf"(?<![^\W_])({'|'.join((PAN_WORD, *MS_WORDS))})(?![^\W_])", re.IGNORECASE)
_RULE = "pairs are named alike but for the word PAN and MS, MUL, MSS or XS, as in A_PAN.tif and A_MS.tif"


@dataclass(frozen=True)
class Pair:
    """One scene of many.

    Attributes:
        scene: what it is called.
        pan, ms: names of its files, absolute; of a product all are in ``pan``.
        output: the image to be.
    """

    scene: str
    pan: str
    ms: tuple[str, ...]
    output: Path


def read_pairs(source: Path, outputs: Path) -> list[Pair]:
    """The scenes of a list or a folder, in its order or by name; outputs are in the folder ``outputs``.

    A :class:`ListWarning` names files of a folder that have no partner.

    Raises:
        DataError: there are none, a line is none, two have one name, or one output is another's input.
    """
    try:
        pairs = list(_of_folder(source, outputs) if source.is_dir() else _of_list(source, outputs))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{source}: cannot be read as a list of scenes ({error}); give a CSV file or a folder"
        ) from None
    if not pairs:
        raise DataError(f"{source}: names no scene; in a list a line is pan,ms[,output], in a folder {_RULE}")
    _require_apart(source, pairs)
    return pairs


def _of_list(source: Path, outputs: Path) -> Iterator[Pair]:
    with source.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file, skipinitialspace=True)
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#") or cells[:2] == ["pan", "ms"]:
                continue
            if len(cells) not in (2, 3) or not cells[0]:
                raise DataError(f"{source}, line {rows.line_num}: {','.join(row)!r} is not pan,ms or pan,ms,output")
            pan, *ms = (_located(source.parent, each.strip()) for each in (cells[0], *cells[1].split(";")) if each)
            named = Path("".join(cells[2:]) or f"{_plain(Path(pan).stem)}.tif")
            yield Pair(str(named.with_suffix("")), pan, tuple(ms), outputs / named)


def _located(folder: Path, name: str) -> str:
    return name if is_virtual(name) else os.path.abspath(folder / name)


def _of_folder(source: Path, outputs: Path) -> Iterator[Pair]:
    found: dict[str, tuple[list[Path], list[Path]]] = {}
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        words = _WORD.findall(str(inside.with_suffix("")))
        hidden = any(part.startswith(".") for part in inside.parts)
        if words and path.suffix.lower() in SUFFIXES and not hidden and outputs.resolve() not in path.resolve().parents:
            two = found.setdefault(_WORD.sub("*", str(inside.with_suffix(""))).lower(), ([], []))
            two[words[-1].upper() != PAN_WORD].append(path)
    lonely = []
    for pans, mss in found.values():
        if max(len(pans), len(mss)) > 1:
            names = ", ".join(map(str, pans if len(pans) > 1 else mss))
            raise DataError(f"{source}: which of {names} is it? {_RULE}; take one away, or write a list")
        if not pans or not mss:
            lonely += pans + mss
            continue
        scene = _plain(str(pans[0].relative_to(source).with_suffix("")))
        pan, ms = (os.path.abspath(own[0]) for own in (pans, mss))
        yield Pair(scene, pan, (ms,), outputs / f"{scene}.tif")
    if lonely:
        warnings.warn(
            f"{source}: no partner for {_few(lonely)}; {_RULE}; write a list where they are not",
            ListWarning,
            stacklevel=2,
        )


def _plain(path: str) -> str:
    """A path without the words and what set them off, ``fused`` where nothing remains."""
    parts = (re.sub(r"[\W_]*\0[\W_]*$|^[\W_]*\0[\W_]*|[\W_]?\0", "", _WORD.sub("\0", part)) for part in path.split("/"))
    return "/".join(filter(None, parts)) or "fused"


def _require_apart(source: Path, pairs: Iterable[Pair]) -> None:
    """Raise :class:`DataError` where two scenes have one output, or one is written over a file that is read."""
    inputs = {Path(name).resolve() for pair in pairs for name in (pair.pan, *pair.ms) if not is_virtual(name)}
    taken: dict[Path, Pair] = {}
    for pair in pairs:
        output = pair.output.resolve()
        other = taken.setdefault(output.with_suffix(""), pair)  # their parameters lie beside them
        if other is not pair:
            raise DataError(
                f"{source}: {other.pan} and {pair.pan} would both become {pair.output}; name the outputs in a list, as "
                "in pan,ms,output"
            )
        if output in inputs:
            raise DataError(f"{source}: {pair.output} is an input too; give another folder, or name the output")


def _few(paths: list[Path]) -> str:
    return ", ".join(map(str, paths[:3])) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
