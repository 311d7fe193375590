"""What FINN asks of every operator, in a graph of some, and the Verilog wrapper of one against its own execution."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import qonnx_make_model

import bitpan.hw.operators  # noqa: F401 - registers our operators
from bench import integers, set_size, write_word
from bitpan.errors import FormatError
from bitpan.hw.operators.base import block_memories, divisors, signed_bits, ultra_memories
from bitpan.hw.packing import pack, unpack
from bitpan.hw.simulate.simulation import STALLS, Simulation

SIZE = {"Height": 4, "Width": 6}
SPLIT = {**SIZE, "Channels": [4, 2], "inputDataType": "INT10"}
COPIES = {"numInputVectors": [1, 4, 6], "NumChannels": 4, "PE": 2, "NumOutputStreams": 2, "inputDataType": "INT10"}
HAAR = {**SIZE, "Channels": 4, "PE": 2, "Stride": 1, "inputDataType": "INT10"}
NODES = [
    ("SplitStreams_rtl", ["x"], ["a", "b"], SPLIT),
    ("DuplicateStreams_rtl", ["a"], ["c", "d"], COPIES),
    ("Haar_rtl", ["c"], ["ll", "lh", "hl", "hh"], HAAR),
]


def test_all_outputs_get_their_shapes():
    domain = {"domain": "finn.custom_op.fpgadataflow.rtl", "backend": "fpgadataflow"}
    nodes = [helper.make_node(op, given, made, op, **domain, **size) for op, given, made, size in NODES]
    nodes.append(helper.make_node("Identity", ["b"], ["y"]))
    images = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4, 6, 6))]
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y", "d", "ll", "lh", "hl", "hh")
    ]
    graph = ModelWrapper(qonnx_make_model(helper.make_graph(nodes, "some", images, results)))
    inferred = graph.transform(InferShapes())
    assert sorted(node.op_type for node in inferred.graph.node) == sorted(node.op_type for node in nodes)
    found = {name: inferred.get_tensor_shape(name) for name in "abcdy"}
    assert found == {name: [1, 4, 6, 2 if name in "by" else 4] for name in "abcdy"}
    assert [inferred.get_tensor_shape(name) for name in ("ll", "lh", "hl", "hh")] == [[1, 2, 3, 4]] * 4


def test_divisors_bits_and_memories():
    assert divisors(1) == [1] and divisors(2) == [1, 2] and divisors(12) == [1, 2, 3, 4, 6, 12]
    assert [signed_bits(np.array(v)) for v in ([0], [-1], [1], [-8, 7], [-9, 7], [-8, 8])] == [1, 1, 2, 4, 5, 5]
    full = (512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)
    assert [block_memories(*size) for size in full] == [1] * 6
    assert [block_memories(words + 1, bits) for words, bits in full] == [2, 2, 2, 2, 2, 2]
    assert [ultra_memories(*size) for size in ((4096, 72), (4097, 72), (1, 73))] == [1, 2, 2]


def test_the_first_stream_is_meant_where_none_is_named():
    unit = operation("Add", {"inputDataTypes": ["INT12", "INT9"], "outputDataType": "INT13"}, 2)
    assert [unit.get_instream_width(), unit.get_instream_width(1), unit.get_instream_width(2)] == [24, 18, 0]
    assert unit.get_outstream_width() == 26


HEIGHT, WIDTH, CHANNELS = 4, 5, 6
PAIR = {"inputDataTypes": ["INT12", "INT12"], "outputDataType": "INT12"}
ONE = {"inputDataTypes": ["INT12"], "outputDataType": "INT12"}

# Operator: its attributes, the bits of its input streams, and of its constants or scene parameters by row.
CASES = {
    "Add": (PAIR, [12, 12], []),
    "Centre": ({"inputDataTypes": ["INT15"], "outputDataType": "INT11", "Offset": 0, "Shift": 3}, [15], []),
    "RPReLUPlain": ({"inputDataTypes": ["INT10"], "outputDataType": "INT12", "Shift": 6}, [10], [9, 10, 10, 16, 16]),
    "SignConstant": ({"inputDataTypes": ["INT12"], "outputDataType": "BINARY"}, [12], [12]),
    "ChannelNorm": (PAIR, [12, 12], [9, 12, 14]),
    "ChannelAffine": ({**ONE, "BaseAddress": 9, "Stride": 4}, [12], [10, 18]),
    "SplitStreams": ({"Channels": [4, 2], "inputDataType": "INT12"}, [12], []),
}


def test_shapes_are_those_of_the_first_streams_where_none_is_named():
    unit = operation("SplitStreams", {"Channels": [4, 2], "inputDataType": "INT10"}, 1)
    size = (1, HEIGHT, WIDTH)
    assert tuple(unit.get_normal_input_shape()) == (*size, 6) and tuple(unit.get_normal_output_shape()) == (*size, 4)
    assert tuple(unit.get_normal_output_shape(1)) == (*size, 2)
    assert [np.prod(shape) for shape in (unit.get_folded_input_shape(), unit.get_folded_output_shape())] == [
        np.prod((*size, 6)),
        np.prod((*size, 4)),
    ]


def operation(op, attributes, inputs):
    """FINN's object of a node."""
    shape = {"Height": HEIGHT, "Width": WIDTH}
    lanes = {} if op == "SplitStreams" else {"Channels": CHANNELS, "PE": 2}
    names, results = [f"t{i}" for i in range(inputs)], ["u0", "u1"][: 2 if op == "SplitStreams" else 1]
    domain = "finn.custom_op.fpgadataflow.rtl"
    node = helper.make_node(
        f"{op}_rtl", names, results, f"{op}_0", domain=domain, backend="fpgadataflow", **shape, **lanes, **attributes
    )
    return getCustomOp(node)


def write_scene(simulation, base, words):
    for address, word in enumerate(words, base):
        write_word(simulation, address, word)


@pytest.mark.parametrize("op", CASES)
def test_wrapper_equals_execution(op, tmp_path):
    attributes, bits, rows = CASES[op]
    rng = np.random.default_rng(len(op))
    constants = np.stack([integers(rng, n, CHANNELS) for n in rows]) if rows else None
    images = [integers(rng, n, (1, HEIGHT, WIDTH, CHANNELS)) for n in bits]
    given = [*images, *([constants] if rows else [])]
    unit = operation(op, attributes, len(given))
    context = {f"t{i}": value.astype(np.float32) for i, value in enumerate(given)}
    unit.execute_node(context, None)
    scene = unit.scene_words()
    assert scene == (constants.size if op == "ChannelAffine" else 0)
    unit.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
    unit.generate_hdl(SimpleNamespace(get_initializer=lambda _: None if scene else constants), "xc7z020clg400-1", 5.0)
    files = [Path(file) for file in unit.get_rtl_file_list(abspath=True)]
    with Simulation(files, f"{op}_0") as simulation:
        if unit.sized:
            set_size(simulation, 4 * HEIGHT, 4 * WIDTH)
        if scene:
            write_scene(simulation, unit.get_nodeattr("BaseAddress"), constants.reshape(-1))
        for number, stream in enumerate([*simulation.inputs, *simulation.outputs]):
            simulation.set_stall(stream, STALLS[1 + number % 3], seed=number + 1)
        for i, image in enumerate(images):
            simulation.push(f"in{i}_V", pack(image.reshape(-1, unit.get_folded_input_shape(i)[-1]), bits[i]))
        for i, name in enumerate(unit.onnx_node.output):
            kind, lanes = unit.get_output_datatype(i), unit.get_folded_output_shape(i)[-1]
            simulation.run(10**6, until={f"out{i}_V": context[name].size // lanes})
            found = unpack(simulation.pull(f"out{i}_V"), lanes, kind.bitwidth(), kind.signed())
            assert np.array_equal(found, context[name].reshape(-1, lanes)), name
            assert len(np.unique(found)) > 20 or len(np.unique(found)) == 1 << kind.bitwidth()


def test_the_norm_refuses_edges_of_two_formats():
    other = {"inputDataTypes": ["INT12", "INT10"], "outputDataType": "INT12"}
    with pytest.raises(FormatError, match="one signed format on all edges, not INT10, INT12"):
        operation("ChannelNorm", other, 3).parameters([np.zeros((3, CHANNELS), np.int64)])
