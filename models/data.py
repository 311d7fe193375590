"""Training data: triples of PAN, MS and truth, held-out strips, and random patches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from bitpan.errors import DataError
from bitpan.models.degrade import to_counts, wald
from bitpan.models.readers import Arrays, read
from bitpan.models.sources import Source, parse
from bitpan.models.synth import synthesise

Counts = npt.NDArray[np.uint16]

GAP = 16
"""Columns of the truth left out between training and held-out pixels."""


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

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """pan, ms and gt as float tensors that hold the integers."""
        pan, ms, gt = (torch.from_numpy(image.astype(np.float32)) for image in (self.pan, self.ms, self.gt))
        return pan, ms, gt


def load(source: str, bands: Sequence[int] | None, bits: int, ratio: int, sensor: str) -> Triples:
    """Triples of one source, see :func:`bitpan.models.readers.read`.

    Args:
        source: file or files, with settings of their own where they differ, see :func:`bitpan.models.sources.parse`.
        bands: which MS bands to take, from 0, in this order; None takes all.
        bits: unsigned bits of the imagery.
        ratio: PAN pixels per MS pixel.
        sensor: whose MTF degrades a pair without truth, see :func:`bitpan.models.degrade.wald`.

    Raises:
        DataError: naming source, value and cure.
    """
    return load_source(parse(source, None if bands is None else tuple(bands), bits, sensor), ratio)


def load_source(own: Source, ratio: int) -> Triples:
    """Triples of one source."""
    arrays = read_checked(own)
    if "gt" not in arrays:
        arrays = _degraded(arrays, own, ratio)
    _check_shapes(arrays, own.files, ratio)
    return Triples(own.files, arrays["pan"], arrays["ms"], arrays["gt"])


def read_checked(own: Source) -> dict[str, Counts]:
    """The source's arrays in whole counts of its bits, the chosen bands alone."""
    arrays = {role: _checked(image, own.files, role, own.bits) for role, image in read(own.files).items()}
    if "gt" in arrays and any(own.shift):
        raise DataError(f"{own.files}: has a truth, so that a shift of {own.shift} means nothing; leave it out")
    if own.bands is not None:
        for role in arrays.keys() - {"pan"}:
            count = arrays[role].shape[1]
            if min(own.bands) < 0 or max(own.bands) >= count:
                asked = list(own.bands)
                raise DataError(f"{own.files}: {role} has bands 0 to {count - 1}; {asked} were asked for (--bands)")
            arrays[role] = arrays[role][:, list(own.bands)]
    return arrays


def _checked(image: npt.NDArray[np.float64], source: str, role: str, bits: int) -> Counts:
    if not np.isfinite(image).all():
        raise DataError(f"{source}: {role} holds NaN or infinity; crop it to valid pixels")
    low, high, top = float(image.min()), float(image.max()), (1 << bits) - 1
    if low < 0 or high > top:
        raise DataError(f"{source}: {role} spans {low:g} to {high:g}, but {bits} bits hold 0 to {top}; set --bits")
    if 0 < high <= 1:
        raise DataError(f"{source}: {role} spans {low:g} to {high:g}: scaled to one; give the sensor's counts")
    return np.floor(image + 0.5).astype(np.uint16)


def _degraded(arrays: Arrays, own: Source, ratio: int) -> Arrays:
    """Wald's protocol on a pair at full resolution, cropped to whole pixels of the degraded MS."""
    pan, ms = whole_pixels(arrays, own, ratio)
    pan_lr, ms_lr, gt = wald(pan[0], ms[0], ratio, own.sensor, shift=own.shift)
    low = {"pan": pan_lr, "ms": ms_lr, "gt": gt}
    return {role: to_counts(image, own.bits)[None] for role, image in low.items()}


def whole_pixels(arrays: Arrays, own: Source, ratio: int) -> tuple[Counts, Counts]:
    """A pair's PAN and MS, cropped so that the MS can be reduced by the ratio."""
    pan, ms = arrays["pan"], arrays["ms"]
    height, width = (size // ratio * ratio for size in ms.shape[2:])
    if any(abs(fine - coarse * ratio) >= ratio for fine, coarse in zip(pan.shape[2:], ms.shape[2:], strict=True)):
        raise DataError(f"{own.files}: PAN {pan.shape[2:]} and MS {ms.shape[2:]} are not at ratio {ratio}; set --ratio")
    if not height or not width:
        raise DataError(
            f"{own.files}: an MS of {ms.shape[2:]} pixels is too small to be reduced by {ratio}; give a larger pair"
        )
    return pan[..., : height * ratio, : width * ratio], ms[..., :height, :width]


def _check_shapes(arrays: Arrays, source: str, ratio: int) -> None:
    pan, ms, gt = arrays["pan"], arrays["ms"], arrays["gt"]
    samples, bands, height, width = gt.shape
    if pan.shape != (samples, 1, height, width) or ms.shape != (samples, bands, height // ratio, width // ratio):
        raise DataError(
            f"{source}: pan {pan.shape}, ms {ms.shape} and gt {gt.shape} do not fit together at ratio {ratio}"
        )


def synthetic(count: int, size: int, seed: int, bits: int) -> list[Triples]:
    """``count`` synthetic scenes of ``size`` PAN pixels, with the seeds ``seed``, ``seed + 1``, ..."""
    triples = []
    for i in tqdm(range(seed, seed + count), desc="synthetic scenes", unit="scene", dynamic_ncols=True, leave=False):
        scene = synthesise(size, i, bits=bits)
        triples.append(Triples(f"synthetic scene {i}", scene.pan[None], scene.ms[None], scene.truth[None]))
    return triples


def split(triples: Triples, fraction: float = 0.3) -> tuple[Triples, Triples]:
    """Training part and held-out part: the right ``fraction`` of the columns, a gap of 16 before it."""
    width = triples.gt.shape[-1]
    stop, start = division(triples.name, width, triples.ratio, fraction)
    return triples.columns(0, stop), triples.columns(start, width)


def division(name: str, width: int, ratio: int, fraction: float) -> tuple[int, int]:
    """Where the left part of ``width`` columns stops and the right ``fraction`` starts, multiples of the ratio."""
    start = round(width * (1 - fraction)) // ratio * ratio
    if start - GAP < ratio:
        raise DataError(f"{name}: {width} columns are too few to hold out {fraction:.0%} of them")
    return (start - GAP) // ratio * ratio, start


def draw(sources: Sequence[Triples], batch: int, patch: int, seed: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    """A batch of random patches, flipped and transposed at random: pan, ms and gt as floats.

    The same ``seed`` gives the same batch, so that a resumed training sees what it would have seen.
    """
    random = np.random.default_rng(seed)
    sizes = np.array([triples.gt.shape[0] * triples.gt.shape[2] * triples.gt.shape[3] for triples in sources], float)
    batches: tuple[list[Counts], ...] = ([], [], [])
    for which in random.choice(len(sources), batch, p=sizes / sizes.sum()):
        for images, image in zip(batches, _patch(sources[which], patch, random), strict=True):
            images.append(image)
    pan, ms, gt = (torch.from_numpy(np.stack(images).astype(np.float32)) for images in batches)
    return pan, ms, gt


def _patch(triples: Triples, patch: int, random: np.random.Generator) -> tuple[Counts, Counts, Counts]:
    ratio, (samples, _, height, width) = triples.ratio, triples.gt.shape
    if patch % ratio or patch > min(height, width):
        raise DataError(
            f"{triples.name}: {height}x{width} pixels hold no patch of {patch} at ratio {ratio}; set --patch"
        )
    n = random.integers(samples)
    y, x = (int(random.integers((size - patch) // ratio + 1)) for size in (height, width))
    flips = random.integers(0, 2, 3)

    def cut(images: Counts, step: int) -> Counts:
        size = patch // step
        top, left = y * ratio // step, x * ratio // step
        image = images[n, :, top : top + size, left : left + size]
        image = image[:, ::-1] if flips[0] else image
        image = image[:, :, ::-1] if flips[1] else image
        return image.transpose(0, 2, 1) if flips[2] else image

    return cut(triples.pan, 1), cut(triples.ms, ratio), cut(triples.gt, 1)
