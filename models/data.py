"""Training data: triples of PAN, MS and truth, held-out strips, and random patches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from bitpan.errors import DataError
from bitpan.models import distributed
from bitpan.models.degrade import to_counts, wald
from bitpan.models.readers import Arrays, read
from bitpan.models.settings import Settings
from bitpan.models.sources import Source, parse
from bitpan.models.synth import synthesise

Counts = npt.NDArray[np.uint16]

GAP = 16
"""Columns of the truth left out between training and held-out pixels."""

HELD_OUT_SEED = 1_000_000
"""Synthetic scenes from this seed on are never trained on."""


@dataclass(frozen=True)
class Triples:
    """Images of one source with their truth.

    Attributes:
        name: of the source.
        pan: ``(N, 1, H, W)`` counts.
        ms: ``(N, B, H/ratio, W/ratio)`` counts.
        gt: ``(N, B, H, W)`` counts.
    """

    name: str
    pan: Counts
    ms: Counts
    gt: Counts

    @property
    def ratio(self) -> int:
        """PAN pixels per MS pixel."""
        return int(self.pan.shape[-1] // self.ms.shape[-1])

    def columns(self, start: int, stop: int) -> Triples:
        """The columns ``start ... stop`` of the truth, both multiples of the ratio."""
        fine, coarse = slice(start, stop), slice(start // self.ratio, stop // self.ratio)
        return Triples(self.name, self.pan[..., fine], self.ms[..., coarse], self.gt[..., fine])

    def samples(self, start: int, stop: int) -> Triples:
        """The samples ``start ... stop``."""
        return Triples(self.name, self.pan[start:stop], self.ms[start:stop], self.gt[start:stop])

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """pan, ms and gt as float tensors that hold the integers."""
        pan, ms, gt = (torch.from_numpy(image.astype(np.float32)) for image in (self.pan, self.ms, self.gt))
        return pan, ms, gt


def gather(settings: Settings) -> tuple[list[Triples], list[Triples]]:
    """Training and held-out images of all sources.

    Raises:
        DataError: naming source, value and cure.
    """
    own = settings
    parsed = [parse(source, own.bands, own.bits, own.sensor, own.shift) for source in own.data]
    sources = [load_source(source, own.ratio) for source in parsed]
    _compare_depths([loaded for source, loaded in zip(parsed, sources, strict=True) if not source.depth_stated])
    if own.reserve > 0:
        sources = [split(source, own.reserve)[0] for source in sources]
    training, held_out = list(sources), []
    if own.hold_out > 0:
        parts = [split(source, own.hold_out) for source in sources]
        training, held_out = [part for part, _ in parts], [rest for _, rest in parts]
        for part in held_out:
            _check_constant({"pan": part.pan, "gt": part.gt}, f"{part.name}, what is held out of it", own.bands)
    if own.synthetic and own.seed + own.synthetic > HELD_OUT_SEED:
        raise DataError(f"--seed {own.seed}: synthetic scenes from {HELD_OUT_SEED} on are held out; take a lower one")
    if own.synthetic:
        training += synthetic(own.synthetic, own.scene_size, own.seed, own.bits)
        held_out += synthetic(2, own.scene_size, HELD_OUT_SEED, own.bits)
    if not training:
        raise DataError("there is nothing to train on; give --data or --synthetic N")
    _check_bands(training)
    return training, held_out


def _check_bands(sources: Sequence[Triples]) -> None:
    first = sources[0]
    for other in sources[1:]:
        if other.gt.shape[1] != first.gt.shape[1]:
            raise DataError(
                f"{first.name} has {first.gt.shape[1]} bands, {other.name} {other.gt.shape[1]}; choose the same number "
                "of each with --bands"
            )


def _compare_depths(sources: Sequence[Triples]) -> None:
    """Refuse imagery of another depth among the rest; one bit less is a darker scene."""
    depths = {source.name: int(max(source.pan.max(), source.gt.max())).bit_length() for source in sources}
    low, high = min(depths, key=depths.__getitem__, default=""), max(depths, key=depths.__getitem__, default="")
    if low and depths[high] - depths[low] > 1:
        raise DataError(
            f"the bit depths differ: {low} fills {depths[low]} bits, {high} {depths[high]}; where their counts do mean "
            f"the same say so, as in {low}:bits={depths[low]}"
        )


def load(
    source: str,
    bands: Sequence[int] | None,
    bits: int,
    ratio: int,
    sensor: str,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Triples:
    """Triples of one source, see :func:`bitpan.models.readers.read`.

    Args:
        source: file or files, with settings of their own where they differ, see :func:`bitpan.models.sources.parse`.
        bands: which MS bands to take, from 0, in this order; None takes all.
        bits: unsigned bits of the imagery.
        ratio: PAN pixels per MS pixel.
        sensor: whose MTF degrades a pair without truth, see :func:`bitpan.models.degrade.wald`.
        shift: displacement (dy, dx) of a pair's MS, in PAN pixels, see the same.

    Raises:
        DataError: naming source, value and cure.
    """
    return load_source(parse(source, None if bands is None else tuple(bands), bits, sensor, shift), ratio)


def load_source(own: Source, ratio: int) -> Triples:
    """Triples of one source."""
    arrays = read_checked(own)
    if "gt" not in arrays:
        arrays = _degraded(arrays, own, ratio)
    _check_shapes(arrays, own.files, ratio)
    _check_constant(arrays, own.files, own.bands)
    return Triples(own.files, arrays["pan"], arrays["ms"], arrays["gt"])


def read_checked(own: Source) -> dict[str, Counts]:
    """The source's arrays in whole counts of its bits, the chosen bands alone."""
    arrays = {role: _checked(image, own.files, role, own.bits) for role, image in read(own.files).items()}
    if "gt" in arrays and any(own.shift):
        raise DataError(f"{own.files}: has a truth, to which PAN and MS are registered; leave --shift out")
    if own.bands is not None:
        for role in arrays.keys() - {"pan"}:
            count = arrays[role].shape[1]
            if min(own.bands) < 0 or max(own.bands) >= count:
                asked = list(own.bands)
                raise DataError(f"{own.files}: {role} has bands 0 to {count - 1}; {asked} were asked for (--bands)")
            arrays[role] = arrays[role][:, list(own.bands)]
    return arrays


def _checked(image: npt.NDArray[Any], source: str, role: str, bits: int) -> Counts:
    if image.dtype.kind not in "uif" or not image.size:
        raise DataError(f"{source}: {role} is {image.dtype} of shape {image.shape}; give arrays of real numbers")
    if not np.isfinite(image).all():
        raise DataError(f"{source}: {role} holds NaN or infinity; crop it to valid pixels")
    low, high, top = float(image.min()), float(image.max()), (1 << bits) - 1
    if low < 0 or high > top:
        raise DataError(f"{source}: {role} spans {low:g} to {high:g}, but {bits} bits hold 0 to {top}; set --bits")
    if 0 < high <= 1:
        raise DataError(f"{source}: {role} spans {low:g} to {high:g}: scaled to one; give the sensor's counts")
    counts = np.empty(image.shape, np.uint16)
    for whole, sample in zip(counts, image, strict=True):  # one by one: a training set is gigabytes of float64
        whole[...] = np.floor(sample + 0.5)
    return counts


def _degraded(arrays: Arrays, own: Source, ratio: int) -> Arrays:
    """Wald's protocol on pairs at full resolution, cropped to whole pixels of the degraded MS."""
    pairs = zip(*whole_pixels(arrays, own, ratio), strict=True)
    samples = [wald(pan, ms, ratio, own.sensor, shift=own.shift) for pan, ms in pairs]
    roles = zip(("pan", "ms", "gt"), zip(*samples, strict=True), strict=True)
    return {role: np.stack([to_counts(image, own.bits) for image in images]) for role, images in roles}


def whole_pixels(arrays: Arrays, own: Source, ratio: int) -> tuple[Counts, Counts]:
    """The pairs' PAN and MS, cropped so that the MS can be reduced by the ratio."""
    pan, ms = arrays["pan"], arrays["ms"]
    if len(pan) != len(ms):
        raise DataError(f"{own.files}: holds {len(pan)} PAN and {len(ms)} MS images; give as many of each")
    height, width = (size // ratio * ratio for size in ms.shape[2:])
    if any(abs(fine - coarse * ratio) >= ratio for fine, coarse in zip(pan.shape[2:], ms.shape[2:], strict=True)):
        raise DataError(f"{own.files}: PAN {pan.shape[2:]} and MS {ms.shape[2:]} are not at ratio {ratio}; set --ratio")
    if not height or not width:
        raise DataError(
            f"{own.files}: an MS of {ms.shape[2:]} pixels is too small to be reduced by {ratio}; give a larger pair"
        )
    if not all(abs(shift) <= 4 * ratio for shift in own.shift):
        dy, dx = own.shift
        raise DataError(f"{own.files}: a shift of {dy:g},{dx:g}: at most {4 * ratio} PAN pixels; crop the pair instead")
    return pan[..., : height * ratio, : width * ratio], ms[..., :height, :width]


def _check_shapes(arrays: Arrays, source: str, ratio: int) -> None:
    pan, ms, gt = arrays["pan"], arrays["ms"], arrays["gt"]
    samples, bands, height, width = gt.shape
    if pan.shape != (samples, 1, height, width) or ms.shape != (samples, bands, height // ratio, width // ratio):
        raise DataError(
            f"{source}: pan {pan.shape}, ms {ms.shape} and gt {gt.shape} do not fit together at ratio {ratio}"
        )


def _check_constant(arrays: Arrays, source: str, bands: Sequence[int] | None) -> None:
    """Refuse bands of one value: SAM and ERGAS mean nothing there, and a calibration would rest on nothing."""
    for role in ("pan", "gt"):
        for i in range(arrays[role].shape[1]):
            band = arrays[role][:, i]
            if band.min() == band.max():
                where = "the PAN" if role == "pan" else f"MS band {i if bands is None else bands[i]}"
                raise DataError(f"{source}: {where} is {int(band.min())} everywhere; leave it out or take another")


def synthetic(count: int, size: int, seed: int, bits: int) -> list[Triples]:
    """``count`` synthetic scenes of ``size`` PAN pixels, with the seeds ``seed``, ``seed + 1``, ..."""
    triples = []
    seeds, silent = range(seed, seed + count), distributed.rank() > 0
    for i in tqdm(seeds, "synthetic scenes", unit="scene", dynamic_ncols=True, leave=False, disable=silent):
        scene = synthesise(size, i, bits=bits)
        triples.append(Triples(f"synthetic scene {i}", scene.pan[None], scene.ms[None], scene.truth[None]))
    return triples


def split(triples: Triples, fraction: float = 0.3) -> tuple[Triples, Triples]:
    """Training part and held-out part.

    Of one image the right ``fraction`` of the columns is held out, with a gap of 16 before it; of several the last
    ``fraction`` of the images, at least one.
    """
    count, width = len(triples.gt), triples.gt.shape[-1]
    if count > 1:
        kept = min(max(round(count * (1 - fraction)), 1), count - 1)
        return triples.samples(0, kept), triples.samples(kept, count)
    stop, start = division(triples.name, width, triples.ratio, fraction)
    return triples.columns(0, stop), triples.columns(start, width)


def division(name: str, width: int, ratio: int, fraction: float) -> tuple[int, int]:
    """Where the left part of ``width`` columns stops and the right ``fraction`` starts, multiples of the ratio."""
    start = round(width * (1 - fraction)) // ratio * ratio
    if start - GAP < ratio:
        raise DataError(f"{name}: {width} columns are too few to hold out {fraction:.0%} of them")
    return (start - GAP) // ratio * ratio, start


def draw(
    sources: Sequence[Triples], batch: int, patch: int, seed: Sequence[int], part: slice = slice(None)
) -> tuple[Tensor, Tensor, Tensor]:
    """A batch of random patches, flipped and transposed at random: pan, ms and gt as floats.

    The same ``seed`` gives the same batch, so that a resumed training sees what it would have seen; ``part`` of it is
    cut out and returned, so that several processes can share it.
    """
    random = np.random.default_rng(seed)
    sizes = np.array([triples.gt.shape[0] * triples.gt.shape[2] * triples.gt.shape[3] for triples in sources], float)
    which = random.choice(len(sources), batch, p=sizes / sizes.sum())
    places = [(sources[i], _place(sources[i], patch, random)) for i in which]
    cuts = [_cut(triples, patch, place) for triples, place in places[part]]
    pan, ms, gt = (torch.from_numpy(np.stack(images).astype(np.float32)) for images in zip(*cuts, strict=True))
    return pan, ms, gt


Place = tuple[int, int, int, npt.NDArray[np.int64]]
"""Sample, row and column in MS pixels, and whether to flip either axis and to transpose."""


def _place(triples: Triples, patch: int, random: np.random.Generator) -> Place:
    ratio, (samples, _, height, width) = triples.ratio, triples.gt.shape
    if patch % ratio or patch > min(height, width):
        raise DataError(
            f"{triples.name}: {height}x{width} pixels hold no patch of {patch} at ratio {ratio}; set --patch, or hold "
            "out less"
        )
    n = int(random.integers(samples))
    y, x = (int(random.integers((size - patch) // ratio + 1)) for size in (height, width))
    return n, y, x, random.integers(0, 2, 3)


def _cut(triples: Triples, patch: int, place: Place) -> tuple[Counts, Counts, Counts]:
    ratio, (n, y, x, flips) = triples.ratio, place

    def cut(images: Counts, step: int) -> Counts:
        size = patch // step
        top, left = y * ratio // step, x * ratio // step
        image = images[n, :, top : top + size, left : left + size]
        image = image[:, ::-1] if flips[0] else image
        image = image[:, :, ::-1] if flips[1] else image
        return image.transpose(0, 2, 1) if flips[2] else image

    return cut(triples.pan, 1), cut(triples.ms, ratio), cut(triples.gt, 1)
