"""Scene parameters: the integers that look at the whole scene, computed once, in float64, and saved beside the output.

The interpolation's coefficients follow from the shift between PAN and MS. The thresholds of the spectral
redistribution (SRM) follow from the mean of the features in front of them, measured over sample tiles at full
resolution whose positions depend on the scene's size alone; pixels without data are left out, and block n is measured
after block n-1's integers are set. BNNPan's scales and offsets (LDPC, CDC) follow in the same way from the features'
mean, mean size and spread, and from the latent prior. Everything after these integers is exact, on every device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import BORDER, Integers, affine_integers, keys_coefficients, srm_threshold
from bitpan.errors import ModelError
from bitpan.host.engine.engine import Engine
from bitpan.host.engine.plan import needed_nodes
from bitpan.host.scene import latent
from bitpan.host.scene.scene import Scene
from bitpan.host.scene.tiles import sample_tiles
from bitpan.host.threads import at_once
from bitpan.model import IntegerModel, SceneParameter
from bitpan.operations import Array
from bitpan.radiometry import whole_blocks
from bitpan.rasters import Mask
from bitpan.rasters.grid import Grid

SAMPLE_SIDE = 128  # PAN pixels of a sample tile
SAMPLES = 16
_GRIDS = (4, 8, 16, 32)  # sample tiles per axis; a finer grid is tried only where a coarser one found no data at all

LATENT = "latent."
"""What the constants of BNNPan's latent module begin with."""

Float = npt.NDArray[np.float64]
Sums = tuple[Array, int]  # over a sample's pixels, and how many there are
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Sample:
    """A sample tile: where in its frame it is, where it has data, and what of the scene its frame shows."""

    inside: tuple[slice, slice]
    valid: Mask
    images: Mapping[str, Array]


@dataclass
class _Sheet:
    """Sample tiles whose frames go through the network as one, side by side: no tile sees beyond its own.

    Attributes:
        width: of each frame, PAN pixels.
        tensors: those that the rest of the network still needs.
    """

    samples: Sequence[_Sample]
    width: int
    tensors: dict[str, Array]

    def frames(self, values: Array, stride: int) -> Iterator[tuple[_Sample, Array]]:
        """Each sample, and its frame of a tensor of this stride."""
        width = self.width // stride
        for i, sample in enumerate(self.samples):
            yield sample, values[..., i * width : (i + 1) * width]


def compute_scene_parameters(
    model: IntegerModel, scene: Scene, engine: Engine, report: Callable[[], object] = lambda: None
) -> dict[str, Integers]:
    """All scene parameters of ``model`` for ``scene``; ``report`` is called as each is set."""
    measured = _Measured(model, scene, engine)
    for parameter in model.scene:
        measured.parameters[parameter.name] = _KINDS[parameter.kind](measured, parameter)
        report()
    model.check_scene(measured.parameters)
    return measured.parameters


def interpolation(model: IntegerModel, grid: Grid) -> dict[str, Integers]:
    """The scene parameters that follow from the grid alone: the interpolation's coefficients along either axis."""
    found = {}
    for parameter in model.scene:
        if parameter.kind == "interpolation":
            takers = [node for node in model.nodes if parameter.name in node.scene]
            if not takers:
                raise ModelError(f"model {model.name}: no node takes the scene parameter {parameter.name}")
            found[parameter.name] = keys_coefficients(grid.ratio, grid.shift[takers[0].scene.index(parameter.name)])
    return found


def srm(model: IntegerModel, parameter: SceneParameter, mean: npt.ArrayLike) -> Integers:
    """Thresholds from the features' mean: ``[p, q] = fc2 relu(fc1 mean)``, ``k = 2 sigmoid(p)``, ``b = tanh(q)``.

    The mean is that of each channel of the tensor it measures, in that tensor's integer steps, ``(C,)``.
    """
    fmt = model.tensors[parameter.measures].format
    s = np.asarray(mean, dtype=np.float64) * fmt.step
    hidden = np.maximum(_linear(model, parameter, "fc1", s), 0.0)
    p, q = np.split(_linear(model, parameter, "fc2", hidden), 2)
    k = 1.0 + np.tanh(p / 2)  # 2 sigmoid(p), without overflow
    return srm_threshold(k, np.tanh(q) / fmt.step, fmt)


def affine(
    model: IntegerModel,
    parameter: SceneParameter,
    of_each: Callable[[Callable[[Array], Sums]], Iterable[Sums]],
    prior: Float | None,
) -> Integers:
    """Scales and offsets of BNNPan's LDPC and CDC: ``W_c * z_w + 1`` and ``W_c * z_b``.

    Args:
        parameter: of kind ``affine``; the float constants ``ldpc.*`` and ``weigh.*`` are missing where the arm is.
        of_each: what a function gives for the values of each sample of the tensor it measures, in its integer steps,
            ``(C, pixels)``.
        prior: see :func:`bitpan.host.scene.latent.prior`.
    """
    fmt = model.tensors[parameter.measures].format
    channels = model.tensors[parameter.measures].channels
    scale, offset = np.ones(channels), np.zeros(channels)
    if f"{parameter.name}.ldpc.weight" in model.constants:
        if prior is None:
            raise ModelError(f"model {model.name}: {parameter.name} needs the latent module's constants; export again")
        scale, offset = np.split(_linear(model, parameter, "ldpc", prior), 2)
    if f"{parameter.name}.weigh.weight" in model.constants:
        size, mean, square = _average(of_each(lambda values: _moments(values, fmt.step * scale, offset)))
        spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
        raw = _linear(model, parameter, "weigh", np.concatenate([size, mean, spread]))
        weight = 0.5 * (1.0 + np.tanh(raw / 2))  # a sigmoid, without overflow
        scale, offset = weight * scale + 1, weight * offset
    return affine_integers(scale, offset / fmt.step, fmt)


def _moments(values: Array, scale: Float, offset: Float) -> Sums:
    """Sums of the size, the value and the square of ``values * scale + offset``, ``(C, pixels)`` to ``(3, C)``."""
    channels = (row * s + o for row, s, o in zip(values, scale, offset, strict=True))  # one fits the cache
    return np.array([(np.abs(y).sum(), y.sum(), (y * y).sum()) for y in channels]).T, values.shape[1]


def _linear(model: IntegerModel, parameter: SceneParameter, name: str, x: Float) -> Float:
    weight, bias = (model.constant(parameter, f"{name}.{key}").astype(np.float64) for key in ("weight", "bias"))
    return np.asarray(weight @ x + bias)


def _inside(values: Array, sample: _Sample, stride: int) -> Array:
    """Values over valid pixels alone of a sample's frame of this stride, ``(C, H, W)`` to ``(C, pixels)``."""
    valid = whole_blocks(sample.valid, stride)
    top, left = (part.start // stride for part in sample.inside)
    here = values[:, top : top + valid.shape[0], left : left + valid.shape[1]]
    return here.reshape(len(here), -1) if valid.all() else here[:, valid]


def _sum(values: Array) -> Sums:
    """Sums of each channel, ``(C, pixels)`` to ``(C,)``; of integers as integers."""
    return values.sum(axis=1, dtype=np.result_type(values, np.int64)), values.shape[1]


def _average(sums: Iterable[Sums]) -> Float:
    """Sums over pixels by the number of pixels; zero where there are none."""
    totals, counts = zip(*sums, strict=True)
    return np.asarray(sum(totals) / max(sum(counts), 1))


def _read_samples(model: IntegerModel, scene: Scene) -> list[_Sample]:
    """The first sample tiles that hold any data, on the coarsest grid that finds some; none in an empty scene."""
    grid, halo = scene.grid, model.halo()

    def filled(per_axis: int) -> Iterator[_Sample]:
        for tile in sample_tiles(grid.height, grid.width, model.alignment, halo, per_axis, SAMPLE_SIDE):
            patch = scene.read(*tile.frame, border=BORDER)
            valid = patch.valid[tile.inside]
            if valid.any():
                yield _Sample(tile.inside, valid, {"pan": patch.pan, "ms": patch.ms})

    return next(filter(None, (list(islice(filled(per_axis), SAMPLES)) for per_axis in _GRIDS)), [])


class _Measured:
    """A scene's parameters set so far, and its sample tiles as far through the network as these allow."""

    def __init__(self, model: IntegerModel, scene: Scene, engine: Engine) -> None:
        self.model, self.grid, self.engine = model, scene.grid, engine
        self.parameters: dict[str, Integers] = {}
        self._samples = _read_samples(model, scene) if any(p.measures for p in model.scene) else []

    @cached_property
    def _sheets(self) -> list[_Sheet]:
        """One for each thread or more, with what is computed of the images' borders: each frame has its own."""
        model, threads = self.model, self.engine.threads
        bordered = [name for name, tensor in model.tensors.items() if tensor.border]
        names = [node.output for node in model.nodes if any(name in node.inputs for name in bordered)]

        def begun(sample: _Sample) -> dict[str, Array]:
            there = {name: image for name, image in sample.images.items() if name not in bordered}
            return there | {name: self.engine.run(sample.images, self.parameters, name) for name in names}

        first, sheets = [*at_once(begun, self._samples, threads)], []
        count = min(max(threads, -(-len(first) // self.engine.side_by_side)), len(first))
        for i in range(count):
            own = first[i::count]
            tensors = {name: np.concatenate([each[name] for each in own], axis=2) for name in own[0]}
            sheets.append(_Sheet(self._samples[i::count], own[0]["pan"].shape[2], tensors))
        return sheets

    @cached_property
    def prior(self) -> Float | None:
        """The latent prior from the sample tiles, if there is one; of an empty scene, from a mean of zero."""
        model = self.model
        arrays = {key.removeprefix(LATENT): value for key, value in model.constants.items() if key.startswith(LATENT)}
        if not arrays:
            return None
        source = next(node.inputs[0] for node in model.nodes if node.op == "conv")

        def encoded(frame: Array, sample: _Sample) -> Sums:
            image = frame * model.tensors[source].format.step
            return _sum(_inside(latent.encode(arrays, image), sample, latent.STRIDE))

        none = np.zeros(len(arrays["condition.conv2.bias"])), 0
        return latent.prior(arrays, _average([none, *self._of_each(source, encoded)]))

    def of_each(self, tensor: str, work: Callable[[Array], Result]) -> Iterator[Result]:
        """Of each sample's values of ``tensor`` over valid pixels alone, ``(C, pixels)``; at first, of none."""
        found = self.model.tensors[tensor]
        yield work(np.zeros((found.channels, 0), np.int64))
        yield from self._of_each(tensor, lambda frame, sample: work(_inside(frame, sample, found.stride)))

    def _of_each(self, tensor: str, work: Callable[[Array, _Sample], Result]) -> list[Result]:
        """Of each sample's frame of ``tensor``, in the samples' order."""
        stride, sheets = self.model.tensors[tensor].stride, self._sheets

        def of(sheet: _Sheet) -> list[Result]:
            return [work(frame, sample) for sample, frame in sheet.frames(self._advance(sheet, tensor), stride)]

        dealt = [*at_once(of, sheets, self.engine.threads)]
        return [dealt[i % len(sheets)][i // len(sheets)] for i in range(len(self._samples))]

    def _advance(self, sheet: _Sheet, tensor: str) -> Array:
        """A sheet's values of ``tensor``; what the rest of the network reads is kept: nothing is done twice."""
        way = [node.output for node in needed_nodes(self.model, tensor, sheet.tensors)]
        rest = needed_nodes(self.model, "fused", {*sheet.tensors, *way, tensor})
        read = {tensor}.union(*(node.inputs for node in rest))
        for name in way:
            if name in read:
                sheet.tensors[name] = self.engine.run(sheet.tensors, self.parameters, name)
        sheet.tensors = {name: value for name, value in sheet.tensors.items() if name in read}
        return sheet.tensors[tensor]


_KINDS: dict[str, Callable[[_Measured, SceneParameter], Integers]] = {
    "interpolation": lambda measured, own: interpolation(measured.model, measured.grid)[own.name],
    "srm": lambda measured, own: srm(measured.model, own, _average(measured.of_each(own.measures, _sum))),
    "affine": lambda measured, own: affine(
        measured.model, own, partial(measured.of_each, own.measures), measured.prior
    ),
}
"""What computes each of :data:`bitpan.operations.SCENE_KINDS`."""
