"""Methods by indices on images: how good networks and classical methods are, each image with its own statistics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bitpan.arithmetic import Integers, bordered
from bitpan.camera.consistency import Camera, consistent
from bitpan.camera.sharpness import gain_of, gradient_sums
from bitpan.errors import DataError, naming
from bitpan.models.imagery.degrade import Counts, to_counts
from bitpan.models.imagery.images import Image, in_parts, whole_images
from bitpan.models.imagery.triples import Triples
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.pansharpener import PanSharpener
from bitpan.models.quality import full_resolution, metrics
from bitpan.models.quality.classical import METHODS
from bitpan.models.quality.metrics import cut
from bitpan.models.quality.unrounded import unrounded
from bitpan.models.training import distributed
from bitpan.models.training.checkpoint import load_network
from bitpan.radiometry import levelled

Table = dict[str, dict[str, float]]
"""Method: index: value."""

Method = Callable[[Image], Counts]
"""Fuses an image: ``(B, H, W)`` counts."""

REAL = "{}, real features"
"""What a network without rounding is called in the table."""

MOST_SAMPLES = 16
"""Images taken of one source at the end of a training."""


@dataclass(frozen=True)
class Judgement:
    """Indices by name of one method on one image."""

    image: str
    method: str
    indices: Mapping[str, float]


def _fused(image: Image, network: PanSharpener, fuse: Callable[[Integers, Integers], npt.NDArray[Any]]) -> Counts:
    """What ``fuse`` makes of PAN and MS as the network wants them, in the image's own counts."""
    own = network.configuration
    pan, ms, level = levelled(image.pan, image.ms, own.bits, own.offset, own.balance)
    everywhere = np.ones(image.ms.shape[1:], np.bool_)
    camera = Camera(image.ratio, gain=gain_of([gradient_sums(image.pan, image.ms, image.ratio)]))
    own_counts = consistent(level.restored(fuse(pan, ms)), image.ms, everywhere, camera)
    return np.asarray(np.minimum(own_counts, (1 << image.bits) - 1), np.uint16)


def _tensors(network: PanSharpener, *images: Integers) -> list[torch.Tensor]:
    """``(1, ., H, W)``, where the network is."""
    device = next(network.parameters()).device
    return [torch.tensor(image[None], dtype=torch.float32, device=device) for image in images]


def network_method(network: PanSharpener) -> Method:
    """The network as it will be used, not as it is trained, with every image's own scene parameters."""

    @torch.no_grad()
    def fuse(pan: Integers, ms: Integers) -> Counts:
        training = network.training
        fused = network.eval()(*_tensors(network, pan, ms))[0].cpu()
        network.train(training)
        return to_counts(fused, network.configuration.bits)

    return lambda image: _fused(image, network, fuse)


def unrounded_method(network: BinaryNetwork) -> Method:
    """The network's integers with real features and the exact norm, see :mod:`bitpan.models.quality.unrounded`."""
    model = to_integer_model(network)

    def fuse(pan: Integers, ms: Integers) -> Integers:
        measured = network.measure(*_tensors(network, pan, ms))
        scene = {name: value.cpu().numpy().astype(np.int64) for name, value in measured.items()}
        return unrounded(model, {"pan": pan, "ms": bordered(ms)}, scene)

    return lambda image: _fused(image, network, fuse)


def classical_methods(names: Iterable[str] = tuple(METHODS)) -> dict[str, Method]:
    """Classical methods by name."""

    def method(name: str) -> Method:
        if name not in METHODS:
            raise DataError(f"no classical method {name!r}; there are {', '.join(METHODS)}")
        return lambda image: METHODS[name](image.pan, image.ms, image.ratio, image.bits, image.sensor)

    return {name: method(name) for name in names}


@dataclass(frozen=True)
class Entry:
    """One checkpoint: its name in the table, file, network and provenance."""

    name: str
    path: Path
    network: PanSharpener
    history: Mapping[str, Any]


def load_entries(paths: Sequence[Path], device: str) -> list[Entry]:
    """The checkpoints, named after their networks, and after their files too where two have the same network."""
    loaded = [(path, *load_network(path)) for path in paths]
    names = Counter(network.name for _, network, _ in loaded)
    entries = []
    for path, network, history in loaded:
        name = network.name if names[network.name] == 1 else f"{network.name} {path}"
        entries.append(Entry(name, path, network.to(distributed.device(device)), history))
    if len({entry.name for entry in entries}) < len(entries):
        raise DataError("a checkpoint is given twice; give each once")
    return entries


def entry_methods(entries: Sequence[Entry], unrounded: bool = False) -> dict[str, Method]:
    """The networks by name, and if ``unrounded`` the binary ones without rounding too."""
    methods = {entry.name: network_method(entry.network) for entry in entries}
    binary = {entry.name: entry.network for entry in entries if isinstance(entry.network, BinaryNetwork)}
    if not unrounded:
        return methods
    if not binary:
        raise DataError("--real-features: no checkpoint is of a network with integers; leave it out")
    return methods | {REAL.format(name): unrounded_method(network) for name, network in binary.items()}


def require_fit(label: str, network: PanSharpener, images: Iterable[Image]) -> None:
    """Raise :class:`DataError` unless the network takes every image's bands and ratio."""
    own = network.configuration
    for image in images:
        if len(image.ms) != own.bands or image.ratio != own.ratio:
            raise DataError(
                f"{image.name}: {len(image.ms)} bands and ratio {image.ratio} do not fit {label}, of {own.bands} bands "
                f"and ratio {own.ratio}; choose with --bands, --ratio"
            )


def indices_of(fused: npt.ArrayLike, image: Image, border: int = 0, names: Sequence[str] = ()) -> dict[str, float]:
    """Every index of one fused image: those against its truth, or of ``names`` among them, or those that need none."""
    if image.gt is not None:
        return metrics.evaluate(fused, image.gt, image.ratio, border, names)
    if border % image.ratio:
        raise DataError(f"a border of {border} pixels cuts MS pixels in two; take a multiple of {image.ratio}")
    fused, pan, ms = cut(np.asarray(fused), border), cut(image.pan, border), cut(image.ms, border // image.ratio)
    return full_resolution.evaluate(fused, pan, ms, image.ratio, image.sensor)


def judge(
    methods: Mapping[str, Method],
    images: Iterable[Image],
    border: int = 0,
    names: Sequence[str] = (),
    look: Callable[[Image, str, Counts], None] | None = None,
) -> list[Judgement]:
    """Every method on every image, image after image, ``border`` pixels cut from every side.

    ``names`` are those of the indices against a truth, by default all; ``look`` is called with every image, method and
    fused image.
    """
    judgements = []
    for image in (each.held() for each in images):
        for name, method in methods.items():
            fused = method(image)
            with naming(image.name):
                judgements.append(Judgement(image.name, name, indices_of(fused, image, border, names)))
            if look is not None:
                look(image, name, fused)
    return judgements


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and the standard deviation of a sample: NaN of one value."""
    with np.errstate(invalid="ignore"):  # an infinite PSNR among them: equal images
        return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def collect(judgements: Iterable[Judgement]) -> dict[str, dict[str, list[float]]]:
    """Method: index: its values over the images that have it."""
    table: dict[str, dict[str, list[float]]] = {}
    for own in judgements:
        for index, value in own.indices.items():
            table.setdefault(own.method, {}).setdefault(index, []).append(value)
    return table


def quality(network: PanSharpener, held_out: Sequence[Triples], bits: int) -> Table:
    """PSNR, SAM and ERGAS of the network, EXP and GSA, mean over the images: what a training ends with."""
    images = in_parts(image for triples in held_out for image in whole_images(triples, bits)[:MOST_SAMPLES])
    methods = {network.name: network_method(network), **classical_methods(("EXP", "GSA"))}
    judged = collect(judge(methods, images, names=metrics.OF_STRIPS))
    return {method: {index: mean_and_deviation(row[index])[0] for index in row} for method, row in judged.items()}


def as_text(table: Table) -> str:
    """The table for people; PSNR in dB against the truth's maximum, SAM in degrees."""
    rows = (f"{method:16}{row['PSNR']:8.2f}{row['SAM']:8.3f}{row['ERGAS']:8.3f}" for method, row in table.items())
    return "\n".join([f"{'':16}{'PSNR':>8}{'SAM':>8}{'ERGAS':>8}", *rows])
