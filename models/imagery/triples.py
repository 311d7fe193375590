"""Training data: triples of PAN, MS and truth, held-out strips, and random patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tqdm import tqdm

from bitpan.errors import DataError
from bitpan.models.imagery.degrade import Counts, to_counts, wald
from bitpan.models.imagery.readers import read
from bitpan.models.imagery.sources import Bands, Source, parse
from bitpan.models.imagery.spectra import GENERIC, Optics
from bitpan.models.imagery.synth import synthesise
from bitpan.models.imagery.windows import reduced
from bitpan.radiometry import MOST_BITS, levelled
from bitpan.rasters.unread import Arrays as Images
from bitpan.rasters.unread import Stack, Unread, extremes

ALL = slice(None)

GAP = 16
"""Columns of the truth left out between training and held-out pixels."""

BLOCK = 4
"""Of the truth's pixels: what no network divides further."""

HELD_OUT_SEED = 1_000_000
"""Synthetic scenes from this seed on are never trained on."""


@dataclass(frozen=True)
class Triples:
    """Images of one source with their truth.

    Attributes:
        name: of the source.
        pan, ms, gt: counts, ``(N, 1, H, W)``, ``(N, B, H/ratio, W/ratio)`` and ``(N, B, H, W)``; of
            :func:`open_source` alone they may be unread.
    """

    name: str
    pan: Counts
    ms: Counts
    gt: Counts

    def held(self) -> Triples:
        """The same in memory."""
        return Triples(self.name, *(np.asarray(images) for images in (self.pan, self.ms, self.gt)))

    @property
    def ratio(self) -> int:
        """PAN pixels per MS pixel."""
        return int(self.pan.shape[-1] // self.ms.shape[-1])

    def levelled(self, bits: int, offset: int, balance: Sequence[float]) -> Triples:
        """The same, PAN matched, each image at its own level for a network of these bits, this offset and balance."""
        images = []
        for pan, ms, gt in zip(self.pan, self.ms, self.gt, strict=True):
            *seen, level = levelled(pan, ms, bits, offset, balance)
            images.append([*seen, level.apply(gt)])
        return Triples(self.name, *(np.stack(each).astype(np.uint16) for each in zip(*images, strict=True)))

    def part(self, samples: slice = ALL, rows: slice = ALL, columns: slice = ALL) -> Triples:
        """Some samples, and rows and columns of the truth, which start and stop at multiples of the ratio."""

        def coarse(side: slice) -> slice:
            return slice(*(place and place // self.ratio for place in (side.start, side.stop)))

        fine, own = (samples, ALL, rows, columns), (samples, ALL, coarse(rows), coarse(columns))
        return Triples(self.name, self.pan[fine], self.ms[own], self.gt[fine])


def load_source(own: Source, ratio: int) -> Triples:
    """What :func:`open_source` gives, in memory."""
    return open_source(own, ratio).held()


def open_source(own: Source, ratio: int) -> Triples:
    """Triples of one source at this ratio; a pair without a truth is degraded, see :func:`.degrade.wald`.

    Those of a large pair of rasters are unread, see :func:`.readers.read`.

    Raises:
        DataError: naming source, value and cure.
    """
    arrays, own = read_checked(own, ratio)
    if "gt" not in arrays:
        arrays = _degraded(arrays, own, ratio)
    triples = Triples(own.files, **arrays)
    pan, ms, (samples, bands, height, width) = triples.pan.shape, triples.ms.shape, triples.gt.shape
    if pan != (samples, 1, height, width) or ms != (samples, bands, height // ratio, width // ratio):
        raise DataError(
            f"{own.files}: pan {pan}, ms {ms} and gt {triples.gt.shape} do not fit together at ratio {ratio}"
        )
    triples = triples.part(rows=slice(0, whole(height, ratio)), columns=slice(0, whole(width, ratio)))
    check_constant(triples, own.files, own.bands)
    return triples


def whole(size: int, ratio: int) -> int:
    """The most of so many pixels of a truth that are whole blocks, of the ratio's pixels and of :data:`BLOCK`."""
    block = math.lcm(ratio, BLOCK)
    return size // block * block


def read_checked(own: Source, ratio: int) -> tuple[dict[str, Counts], Source]:
    """The source's arrays in whole counts of its bits, the chosen bands alone; and the source with all of its shift."""
    found, shift = read(own, ratio)
    arrays = {role: _checked(image, own.files, role, _depth(role, own.bits)) for role, image in found.items()}
    if "gt" in arrays and any(own.shift):
        raise DataError(f"{own.files}: has a truth, to which PAN and MS are registered; leave --shift out")
    return arrays, replace(own, shift=shift)


def _depth(role: str, bits: int) -> int:
    return MOST_BITS if role == "pan" else bits


def needed_bits(sources: Sequence[str], bands: Bands, least: int, ratio: int) -> int:
    """The bits that hold every count of these sources' MS, ``least`` or more; bands as of :func:`.sources.parse`."""
    arrays = (read_checked(parse(text, bands, MOST_BITS), ratio)[0] for text in sources)
    tops = (int(extremes(image)[1]) for found in arrays for role, image in found.items() if role != "pan")
    return max([least, *(top.bit_length() for top in tops)])


def _checked(image: Images, source: str, role: str, bits: int) -> Any:  # noqa: ANN401 -- counts, unread ones too
    if image.dtype.kind not in "uif" or not image.size:
        raise DataError(f"{source}: {role} is {image.dtype} of shape {image.shape}; give arrays of real numbers")
    (low, high), top = extremes(image), (1 << bits) - 1
    if not math.isfinite(high - low):
        raise DataError(f"{source}: {role} holds NaN or infinity; crop it to valid pixels")
    if low < 0 or high > top:
        raise DataError(f"{source}: {role} spans {low:g} to {high:g}, but {bits} bits hold 0 to {top}; set --bits")
    if 0 < high <= 1:
        raise DataError(f"{source}: {role} spans {low:g} to {high:g}: scaled to one; give the sensor's counts")
    if isinstance(image, Stack):
        return image
    if image.dtype.kind != "f":
        return image.astype(np.uint16, copy=False)
    counts = np.empty(image.shape, np.uint16)
    for whole, sample in zip(counts, image, strict=True):  # one by one: a training set is gigabytes of float64
        whole[...] = np.floor(sample + 0.5)
    return counts


def _degraded(arrays: dict[str, Counts], own: Source, ratio: int) -> dict[str, Any]:
    """Wald's protocol on pairs at full resolution, cropped to whole pixels of the degraded MS."""
    pairs = list(zip(*whole_pixels(arrays, own, ratio), strict=True))
    if any(isinstance(ms, Unread) for _, ms in pairs):
        unread = [(*reduced(pan, ms, ratio, own.sensor, own.shift, own.bits), ms) for pan, ms in pairs]
        columns = zip(*unread, strict=True)
        return {role: Stack(images) for role, images in zip(("pan", "ms", "gt"), columns, strict=True)}
    samples = [wald(pan, ms, ratio, own.sensor, shift=own.shift) for pan, ms in pairs]
    pans, low, gts = zip(*samples, strict=True)
    found = {"pan": (to_counts(pan, MOST_BITS) for pan in pans), "ms": (to_counts(ms, own.bits) for ms in low)}
    return {role: np.stack(list(images)) for role, images in (found | {"gt": gts}).items()}


def whole_pixels(arrays: dict[str, Counts], own: Source, ratio: int) -> tuple[Counts, Counts]:
    """The pairs' PAN and MS, cropped so that the MS is a truth of whole blocks."""
    pan, ms = arrays["pan"], arrays["ms"]
    if len(pan) != len(ms):
        raise DataError(f"{own.files}: holds {len(pan)} PAN and {len(ms)} MS images; give as many of each")
    height, width = (whole(size, ratio) for size in ms.shape[2:])
    if any(abs(fine - coarse * ratio) >= ratio for fine, coarse in zip(pan.shape[2:], ms.shape[2:], strict=True)):
        raise DataError(f"{own.files}: PAN {pan.shape[2:]} and MS {ms.shape[2:]} are not at ratio {ratio}; set --ratio")
    if not height or not width:
        raise DataError(
            f"{own.files}: an MS of {ms.shape[2:]} pixels is too small for ratio {ratio}; give a larger pair"
        )
    dy, dx = own.shift
    if not (abs(dy) <= 4 * ratio and abs(dx) <= 4 * ratio):
        raise DataError(f"{own.files}: a shift of {dy:g},{dx:g}: at most {4 * ratio} PAN pixels; crop the pair instead")
    return pan[..., : height * ratio, : width * ratio], ms[..., :height, :width]


def check_constant(triples: Triples, source: str, bands: Sequence[int] | None) -> None:
    """Refuse bands of one value: SAM and ERGAS mean nothing there, and a calibration would rest on nothing."""
    count = triples.gt.shape[1]
    numbers = bands if bands and len(bands) == count else range(1, count + 1)
    images = {"the PAN": triples.pan} | {f"MS band {n}": triples.gt[:, i : i + 1] for i, n in enumerate(numbers)}
    for name, image in images.items():
        least, most = extremes(image)
        if least == most:
            raise DataError(f"{source}: {name} is {int(least)} everywhere; leave it out or take another")


def synthetic(
    count: int, size: int, seed: int, bits: int, ratio: int = 4, optics: Optics = GENERIC, quiet: bool = False
) -> list[Triples]:
    """``count`` scenes of ``size`` PAN pixels, with the seeds ``seed``, ``seed + 1``, ...; ``quiet``: without a bar."""
    seeds = range(seed, seed + count)
    bar = tqdm(seeds, "synthetic scenes", unit="scene", dynamic_ncols=True, leave=False, disable=quiet)
    scenes = ((i, synthesise(size, i, bits, ratio, optics=optics)) for i in bar)
    return [Triples(f"synthetic scene {i}", own.pan[None], own.ms[None], own.truth[None]) for i, own in scenes]


def split(triples: Triples, fraction: float = 0.3) -> tuple[Triples, Triples]:
    """Training part and held-out part.

    Of one image the right ``fraction`` of the columns is held out, with a gap of 16 before it; of several the last
    ``fraction`` of the images, at least one.
    """
    count, width = len(triples.gt), triples.gt.shape[-1]
    if count > 1:
        kept = min(max(round(count * (1 - fraction)), 1), count - 1)
        return triples.part(slice(0, kept)), triples.part(slice(kept, count))
    start = whole(round(width * (1 - fraction)), triples.ratio)
    stop = whole(start - GAP, triples.ratio)
    if stop <= 0:
        raise DataError(f"{triples.name}: {width} columns are too few to hold out {fraction:.0%} of them")
    return triples.part(columns=slice(0, stop)), triples.part(columns=slice(start, width))
