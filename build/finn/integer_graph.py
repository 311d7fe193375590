"""The integer model as a graph of FINN's dialect, each node written by the class of its operator."""

from __future__ import annotations

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.general import SortGraph

from bitpan.errors import BuildError
from bitpan.hw.operators import operator_for
from bitpan.hw.operators.routing import duplicate
from bitpan.hw.operators.writer import Writer
from bitpan.model import IntegerModel


def require_units(model: IntegerModel) -> None:
    """Raise :class:`BuildError` naming the first node that there is no hardware for yet."""
    for node in model.nodes:
        operator_for(node)


def integer_graph(model: IntegerModel, height: int, width: int) -> ModelWrapper:
    """The graph of ``model`` for PAN frames of ``height`` x ``width``; :class:`BuildError` where a unit is missing."""
    if height % model.alignment or width % model.alignment:
        raise BuildError(f"a frame of {height} x {width} is not made of multiples of {model.alignment} pixels")
    writer = Writer(model, height, width)
    for node in model.nodes:
        operator_for(node).make(writer, node)
    duplicate(writer)
    return writer.graph().transform(SortGraph())
