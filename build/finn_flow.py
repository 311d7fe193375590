"""FINN, in one place: from the integer graph to hardware nodes, each step executed and compared.

Nothing else in ``bitpan.build`` touches FINN. FINN changes numbers silently in several places, so after every step
the whole graph runs and every tensor that it still shares with the integer model is compared with it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import GiveUniqueParameterTensors, RemoveUnusedTensors, SortGraph
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul

from bitpan.arithmetic import Integers
from bitpan.build.compare import Inputs, require_equal
from bitpan.build.integer_graph import DOMAIN
from bitpan.build.pattern import attributes
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.model import IntegerModel, execute


PREFIX = "bp_"
"""Of the names of nodes, which become Verilog modules."""


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


def infer_hardware(
    graph: ModelWrapper, model: IntegerModel, step: Callable[[str, ModelWrapper], None]
) -> ModelWrapper:
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
    return _tidy(graph)


def name_nodes(graph: ModelWrapper, model: IntegerModel) -> ModelWrapper:
    """Names that people, Verilog and Vivado can read, the same in every build: ``bp_block0_conv_window``."""
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
    """FINN's converters wherever a producer's and a consumer's lanes differ."""
    from finn.transformation.fpgadataflow.insert_dwc import InsertDWC

    graph = graph.transform(InsertDWC())
    for node in graph.graph.node:
        if node.op_type == "StreamingDataWidthConverter":
            consumer = graph.find_consumers(node.output[0])[0]
            node.op_type, node.domain = "StreamingDataWidthConverter_rtl", f"{DOMAIN}.rtl"
            node.name = f"{consumer.name}_in{list(consumer.input).index(node.output[0])}_width"
            instance(node).set_nodeattr("exec_mode", "cppsim")
            graph.rename_tensor(node.output[0], f"{node.name}_out0")
    return graph.transform(SortGraph())


def insert_fifo(graph: ModelWrapper, tensor: str, depth: int) -> None:
    """A FIFO of ``depth`` beats on the edge ``tensor``, which has one consumer."""
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
    _add_tensor(graph, node.output[0], graph.get_tensor_shape(tensor), kind.name)


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


def instance(node: onnx.NodeProto) -> Any:
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


def _tidy(graph: ModelWrapper) -> ModelWrapper:
    return graph.transform(RemoveUnusedTensors())


class BipolarToXnor(Transformation):  # type: ignore[misc]
    """Binary convolutions on bits: ``Pad(-1) -> Im2Col -> MatMul`` of +1 and -1 becomes Im2Col with zero padding of
    bits, XnorPopcountMatMul, ``2p - K``.

    FINN's own conversion would keep the separate Pad and be wrong without a word; bit 0 stands for -1, so a zero pad
    on bits is the pad of -1, and the two are exchanged together.
    """

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Convert every MatMul with bipolar weights."""
        for node in [node for node in model.graph.node if node.op_type == "MatMul"]:
            if model.get_tensor_datatype(node.input[1]).name == "BIPOLAR":
                self._convert(model, node)
        return model.transform(SortGraph()), False

    def _convert(self, model: ModelWrapper, matmul: onnx.NodeProto) -> None:
        window = _producer(model, matmul.input[0], "Im2Col")
        turned_back = _producer(model, window.input[0], "Transpose")
        pad = _producer(model, turned_back.input[0], "Pad")
        turned = _producer(model, pad.input[0], "Transpose")
        sign = _producer(model, turned.input[0], "SignThreshold")
        value, pads = model.get_initializer(pad.input[2]), model.get_initializer(pad.input[1])
        if value is None or pads is None or float(value) != -1:
            raise BuildError(f"{matmul.output[0]}: a binary tensor is padded with {value}, not with -1")
        bits = model.get_initializer(matmul.input[1])
        model.set_initializer(matmul.input[1], ((bits + 1) / 2).astype(np.float32))
        instance(sign).set_nodeattr("outputDataType", "BINARY")
        for name in (matmul.input[1], sign.output[0]):
            _set_datatype(model, name, "BINARY")
        operation = instance(window)
        margins = [int(pads[i]) for i in (2, 3, 6, 7)]
        _, height, width, channels = model.get_tensor_shape(sign.output[0])
        operation.set_nodeattr("pad_amount", margins)
        operation.set_nodeattr("input_shape", f"(1,{height},{width},{channels})")
        window.input[0] = sign.output[0]
        _set_datatype(model, window.output[0], "BINARY")
        matmul.op_type, matmul.domain = "XnorPopcountMatMul", "qonnx.custom_op.general"
        output, popcount = matmul.output[0], f"{matmul.input[1]}.popcount"
        _add_tensor(model, popcount, model.get_tensor_shape(output), "UINT32")
        _add_tensor(model, f"{popcount}.double", model.get_tensor_shape(output), "UINT32")
        matmul.output[0] = popcount
        model.set_initializer(f"{popcount}.two", np.float32(2))
        model.set_initializer(f"{popcount}.offset", np.float32(-bits.shape[0]))
        model.graph.node.extend(
            [
                helper.make_node("Mul", [popcount, f"{popcount}.two"], [f"{popcount}.double"]),
                helper.make_node("Add", [f"{popcount}.double", f"{popcount}.offset"], [output]),
            ]
        )
        for node in (turned_back, pad, turned):
            model.graph.node.remove(node)


class RestoreNames(Transformation):  # type: ignore[misc]
    """Gives tensors the names they have in the integer model, where absorbed transposes have taken them."""

    def __init__(self, source: IntegerModel) -> None:
        super().__init__()
        self.inputs = {node.name: node.inputs for node in source.nodes}

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Rename the inputs of every node that the integer model also has."""
        model = model.transform(RemoveUnusedTensors())
        for node in model.graph.node:
            for position, name in enumerate(self.inputs.get(node.name, ())):
                if node.input[position] != name:
                    model.rename_tensor(node.input[position], name)
        return model, False


class FuseMatrixVector(Transformation):  # type: ignore[misc]
    """FINN's MVAU and the scalar operators behind it become our units.

    XNOR: ``MVAU, Mul(2), Add(-K)``. Integer: ``MVAU, Add(bias), Add(half), Mul, Floor, Clip``. The outputs' formats
    come from the integer model: FINN widens them on the way.
    """

    def __init__(self, source: IntegerModel) -> None:
        super().__init__()
        self.formats = {name: tensor.format for name, tensor in source.tensors.items()}

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Fuse behind every MVAU."""
        for node in [node for node in model.graph.node if node.op_type == "MVAU"]:
            found = attributes(node)
            common = {key: found[key] for key in ("MW", "MH", "weightDataType", "inputDataType")}
            _, common["Height"], common["Width"], _ = model.get_tensor_shape(node.output[0])
            common |= {"SIMD": 1, "PE": 1, "domain": DOMAIN, "backend": "fpgadataflow"}
            if found.get("binaryXnorMode", 0):
                self._fuse_xnor(model, node, common)
            else:
                self._fuse_integer(model, node, common)
        return model.transform(SortGraph()), False

    def _fuse_xnor(self, model: ModelWrapper, node: onnx.NodeProto, common: dict[str, Any]) -> None:
        double, offset = _chain(model, node, ("Mul", "Add"))
        sums = range(-common["MW"], common["MW"] + 1)
        _require_constant(model, double, 2)
        _require_constant(model, offset, sums[0])
        fmt = self.formats[offset.output[0]]
        if fmt.min > sums[0] or fmt.max < sums[-1]:
            raise BuildError(f"{offset.output[0]}: {fmt} does not hold sums of {common['MW']} signs")
        kind = datatype(fmt)
        _set_datatype(model, offset.output[0], kind)
        fused = helper.make_node("XnorMVU", node.input[:2], offset.output, outputDataType=kind, **common)
        _replace(model, [node, double, offset], fused)

    def _fuse_integer(self, model: ModelWrapper, node: onnx.NodeProto, common: dict[str, Any]) -> None:
        bias, half, scale, floor, clip = _chain(model, node, ("Add", "Add", "Mul", "Floor", "Clip"))
        factor = float(model.get_initializer(scale.input[1]))
        shift = round(-np.log2(factor))
        _require_constant(model, half, 1 << shift >> 1)
        kind = datatype(self.formats[clip.output[0]])
        _set_datatype(model, clip.output[0], kind)
        inputs = [*node.input[:2], bias.input[1]]
        fused = helper.make_node("QuantMVU", inputs, clip.output, outputDataType=kind, Shift=shift, **common)
        _replace(model, [node, bias, half, scale, floor, clip], fused)


def datatype(fmt: Format) -> str:
    """QONNX's name of a format's integers."""
    return f"{'INT' if fmt.signed else 'UINT'}{fmt.bits}"


def _producer(model: ModelWrapper, tensor: str, op: str) -> onnx.NodeProto:
    node = model.find_producer(tensor)
    if node is None or node.op_type != op:
        raise BuildError(f"tensor {tensor} comes from {node.op_type if node else 'outside'}, expected {op}")
    return node


def _chain(model: ModelWrapper, node: onnx.NodeProto, ops: tuple[str, ...]) -> list[onnx.NodeProto]:
    """The sole consumers of ``node``, one after the other, which must be of these types."""
    chain = []
    for op in ops:
        consumers = model.find_consumers(node.output[0])
        if len(consumers) != 1 or consumers[0].op_type != op:
            found = ", ".join(consumer.op_type for consumer in consumers) or "nothing"
            raise BuildError(f"{node.op_type} {node.name} is followed by {found}, expected {op}")
        node = consumers[0]
        chain.append(node)
    return chain


def _require_constant(model: ModelWrapper, node: onnx.NodeProto, value: float) -> None:
    found = model.get_initializer(node.input[1])
    if found is None or found.size != 1 or float(found.reshape(())) != value:
        raise BuildError(f"{node.op_type} before {node.output[0]} has {found}, expected {value}")


def _replace(model: ModelWrapper, old: list[onnx.NodeProto], new: onnx.NodeProto) -> None:
    position = list(model.graph.node).index(old[0])
    for node in old:
        model.graph.node.remove(node)
    model.graph.node.insert(position, new)


def _add_tensor(model: ModelWrapper, name: str, shape: list[int], kind: str) -> None:
    model.set_tensor_shape(name, shape)
    _set_datatype(model, name, kind)


def _set_datatype(model: ModelWrapper, name: str, kind: str) -> None:
    from qonnx.core.datatype import DataType

    model.set_tensor_datatype(name, DataType[kind])
