"""A checkpoint becomes a QONNX model, proved equal to PyTorch and to the integer model in every tensor."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bitpan import __version__
from bitpan.arithmetic import BORDER
from bitpan.compare import Inputs, Stage, cases, random_case, require_equal_stages
from bitpan.errors import ModelError
from bitpan.files import partial
from bitpan.model import IntegerModel
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.training.checkpoint import load_network
from bitpan.operations import Array
from bitpan.qonnx.exported import Exported, node_by_node
from bitpan.qonnx.frames import require_same_network
from bitpan.qonnx.write import to_qonnx

if TYPE_CHECKING:
    import onnx

PROVED = 128
"""Rows and columns of a frame beyond which not it is compared element by element, for its tensors take gigabytes."""


def written(
    network: BinaryNetwork, frame: tuple[int, int], provenance: Mapping[str, Any] | None = None
) -> onnx.ModelProto:
    """``network`` for frames of ``(height, width)`` PAN pixels; verifies nothing.

    Raises:
        FormatError: see :func:`bitpan.qonnx.write.to_qonnx`.
    """
    model = to_integer_model(network)
    model.provenance = {**(provenance or {}), "bitpan": __version__}
    return to_qonnx(model, *frame)


def verify(exported: onnx.ModelProto, network: BinaryNetwork, frame: tuple[int, int], seed: int = 0) -> None:
    """Compare every tensor of PyTorch, QONNX and integer model on random and extreme frames.

    The graph is run whole by onnxruntime, and for one of the frames node by node by qonnx's own execution too.

    Raises:
        MismatchError: naming stage, tensor and first wrong element.
    """
    model = to_integer_model(network)
    names = {node.output: node.output for node in model.nodes}

    def pytorch(feeds: Mapping[str, Array]) -> dict[str, Array]:
        given = {name: _tensor(value) for name, value in feeds.items()}
        with torch.no_grad():
            tensors = network.tensors(given.pop("pan"), given.pop("ms"), given)
        return {name: tensor.numpy() for name, tensor in tensors.items()}

    own = _with_own_parameters(network, random_case(model, *frame, seed))
    stages = {"PyTorch against integers": pytorch, "QONNX against integers": Exported(exported, names).run}
    slow: dict[str, Stage] = {"QONNX by qonnx against integers": functools.partial(node_by_node, exported)}
    require_equal_stages(model, own, stages | slow, names)
    for case in cases(model, *frame, 1):
        require_equal_stages(model, case, stages, names)


def _with_own_parameters(network: BinaryNetwork, case: Inputs) -> Inputs:
    """The case's images with the scene parameters that the network measures on them, the MS's border aside."""
    pan, ms = (_tensor(case[0][name][None]) for name in ("pan", "ms"))
    measured = network.measure(pan, ms[..., BORDER:-BORDER, BORDER:-BORDER])
    return case[0], {name: value.numpy().astype(np.int64) for name, value in measured.items()}


def proved_frame(model: IntegerModel, frame: tuple[int, int]) -> tuple[int, int]:
    """The frame itself, or the part of it that is compared element by element, which has pixels far from every edge."""
    grid = model.alignment
    most = max(PROVED, 2 * model.halo() + grid) // grid * grid
    height, width = (min(side, most) for side in frame)
    return height, width


def _tensor(value: Any) -> torch.Tensor:  # noqa: ANN401
    return torch.from_numpy(np.asarray(value, np.float32))


def export(
    checkpoint: Path, output: Path, frame: tuple[int, int] = (64, 64)
) -> tuple[onnx.ModelProto, tuple[int, int]]:
    """Export ``checkpoint`` to ``output``, verified; nothing is written unless everything is equal.

    Returns:
        The graph, and the frame that it was compared on: a larger one's graph is the same but for sizes, see
        :func:`bitpan.qonnx.frames.require_same_network`.
    """
    network, provenance = load_network(checkpoint)
    if not isinstance(network, BinaryNetwork):
        raise ModelError(f"{checkpoint}: {network.name} is a floating-point network and has no integer form")
    with partial(output) as new:
        exported, model = written(network, frame, provenance), to_integer_model(network)
        small = proved_frame(model, frame)
        proved = exported if small == frame else written(network, small, provenance)
        verify(proved, network, small)
        require_same_network(exported, proved, model)
        new.write_bytes(exported.SerializeToString())
    return exported, small
