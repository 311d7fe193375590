"""Executes the exported QONNX graph and its integer model side by side: every tensor must agree."""

from __future__ import annotations

import os

import numpy as np
import onnx

from bitpan.arithmetic import Integers
from bitpan.build.raise_graph import Raised
from bitpan.compare import cases, require_equal
from bitpan.model import execute

STEP = "raising QONNX to integers"


def tile_shape(proto: onnx.ModelProto) -> tuple[int, int]:
    """Height and width of the graph's PAN input."""
    dims = next(info for info in proto.graph.input if info.name == "pan").type.tensor_type.shape.dim
    return dims[-2].dim_value, dims[-1].dim_value


def check_qonnx(proto: onnx.ModelProto, raised: Raised, random: int = 1) -> None:
    """Raise :class:`~bitpan.errors.MismatchError` at the first tensor that differs, on random and extreme inputs."""
    # Else the execution rounds what is nearly an integer, which would hide a difference, and is ten times slower.
    os.environ["SANITIZE_QUANT_TENSORS"] = "0"
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    wrapped = ModelWrapper(proto, make_deepcopy=True).transform(InferShapes())
    for inputs, scene in cases(raised.model, *tile_shape(proto), random):
        images = {name: image[None].astype(np.float32) for name, image in inputs.items()}
        feed = images | {name: value.astype(np.float32) for name, value in scene.items()}
        context = execute_onnx(wrapped, feed, return_full_exec_context=True)

        def compare(tensor: str, value: Integers, context: dict[str, np.ndarray] = context) -> None:
            node = next(node.name for node in raised.model.nodes if node.output == tensor)
            require_equal(STEP, node, value, context[raised.names[tensor]][0])

        execute(raised.model, inputs, scene, watch=compare)
