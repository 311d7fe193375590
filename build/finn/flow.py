"""FINN, in one place: from the integer graph to hardware nodes, each step executed and compared.

Nothing else in ``bitpan.build`` touches FINN. FINN changes numbers silently in several places, so after every step
the whole graph runs and every tensor that it still shares with the integer model is compared with it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import RemoveUnusedTensors, SortGraph
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul

from bitpan.arithmetic import Integers
from bitpan.build.finn.integer_graph import DOMAIN
from bitpan.compare import Inputs, require_equal
from bitpan.errors import BuildError
from bitpan.model import IntegerModel, execute

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp


PREFIX = "node_"
"""Of the names of nodes, which become Verilog modules beside the library's ``bp_``."""


def set_up(folder: Path | None = None) -> None:
    """Tell FINN where to work, and register our operators. To be called before anything of FINN is imported.

    Args:
        folder: for FINN's generated code; default: a new temporary folder.
    """
    os.environ["FINN_BUILD_DIR"] = str(folder or tempfile.mkdtemp(prefix="bitpan-finn-"))
    os.environ.setdefault("NUM_DEFAULT_WORKERS", "1")
    # Else the execution rounds what is nearly an integer, which would hide a difference, and is ten times slower.
    os.environ["SANITIZE_QUANT_TENSORS"] = "0"
    from finn.util import settings

    settings.initialize_dummy_settings()
    import bitpan.hw.operators  # noqa: F401 - registers


def reference(model: IntegerModel, case: Inputs) -> dict[str, Integers]:
    """Every tensor of the model for one case."""
    values = dict(case[0])
    execute(model, *case, watch=values.__setitem__)
    return values


def check(graph: ModelWrapper, model: IntegerModel, case: Inputs, expected: dict[str, Integers], step: str) -> None:
    """Execute the graph and compare every tensor it shares with the model."""
    inputs, scene = case
    feed = {name: image.transpose(1, 2, 0)[None].astype(np.float32) for name, image in inputs.items()}
    feed |= {name: value.astype(np.float32) for name, value in scene.items()}
    context = execute_onnx(graph, feed, return_full_exec_context=True)
    for node in model.nodes:
        if context.get(node.output) is None:
            continue
        value = context[node.output][0].transpose(2, 0, 1)
        if graph.get_tensor_datatype(node.output).name == "BINARY":
            value = 2 * value - 1
        require_equal(step, node.name, expected[node.output], value)


def infer_hardware(graph: ModelWrapper, model: IntegerModel, step: Callable[[str, ModelWrapper], None]) -> ModelWrapper:
    """FINN's lowering and inference; ``step(name, graph)`` is called after each transformation."""
    from finn.transformation.fpgadataflow.convert_to_hw.binary_matrix_vector_activation import (
        InferBinaryMatrixVectorActivation,
    )
    from finn.transformation.fpgadataflow.convert_to_hw.conv_inp_gen import InferConvInpGen
    from finn.transformation.fpgadataflow.convert_to_hw.duplicate_streams import InferDuplicateStreamsLayer
    from finn.transformation.fpgadataflow.convert_to_hw.quantized_matrix_vector_activation import (
        InferQuantizedMatrixVectorActivation,
    )
    from finn.transformation.streamline.absorb import AbsorbConsecutiveTransposes

    from bitpan.build.finn.transformations import BipolarToXnor, FuseMatrixVector, RestoreNames

    transformations: list[tuple[str, Transformation]] = [
        ("lowering convolutions", LowerConvsToMatMul()),
        ("binary tensors to bits", BipolarToXnor()),
        ("absorbing transposes", AbsorbConsecutiveTransposes()),
        ("names", RestoreNames(model)),
        ("window units", InferConvInpGen()),
        ("binary matrix-vector units", InferBinaryMatrixVectorActivation()),
        ("integer matrix-vector units", InferQuantizedMatrixVectorActivation()),
        ("our matrix-vector units", FuseMatrixVector(model)),
        ("duplicated streams", InferDuplicateStreamsLayer()),
    ]
    for name, transformation in transformations:
        graph = graph.transform(transformation)
        step(name, graph)
    return graph


def specialise(graph: ModelWrapper, part: str) -> ModelWrapper:
    """RTL variants of all nodes, executed in Python."""
    from finn.transformation.fpgadataflow.set_exec_mode import SetExecMode
    from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers

    graph = graph.transform(SpecializeLayers(part)).transform(SetExecMode("cppsim"))
    for node in graph.graph.node:
        if node.domain != f"{DOMAIN}.rtl":
            raise BuildError(f"node {node.name} ({node.op_type}) has no RTL: FINN left it as {node.domain or 'ONNX'}")
    return graph.transform(RemoveUnusedTensors())


def name_nodes(graph: ModelWrapper, model: IntegerModel) -> ModelWrapper:
    """Names that people, Verilog and Vivado can read, the same in every build: ``node_block0_conv_window``."""
    owners = {node.output: node.name.replace(".", "_") for node in model.nodes}
    for node in reversed(graph.graph.node):
        consumers = graph.find_consumers(node.output[0])
        if node.output[0] in owners:
            node.name = PREFIX + owners[node.output[0]]
        elif node.op_type == "DuplicateStreams_rtl":
            node.name = f"{PREFIX}{node.input[0]}_copies"
        else:
            suffix = {"FMPadding_rtl": "pad", "ConvolutionInputGenerator_rtl": "window"}[node.op_type]
            node.name = f"{consumers[0].name.removesuffix('_window')}_{suffix}"
    for node in graph.graph.node:
        for i, name in enumerate(node.output):
            if name not in owners:
                graph.rename_tensor(name, f"{node.name}_out{i}")
    return graph


def insert_width_converters(graph: ModelWrapper) -> ModelWrapper:
    """Converters wherever a producer's and a consumer's lanes differ: FINN finds the places.

    Its own converter stays where one width is no multiple of the other; elsewhere ours takes a third of its LUTs and
    is read by Yosys.
    """
    from finn.transformation.fpgadataflow.insert_dwc import InsertDWC

    graph = graph.transform(InsertDWC())
    for node in graph.graph.node:
        if node.op_type == "StreamingDataWidthConverter":
            consumer = graph.find_consumers(node.output[0])[0]
            node.domain = f"{DOMAIN}.rtl"
            node.name = f"{consumer.name}_in{list(consumer.input).index(node.output[0])}_width"
            _set_converter(node)
            graph.rename_tensor(node.output[0], f"{node.name}_out0")
    return graph.transform(SortGraph())


def _set_converter(node: onnx.NodeProto) -> None:
    node.op_type = "StreamingDataWidthConverter_rtl"
    finns = instance(node)
    finns.set_nodeattr("exec_mode", "cppsim")
    widths = finns.get_instream_width(), finns.get_outstream_width()
    if max(widths) % min(widths):
        return
    _, height, width, channels = finns.get_normal_input_shape()
    kind = finns.get_input_datatype()
    lanes = [bits // kind.bitwidth() for bits in widths]
    ours = {"Height": height, "Width": width, "Channels": channels, "InLanes": lanes[0], "OutLanes": lanes[1]}
    ours |= {"dataType": kind.name, "backend": "fpgadataflow"}
    node.op_type = "WidthConverter_rtl"
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(name, value) for name, value in ours.items())


def insert_fifo(graph: ModelWrapper, tensor: str, depth: int) -> None:
    """A FIFO of ``depth`` beats on the edge ``tensor``, which has one consumer."""
    from bitpan.build.finn.transformations import add_tensor

    producer, consumer = graph.find_producer(tensor), graph.find_consumers(tensor)[0]
    source = instance(producer)
    index = list(producer.output).index(tensor)
    _, height, width, _, lanes = source.get_folded_output_shape(index)
    channels = source.get_normal_output_shape(index)[-1]
    kind = source.get_output_datatype(index)
    name = f"{consumer.name}_in{list(consumer.input).index(tensor)}_fifo"
    shape = {"Height": height, "Width": width, "Channels": channels, "PE": lanes, "Depth": depth}
    node = helper.make_node(
        "StreamFifo_rtl",
        [tensor],
        [f"{name}_out0"],
        name=name,
        domain=f"{DOMAIN}.rtl",
        backend="fpgadataflow",
        dataType=kind.name,
        **shape,
    )
    consumer.input[list(consumer.input).index(tensor)] = node.output[0]
    graph.graph.node.insert(list(graph.graph.node).index(producer) + 1, node)
    add_tensor(graph, node.output[0], graph.get_tensor_shape(tensor), kind.name)


def generate(graph: ModelWrapper, folder: Path, part: str, clock_ns: float) -> dict[str, list[Path]]:
    """Write every node's Verilog and return each node's source files, in order of compilation."""
    sources = {}
    for node in graph.graph.node:
        operation = instance(node)
        target = folder / node.name
        target.mkdir(parents=True, exist_ok=True)
        operation.set_nodeattr("code_gen_dir_ipgen", str(target))
        operation.code_generation_ipgen(graph, part, clock_ns)
        sources[node.name] = [Path(file) for file in operation.get_rtl_file_list(abspath=True)]
    return sources


def instance(node: onnx.NodeProto) -> HWCustomOp:
    """FINN's operator object of a node."""
    return getCustomOp(node)


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
