"""Scene parameters: the integers that look at the whole scene, computed once, in float64, and saved beside the output.

The interpolation's coefficients follow from the shift between PAN and MS. The thresholds of the spectral
redistribution (SRM) follow from the mean of the features in front of them, measured over sample tiles at full
resolution whose positions depend on the scene's size alone; pixels without data are left out, and block n is measured
after block n-1's integers are set. BNNPan's scales and offsets (LDPC, CDC) follow in the same way from the features'
mean, mean size and spread, and from the latent prior. Everything after these integers is exact, on every device.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers, affine_integers, keys_coefficients, srm_threshold
from bitpan.errors import FormatError, ModelError, SceneError, SceneIOError
from bitpan.files import write_beside
from bitpan.host.engine.engine import Engine, needed_nodes
from bitpan.host.scene import latent as latent_module
from bitpan.host.scene.scene import Scene
from bitpan.host.scene.tiles import halo_on_grid, sample_tiles
from bitpan.model import IntegerModel, SceneParameter
from bitpan.rasters import Mask

SCHEMA = 1
SAMPLE_SIDE = 128  # PAN pixels of a sample tile
SAMPLES = 16
_GRIDS = (4, 8, 16, 32)  # sample tiles per axis; a finer grid is tried only where a coarser one found no data at all

LATENT = "latent."
"""What the constants of BNNPan's latent module begin with."""

Float = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


@dataclass
class _Sample:
    """A sample tile: where it counts, and the tensors that the rest of the network still needs."""

    inside: tuple[slice, slice]
    valid: Mask
    tensors: dict[str, npt.NDArray[Any]]


def compute_scene_parameters(
    model: IntegerModel, scene: Scene, engine: Engine, report: Callable[[str], None] = lambda name: None
) -> dict[str, Integers]:
    """All scene parameters of ``model`` for ``scene``.

    Args:
        model: the network.
        scene: the pair.
        engine: runs the network on the sample tiles.
        report: called with each parameter's name once it is set.
    """
    parameters: dict[str, Integers] = {}
    samples = _read_samples(model, scene) if any(p.measures for p in model.scene) else []
    latent: Float | None = None
    for parameter in model.scene:
        if parameter.kind == "interpolation":
            parameters[parameter.name] = _coefficients(model, parameter, scene)
        elif parameter.kind == "srm":
            values = _measured(model, parameter.measures, samples, parameters, engine)
            parameters[parameter.name] = srm(model, parameter, _mean(values))
        elif parameter.kind == "affine":
            if latent is None and any(name.startswith(LATENT) for name in model.constants):
                latent = _latent(model, samples, parameters, engine)
            values = _measured(model, parameter.measures, samples, parameters, engine)
            parameters[parameter.name] = affine(model, parameter, values, latent)
        else:
            raise ModelError(
                f"model {model.name}: scene parameter {parameter.name} is of unknown kind {parameter.kind}"
            )
        report(parameter.name)
    model.check_scene(parameters)
    return parameters


def srm(model: IntegerModel, parameter: SceneParameter, mean: npt.ArrayLike) -> Integers:
    """Thresholds from the features' mean: ``[p, q] = fc2 relu(fc1 mean)``, ``k = 2 sigmoid(p)``, ``b = tanh(q)``.

    Args:
        model: the network.
        parameter: of kind ``srm``.
        mean: of each channel of the tensor it measures, in that tensor's integer steps, ``(C,)``.
    """
    fmt = model.tensors[parameter.measures].format
    weight1, bias1, weight2, bias2 = (
        model.constant(parameter, key).astype(np.float64)
        for key in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")
    )
    s = np.asarray(mean, dtype=np.float64) * fmt.step
    hidden = np.maximum(weight1 @ s + bias1, 0.0)
    p, q = np.split(weight2 @ hidden + bias2, 2)
    k = 1.0 + np.tanh(p / 2)  # 2 sigmoid(p), without overflow
    return srm_threshold(k, np.tanh(q) / fmt.step, fmt)


def _read_samples(model: IntegerModel, scene: Scene) -> list[_Sample]:
    """The first sample tiles that hold any data, on the coarsest grid that finds some; none in an empty scene."""
    grid, halo = scene.grid, halo_on_grid(model)
    samples: list[_Sample] = []
    for per_axis in _GRIDS:
        for tile in sample_tiles(grid.height, grid.width, model.alignment, halo, per_axis, SAMPLE_SIDE):
            patch = scene.read(tile.frame_top, tile.frame_left, tile.frame_height, tile.frame_width)
            valid = patch.valid[tile.inside]
            if valid.any() and len(samples) < SAMPLES:
                samples.append(_Sample(tile.inside, valid, {"pan": patch.pan, "ms": patch.ms}))
        if samples:
            break
    return samples


def affine(model: IntegerModel, parameter: SceneParameter, values: Iterable[Array], latent: Float | None) -> Integers:
    """Scales and offsets of BNNPan's LDPC and CDC: ``W_c * z_w + 1`` and ``W_c * z_b``.

    Args:
        model: the network.
        parameter: of kind ``affine``; the float constants ``ldpc.*`` and ``weigh.*`` are missing where the arm is.
        values: of the tensor it measures, in its integer steps, ``(C, pixels)`` of each sample.
        latent: the prior, see :func:`bitpan.host.scene.latent.prior`.
    """
    fmt = model.tensors[parameter.measures].format
    channels = model.tensors[parameter.measures].channels
    scale, offset = np.ones(channels), np.zeros(channels)
    if f"{parameter.name}.ldpc.weight" in model.constants:
        if latent is None:
            raise ModelError(f"model {model.name}: {parameter.name} needs the latent module's constants; export again")
        scale, offset = np.split(_linear(model, parameter, "ldpc", latent), 2)
    if f"{parameter.name}.weigh.weight" in model.constants:
        moments = ((_moments(sample, fmt.step * scale, offset), sample.shape[1]) for sample in values)
        size, mean, square = _average(moments)
        spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
        raw = _linear(model, parameter, "weigh", np.concatenate([size, mean, spread]))
        weight = 0.5 * (1.0 + np.tanh(raw / 2))  # a sigmoid, without overflow
        scale, offset = weight * scale + 1, weight * offset
    return affine_integers(scale, offset / fmt.step, fmt)


def _moments(sample: Array, scale: Float, offset: Float) -> Float:
    """Sums of the size, the value and the square of ``sample * scale + offset``, ``(C, pixels)`` to ``(3, C)``."""
    channels = (row * s + o for row, s, o in zip(sample, scale, offset, strict=True))  # one fits the cache
    return np.array([(np.abs(y).sum(), y.sum(), (y * y).sum()) for y in channels]).T


def _linear(model: IntegerModel, parameter: SceneParameter, name: str, x: Float) -> Float:
    weight, bias = (model.constant(parameter, f"{name}.{key}").astype(np.float64) for key in ("weight", "bias"))
    return np.asarray(weight @ x + bias)


def _latent(model: IntegerModel, samples: list[_Sample], parameters: Mapping[str, Integers], engine: Engine) -> Float:
    """The latent prior from the sample tiles; of an empty scene, from a mean of zero."""
    arrays = {name.removeprefix(LATENT): value for name, value in model.constants.items() if name.startswith(LATENT)}
    source = next(node.inputs[0] for node in model.nodes if node.op == "conv")
    encoded = [np.zeros((len(arrays["condition.conv2.bias"]), 0))]
    for sample in samples:
        image = _advance(model, sample, source, parameters, engine) * model.tensors[source].format.step
        encoded.append(_inside(latent_module.encode(arrays, image), sample, latent_module.STRIDE))
    return latent_module.prior(arrays, _mean(encoded))


def _measured(
    model: IntegerModel, tensor: str, samples: list[_Sample], parameters: Mapping[str, Integers], engine: Engine
) -> Iterator[Array]:
    """Each sample's values of ``tensor`` that lie over valid pixels alone, ``(C, pixels)``; at first, of none."""
    yield np.zeros((model.tensors[tensor].channels, 0), np.int64)
    for sample in samples:
        values = _advance(model, sample, tensor, parameters, engine)
        yield _inside(values, sample, model.tensors[tensor].stride)


def _advance(
    model: IntegerModel, sample: _Sample, tensor: str, parameters: Mapping[str, Integers], engine: Engine
) -> Array:
    """A sample's values of ``tensor``; what the rest of the network reads is kept, so that nothing is done twice."""
    way = [node.output for node in needed_nodes(model, tensor, sample.tensors)]
    rest = needed_nodes(model, "fused", {*sample.tensors, *way, tensor})
    read = {name for node in rest for name in node.inputs}
    for name in way:
        if name in read or name == tensor:
            sample.tensors[name] = engine.run(sample.tensors, parameters, name)
    values = sample.tensors[tensor]
    sample.tensors = {name: value for name, value in sample.tensors.items() if name in read}
    return values


def _inside(values: Array, sample: _Sample, stride: int) -> Array:
    """Values over valid pixels alone of a sample's tensor of this stride, ``(C, H, W)`` to ``(C, pixels)``."""
    valid = whole_blocks(sample.valid, stride)
    top, left = (part.start // stride for part in sample.inside)
    return values[:, top : top + valid.shape[0], left : left + valid.shape[1]][:, valid]


def _mean(values: Iterable[Array]) -> Float:
    """Mean of each channel over all samples. Integers are summed as integers."""
    return _average((v.sum(axis=1, dtype=np.result_type(v, np.int64)), v.shape[1]) for v in values)


def _average(sums: Iterable[tuple[Array, int]]) -> Float:
    """Sums over pixels by the number of pixels; zero where there are none."""
    totals, counts = zip(*sums, strict=True)
    return np.asarray(sum(totals) / max(sum(counts), 1))


def whole_blocks(valid: Mask, stride: int) -> Mask:
    """Which blocks of ``stride`` x ``stride`` pixels, from the first on, are valid throughout."""
    height, width = (side // stride for side in valid.shape)
    blocks = valid[: height * stride, : width * stride].reshape(height, stride, width, stride)
    return np.asarray(blocks.all(axis=(1, 3)))


def _coefficients(model: IntegerModel, parameter: SceneParameter, scene: Scene) -> Integers:
    for node in model.nodes:
        if parameter.name in node.scene:
            return keys_coefficients(scene.grid.ratio, scene.grid.shift[node.scene.index(parameter.name)])
    raise ModelError(f"model {model.name}: no node takes the scene parameter {parameter.name}")


def save_scene_parameters(
    path: Path, model: IntegerModel, shift: tuple[float, float], parameters: Mapping[str, Integers]
) -> None:
    """Write the integers as JSON, beside and then renamed.

    Args:
        path: e.g. ``OUT.scene.json``.
        model: the network they are for.
        shift: misregistration (dy, dx) the scene was opened with.
        parameters: by name.

    Raises:
        OutputError: the file cannot be written.
    """
    document = {
        "schema": SCHEMA,
        "model": model.name,
        "fingerprint": _fingerprint(model),
        "shift": list(shift),
        "parameters": {name: np.asarray(value).tolist() for name, value in parameters.items()},
    }
    write_beside(path, (json.dumps(document) + "\n").encode())


def load_scene_parameters(path: Path, model: IntegerModel) -> tuple[tuple[float, float], dict[str, Integers]]:
    """Read what :func:`save_scene_parameters` wrote: the shift (dy, dx) and the integers by name.

    Raises:
        SceneError: the file is not that, or is for another model.
    """
    try:
        document = json.loads(path.read_text())
        dy, dx = document["shift"]
        parameters = {name: np.array(value, dtype=np.int64) for name, value in document["parameters"].items()}
        found = document["schema"], document["model"], document["fingerprint"]
    except OSError as error:
        raise SceneIOError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SceneError(f"{path}: not a file of scene parameters ({error}); fuse the scene without it") from None
    if found != (SCHEMA, model.name, _fingerprint(model)):
        raise SceneError(
            f"{path}: made for model {found[1]} {found[2]}, schema {found[0]}, not for {model.name} "
            f"{_fingerprint(model)}, schema {SCHEMA}; fuse the scene without it"
        )
    try:
        model.check_scene(parameters)
    except FormatError as error:
        raise SceneError(f"{path}: {error}") from None
    return (float(dy), float(dx)), parameters


def _fingerprint(model: IntegerModel) -> str:
    return model.digest()[:16]
