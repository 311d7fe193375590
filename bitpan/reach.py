"""How far around a tile its result depends on each tensor: the graph walked backwards, on each tensor's own grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitpan.model import IntegerModel, Node

INTERPOLATION_RADIUS = 2
"""MS samples on either side that the interpolator reads."""


def reaches(model: IntegerModel) -> dict[str, int]:
    """PAN pixels beyond an aligned tile of ``fused`` that it depends on, by tensor.

    The tile lies on multiples of ``model.alignment``. Each reach is a whole number of its tensor's samples and the
    least one that will do.
    """
    reach = {"fused": 0}
    for node in reversed(model.nodes):
        own = reach.get(node.output, 0)
        for name in node.inputs:
            reach[name] = max(reach.get(name, 0), _widened(model, node, own, model.tensors[name].stride))
    return reach


def _widened(model: IntegerModel, node: Node, own: int, stride: int) -> int:
    """Reach into an input on a grid of ``stride`` of an operation whose output is needed ``own`` pixels beyond."""
    if node.op in ("conv", "binary_conv", "depthwise"):
        return own + stride * (int(model.constant(node, "weights").shape[-1]) // 2)
    if node.op == "up":  # the outermost pixel's nearest sample, and beyond it only where the pixel is the outer half
        return stride * (own // stride + 1)
    whole = stride * -(-own // stride)
    return whole + stride * INTERPOLATION_RADIUS if node.op == "interpolate" else whole
