"""From a network to its integers: tensor formats, constants, scene parameters, and the integer model made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bitpan.arithmetic import TAPS, lms_format
from bitpan.formats import Format
from bitpan.model import IntegerModel, Node, SceneParameter, Tensor
from bitpan.models.layers import SLOPE, IntegerConv, S2BConv
from bitpan.models.s2bnet_flat import S2BNetFlat

COEFFICIENTS = Format(12, 10)
"""Format of the interpolation coefficients."""


def tensor_table(network: S2BNetFlat) -> dict[str, Tensor]:
    """Channels, format and grid of every tensor of the graph, in order."""
    own = network.configuration
    imagery, popcount = own.fused, Format(network.units[0].conv.bound.bit_length() + 1)
    table = {
        "pan": Tensor(1, imagery),
        "ms": Tensor(own.bands, imagery, own.ratio),
        "lms": Tensor(own.bands, lms_format(own.bits)),
        "pan_centred": Tensor(1, own.input),
        "lms_centred": Tensor(own.bands, own.input),
        "input": Tensor(1 + own.bands, own.input),
        "x0": Tensor(own.channels, own.features),
    }
    for i in range(own.blocks):
        table[f"s{i}"] = Tensor(own.channels, Format(2))
        table[f"p{i}"] = Tensor(own.channels, popcount)
        table[f"x{i + 1}"] = Tensor(own.channels, own.features)
    table["residual"] = Tensor(own.bands, own.residual)
    table["fused"] = Tensor(own.bands, imagery)
    return table


def scene_parameters(network: S2BNetFlat) -> tuple[list[SceneParameter], dict[str, npt.NDArray[np.float64]]]:
    """The scene parameters in order of computation, and their float arrays by ``<name>.<key>``."""
    own = network.configuration
    thresholds = Format(own.features.bits + 1, own.features.fraction)  # one past the largest feature says "never"
    parameters = [
        SceneParameter(name, "interpolation", (own.ratio, TAPS), COEFFICIENTS)
        for name in ("upsample.rows", "upsample.columns")
    ]
    arrays = {}
    for i, block in enumerate(network.units):
        parameters.append(SceneParameter(f"block{i}.threshold", "srm", (own.channels,), thresholds, f"x{i}"))
        for key, value in block.srm.named_parameters():
            arrays[f"block{i}.threshold.{key}"] = value.detach().double().numpy()
    return parameters, arrays


def to_integer_model(network: S2BNetFlat) -> IntegerModel:
    """The network as an integer model, without the detour over a QONNX file."""
    own = network.configuration
    shift = {"offset": own.offset, "shift": own.input_shift}
    constants: dict[str, npt.NDArray[Any]] = {}
    nodes = [
        Node("interpolate", "upsample", ("ms",), "lms", ("upsample.rows", "upsample.columns")),
        Node("centre", "pan_centre", ("pan",), "pan_centred", attributes=shift),
        Node("centre", "lms_centre", ("lms",), "lms_centred", attributes=shift),
        Node("concat", "input_concat", ("pan_centred", "lms_centred"), "input"),
        Node("conv", "head", ("input",), "x0", attributes=_conv(network.head, "head", constants)),
    ]
    for i, block in enumerate(network.units):
        nodes += _block(block, i, constants)
    tail = _conv(network.tail, "tail", constants)
    nodes.append(Node("conv", "tail", (f"x{own.blocks}",), "residual", attributes=tail))
    nodes.append(Node("add_clip", "output", ("lms", "residual"), "fused"))
    parameters, arrays = scene_parameters(network)
    constants.update(arrays)
    return IntegerModel(
        network.name, own.bands, own.bits, own.ratio, tensor_table(network), nodes, parameters, constants
    )


def _block(block: S2BConv, i: int, constants: dict[str, npt.NDArray[Any]]) -> list[Node]:
    constants[f"block{i}.conv.weights"] = _integers(block.conv.integers(), np.int8)
    knee, slopes, biases = block.rprelu.integers()
    for key, value in (
        ("knee", knee),
        ("slope_above", slopes[0]),
        ("slope_below", slopes[1]),
        ("bias_above", biases[0]),
        ("bias_below", biases[1]),
    ):
        constants[f"block{i}.rprelu.{key}"] = _integers(value, np.int32)
    shift = {"shift": SLOPE.fraction}
    return [
        Node("sign", f"block{i}.sign", (f"x{i}",), f"s{i}", (f"block{i}.threshold",)),
        Node("binary_conv", f"block{i}.conv", (f"s{i}",), f"p{i}"),
        Node("rprelu", f"block{i}.rprelu", (f"p{i}", f"x{i}"), f"x{i + 1}", attributes=shift),
    ]


def _conv(conv: IntegerConv, name: str, constants: dict[str, npt.NDArray[Any]]) -> dict[str, int]:
    weights, bias, shift = conv.integers()
    constants[f"{name}.weights"] = _integers(weights, np.int8)
    constants[f"{name}.bias"] = _integers(bias, np.int32)
    return {"shift": shift}


def _integers(value: torch.Tensor, dtype: type[np.generic]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(value.detach().cpu().numpy()).astype(dtype)
