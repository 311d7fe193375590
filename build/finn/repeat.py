"""A unit twice instead of its output kept: the upsampled MS, which the network takes at once and its sum much later.

The MS itself waits for the second one, with a sixteenth of the pixels at ratio 4.
"""

from __future__ import annotations

import copy

import onnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.general import SortGraph

from bitpan.build.finn.flow import instance


def repeated(graph: ModelWrapper) -> ModelWrapper:
    """A copy of ``graph``, not folded yet, with two of each unit that may be there twice and that two nodes need."""
    graph = copy.deepcopy(graph)
    for node in list(graph.graph.node):
        if not instance(node).repeats:
            continue
        (taker,) = graph.find_consumers(node.output[0])
        if len(taker.output) > 1:
            _repeat(graph, node, taker)
    return graph.transform(SortGraph())


def _repeat(graph: ModelWrapper, node: onnx.NodeProto, copies: onnx.NodeProto) -> None:
    """A second ``node`` for the last of the ``copies`` of its output; the copies are those of its input from now on."""
    source, result = node.input[0], node.output[0]
    soon, later = copies.output
    (taker,) = graph.find_consumers(soon)
    taker.input[list(taker.input).index(soon)] = result
    second = copy.deepcopy(node)
    second.name = f"{node.name}_again"
    second.output[0] = later
    instance(second).set_nodeattr("Late", 1)
    del copies.output[:]
    copies.output.extend(f"{copies.name}_of_{source}{i}" for i in range(2))
    copies.input[0] = source
    node.input[0], second.input[0] = copies.output
    graph.graph.node.append(second)
    shape, kind = graph.get_tensor_shape(source), graph.get_tensor_datatype(source)
    duplicator = instance(copies)
    duplicator.set_nodeattr("NumChannels", shape[-1])
    duplicator.set_nodeattr("numInputVectors", shape[:-1])
    duplicator.set_nodeattr("inputDataType", kind.name)
    for name in copies.output:
        graph.set_tensor_shape(name, shape)
        graph.set_tensor_datatype(name, kind)
