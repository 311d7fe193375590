"""Executes the exported QONNX graph and its integer model side by side: every tensor must agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bitpan.arithmetic import Integers
from bitpan.compare import cases, require_equal
from bitpan.model import IntegerModel, execute
from bitpan.qonnx.exported import Exported

if TYPE_CHECKING:
    import onnx

STEP = "raising QONNX to integers"


def frame_size(proto: onnx.ModelProto) -> tuple[int, int]:
    """Height and width of the graph's PAN input."""
    dims = next(info for info in proto.graph.input if info.name == "pan").type.tensor_type.shape.dim
    return dims[-2].dim_value, dims[-1].dim_value


def check_qonnx(proto: onnx.ModelProto, model: IntegerModel, random: int = 1) -> None:
    """Raise :class:`~bitpan.errors.MismatchError` at the first tensor that differs, on random and extreme inputs."""
    names = {node.output: node.name for node in model.nodes}
    exported = Exported(proto, names)
    for inputs, scene in cases(model, *frame_size(proto), random):
        images = {name: np.asarray(image)[None] for name, image in inputs.items()}
        found = exported.run(images | scene)

        def compare(tensor: str, value: Integers, found: dict[str, np.ndarray] = found) -> None:
            require_equal(STEP, names[tensor], value, found[tensor][0])

        execute(model, inputs, scene, watch=compare)
