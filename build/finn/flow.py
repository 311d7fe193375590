"""FINN, in one place: from the integer graph to hardware nodes, each step executed and compared.

Nothing else in ``bitpan.build`` touches FINN. FINN changes numbers silently in several places, so after every step
the whole graph runs and every tensor that it still shares with the integer model is compared with it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import RemoveUnusedTensors, SortGraph

from bitpan.arithmetic import Integers
from bitpan.compare import Compared, Inputs, require_equal
from bitpan.errors import BuildError
from bitpan.hw.operators.facts import Facts
from bitpan.hw.operators.writer import DOMAIN
from bitpan.model import IntegerModel, execute


def set_up(folder: Path | None = None) -> None:
    """Tell FINN where to work.

    Args:
        folder: for FINN's generated code; default: a new temporary folder.
    """
    os.environ["FINN_BUILD_DIR"] = str(folder or tempfile.mkdtemp(prefix="bitpan-finn-"))
    os.environ.setdefault("NUM_DEFAULT_WORKERS", "1")
    # Else the execution rounds what is nearly an integer, which would hide a difference, and is ten times slower.
    os.environ["SANITIZE_QUANT_TENSORS"] = "0"
    from finn.util import settings

    settings.initialize_dummy_settings()


def reference(model: IntegerModel, case: Inputs) -> dict[str, Integers]:
    """Every tensor of the model for one case."""
    values = dict(case[0])
    execute(model, *case, watch=values.__setitem__)
    return values


def check(graph: ModelWrapper, model: IntegerModel, case: Inputs, expected: dict[str, Integers], step: str) -> Compared:
    """Execute the graph and compare every tensor of the model with it."""
    inputs, scene = case
    feed = {name: image.transpose(1, 2, 0)[None].astype(np.float32) for name, image in inputs.items()}
    feed |= {name: value.astype(np.float32) for name, value in scene.items()}
    context = execute_onnx(graph, feed, return_full_exec_context=True)
    for node in model.nodes:
        value = context[node.output][0].transpose(2, 0, 1)
        if graph.get_tensor_datatype(node.output).name == "BINARY":
            value = 2 * value - 1
        require_equal(step, node.name, expected[node.output], value)
    return Compared(step, len(model.nodes), frames=1)


def specialise(graph: ModelWrapper, part: str) -> ModelWrapper:
    """RTL variants of all nodes, executed in Python; FINN chooses them, and forgets the names."""
    from finn.transformation.fpgadataflow.set_exec_mode import SetExecMode
    from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers

    names = {node.output[0]: node.name for node in graph.graph.node}
    graph = graph.transform(SpecializeLayers(part)).transform(SetExecMode("cppsim"))
    for node in graph.graph.node:
        node.name = names[node.output[0]]
        if node.domain != f"{DOMAIN}.rtl":
            raise BuildError(f"node {node.name} ({node.op_type}) has no RTL: FINN left it as {node.domain or 'ONNX'}")
    return graph.transform(RemoveUnusedTensors())


def insert_width_converters(graph: ModelWrapper) -> ModelWrapper:
    """Converters wherever a producer's and a consumer's lanes differ.

    FINN's own converter where one width is no multiple of the other; elsewhere ours takes a third of its LUTs and is
    read by Yosys.
    """
    edges = [name for node in graph.graph.node for name in node.input if graph.find_producer(name) is not None]
    for name in edges:
        given, taken = _lanes(graph, name)
        if max(given, taken) % min(given, taken):
            shape, bits = graph.get_tensor_shape(name), graph.get_tensor_datatype(name).bitwidth()
            sizes = {"inShape": shape, "outShape": shape, "inWidth": given * bits, "outWidth": taken * bits}
            _insert(graph, name, "StreamingDataWidthConverter_rtl", "width", {**sizes, "exec_mode": "cppsim"})
        elif given != taken:
            _insert(graph, name, "WidthConverter_rtl", "width", {"InLanes": given, "OutLanes": taken})
    return graph.transform(SortGraph())


def insert_fifo(graph: ModelWrapper, tensor: str, depth: int, style: str) -> None:
    """A FIFO of ``depth`` beats on an edge, in memory of a ``style`` (:class:`.StreamFifo`)."""
    attributes = {"PE": lanes(graph, tensor), "Depth": depth, "ramStyle": style}
    _insert(graph, tensor, "StreamFifo_rtl", "fifo", attributes)


def lanes(graph: ModelWrapper, tensor: str) -> int:
    """Elements of a beat of an edge, as it leaves its producer."""
    return _lanes(graph, tensor)[0]


def _lanes(graph: ModelWrapper, tensor: str) -> tuple[int, int]:
    """Elements of a beat of an edge, as it leaves its producer and as its one consumer takes it."""
    producer, (consumer,) = graph.find_producer(tensor), graph.find_consumers(tensor)
    given = instance(producer).get_folded_output_shape(list(producer.output).index(tensor))
    return given[-1], instance(consumer).get_folded_input_shape(list(consumer.input).index(tensor))[-1]


def _insert(graph: ModelWrapper, tensor: str, op: str, suffix: str, attributes: Mapping[str, Any]) -> None:
    """A node on an edge, named by its consumer."""
    (consumer,) = graph.find_consumers(tensor)
    index = list(consumer.input).index(tensor)
    shape, kind = graph.get_tensor_shape(tensor), graph.get_tensor_datatype(tensor)
    name = f"{consumer.name}_in{index}_{suffix}"
    node = helper.make_node(
        op, [tensor], [f"{name}_out0"], name, domain=f"{DOMAIN}.rtl", backend="fpgadataflow", dataType=kind.name
    )
    known = instance(node).get_nodeattr_types()
    values = {**attributes, **dict(zip(("Height", "Width", "Channels"), shape[1:], strict=True))}
    node.attribute.extend(helper.make_attribute(key, value) for key, value in values.items() if key in known)
    consumer.input[index] = node.output[0]
    graph.graph.node.insert(list(graph.graph.node).index(graph.find_producer(tensor)) + 1, node)
    graph.set_tensor_shape(node.output[0], shape)
    graph.set_tensor_datatype(node.output[0], kind)


def generate(graph: ModelWrapper, folder: Path, part: str, clock_ns: float) -> list[Path]:
    """Write every node's Verilog and return all source files, in order of compilation."""
    sources: list[Path] = []
    for node in graph.graph.node:
        operation = instance(node)
        target = folder / node.name
        target.mkdir(parents=True, exist_ok=True)
        operation.set_nodeattr("code_gen_dir_ipgen", str(target))
        operation.code_generation_ipgen(graph, part, clock_ns)
        sources += map(Path, operation.get_rtl_file_list(abspath=True))
    return sources


def instance(node: onnx.NodeProto) -> Facts:
    """The operator object of a node."""
    unit: Facts = getCustomOp(node)
    return unit


def estimates(graph: ModelWrapper, part: str) -> dict[str, dict[str, float]]:
    """FINN's estimates per node: LUT, DSP, BRAM_18K, URAM and cycles per frame."""
    from finn.analysis.fpgadataflow.exp_cycles_per_layer import exp_cycles_per_layer
    from finn.analysis.fpgadataflow.res_estimation import res_estimation

    cycles = graph.analysis(exp_cycles_per_layer)
    resources = graph.analysis(lambda model: res_estimation(model, part))
    keys = ("LUT", "DSP", "BRAM_18K", "URAM")
    return {
        node.name: {**{key: resources[node.name].get(key, 0) for key in keys}, "cycles": cycles[node.name]}
        for node in graph.graph.node
    }
