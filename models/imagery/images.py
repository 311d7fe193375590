"""Images to judge methods on: held-out strips, reduced with their truth or at full resolution, and synthetic scenes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from bitpan.errors import DataError
from bitpan.models.imagery.degrade import Counts
from bitpan.models.imagery.sources import Source
from bitpan.models.imagery.spectra import GENERIC, Optics
from bitpan.models.imagery.triples import Triples, open_source, read_checked, split, synthetic, whole_pixels

LARGEST = 1280
"""PAN pixels of a side beyond which an image is judged in parts: a network's features of more take gigabytes."""

PART = 32
"""PAN pixels of which the parts' edges are multiples, by ratio: whole blocks of the indices, and of every network."""


@dataclass(frozen=True)
class Image:
    """One PAN/MS pair, and its truth where there is one.

    Attributes:
        name: for tables and files.
        pan, ms, gt: counts, ``(1, H, W)``, ``(B, H/ratio, W/ratio)`` and ``(B, H, W)``; gt is None at full resolution.
            They may be unread (:mod:`bitpan.rasters.unread`) until the image is :meth:`held`.
        bits, sensor: unsigned bits of the imagery, and whose MTF it has.
        drawn: whether it gets a quick-look; of the parts of an image the middle one does.
        whole, window: of a part, the image that it is of, and which of its rows and columns.
    """

    name: str
    pan: Counts
    ms: Counts
    gt: Counts | None
    bits: int = 11
    sensor: str = "generic"
    drawn: bool = True
    whole: Image | None = None
    window: tuple[slice, slice] = (slice(None), slice(None))

    @property
    def ratio(self) -> int:
        """PAN pixels per MS pixel."""
        return int(self.pan.shape[-1] // self.ms.shape[-1])

    def without_truth(self) -> Image:
        """The pair alone, to be judged as at full resolution."""
        return replace(self, name=f"{self.name}-full", gt=None)

    def held(self) -> Image:
        """The same in memory."""
        gt = None if self.gt is None else np.asarray(self.gt)
        return replace(self, pan=np.asarray(self.pan), ms=np.asarray(self.ms), gt=gt)

    def parts(self) -> list[Image]:
        """The image itself, or where a side is longer than :data:`LARGEST` its parts, about equal, in raster order."""
        cuts = [_cuts(side, math.lcm(PART, self.ratio)) for side in self.pan.shape[1:]]
        windows = [(slice(*rows), slice(*columns)) for rows in cuts[0] for columns in cuts[1]]
        if len(windows) == 1:
            return [self]

        def part(number: int, fine: tuple[slice, slice]) -> Image:
            coarse = tuple(slice(each.start // self.ratio, each.stop // self.ratio) for each in fine)
            own: dict[str, Any] = {"pan": self.pan[:, fine[0], fine[1]], "ms": self.ms[:, coarse[0], coarse[1]]}
            own |= {"whole": self, "window": fine}
            own["gt"] = None if self.gt is None else self.gt[:, fine[0], fine[1]]
            return replace(self, name=f"{self.name}-part{number}", drawn=number == (len(windows) + 1) // 2, **own)

        return [part(number, window) for number, window in enumerate(windows, start=1)]


def _cuts(side: int, grid: int) -> list[tuple[int, int]]:
    """First and past the last pixel of each part of a side."""
    count = -(-side // LARGEST)
    edges = [side * i // count // grid * grid for i in range(count)]
    return list(pairwise([*edges, side]))


def whole_images(triples: Triples, bits: int = 11, sensor: str = "generic") -> list[Image]:
    """Every image of ``triples``, of any size."""
    names = [triples.name] if len(triples.gt) == 1 else [f"{triples.name}-{i}" for i in range(len(triples.gt))]
    return [
        Image(name, pan, ms, gt, bits, sensor)
        for name, pan, ms, gt in zip(names, triples.pan, triples.ms, triples.gt, strict=True)
    ]


def in_parts(images: Iterable[Image]) -> list[Image]:
    """Large ones in parts, see :meth:`Image.parts`."""
    return [part for image in images for part in image.parts()]


def gather_images(sources: Sequence[Source], ratio: int, fraction: float, full: bool) -> list[Image]:
    """What :func:`split` holds out of every source (a fraction of 1: all): reduced, and if ``full`` the pairs too.

    Large ones are :func:`in_parts`.
    """
    images = []
    for source in sources:
        reduced = replace(open_source(source, ratio), name=source.name)
        part = reduced if fraction == 1 else split(reduced, fraction)[1]
        held_out = whole_images(part, source.bits, source.sensor)
        images += held_out
        if full:
            images += _pairs(source, ratio, held_out)
    return in_parts(named_apart(images))


def _pairs(source: Source, ratio: int, reduced: Sequence[Image]) -> list[Image]:
    """The same parts at full resolution. A source with a truth has no such pairs: its own are taken without it."""
    arrays, source = read_checked(source, ratio)
    if "gt" in arrays:
        return [image.without_truth() for image in reduced]
    pan, ms = whole_pixels(arrays, source, ratio)
    count, width = len(reduced), reduced[0].pan.shape[-1]
    held_out = zip(pan[-count:, ..., -ratio * width :], ms[-count:, ..., -width:], strict=True)
    pairs = [registered(*pair, source, ratio) for pair in held_out]
    return [replace(image, pan=p, ms=m).without_truth() for image, (p, m) in zip(reduced, pairs, strict=True)]


def registered(pan: Counts, ms: Counts, source: Source, ratio: int) -> tuple[Counts, Counts]:
    """The PAN moved by the whole pixels of the source's shift onto the MS, which loses that margin on every side.

    What is left of the shift is at most half a PAN pixel, so that no method needs to know it.
    """
    dy, dx = (round(shift) for shift in source.shift)
    margin = math.ceil(max(abs(dy), abs(dx)) / ratio)
    height, width = (size - 2 * margin for size in ms.shape[1:])
    if min(height, width) < ratio:
        raise DataError(f"{source.files}: a shift of {source.shift} leaves nothing of an MS of {ms.shape[1:]} pixels")
    top, left = ratio * margin + dy, ratio * margin + dx
    inside = pan[:, top : top + ratio * height, left : left + ratio * width]
    return inside, ms[:, margin : margin + height, margin : margin + width]


def require_equal_bands(images: Sequence[Image | Triples]) -> None:
    """Raise :class:`DataError` where one image has more bands than another."""
    bands = {image.ms.shape[-3]: image.name for image in reversed(images)}
    if len(bands) > 1:
        (last, its_name), *_, (first, name) = bands.items()
        raise DataError(
            f"the sources have {sorted(bands)} bands: {name} has {first} bands, {its_name} {last}; choose the same "
            "number of each with --bands, or as in :bands=2,3,5,7"
        )


def synthetic_images(
    count: int, size: int, seed: int, bits: int, full: bool, ratio: int = 4, optics: Optics = GENERIC
) -> list[Image]:
    """``count`` synthetic scenes of ``size`` PAN pixels from ``seed`` on, and if ``full`` the pairs without a truth."""
    if count < 0:
        raise DataError(f"{count} synthetic scenes cannot be made; 0 or more")
    made = synthetic(count, size, seed, bits, ratio, optics)
    images = [image for triples in made for image in whole_images(triples, bits)]
    return in_parts(images + [image.without_truth() for image in images if full])


def named_apart(images: Sequence[Image]) -> list[Image]:
    """The images with a number appended to a name that was there before."""
    seen: Counter[str] = Counter()
    apart = []
    for image in images:
        seen[image.name] += 1
        apart.append(image if seen[image.name] == 1 else replace(image, name=f"{image.name}-{seen[image.name]}"))
    return apart
