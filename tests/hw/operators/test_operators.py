"""Every node of a small accelerator alone: its Verilog wrapper against its own Python execution, with stalls."""

from pathlib import Path

import numpy as np
import pytest

from bench import set_size, write_word
from bitpan.hw.packing import pack, unpack
from bitpan.hw.simulate.simulation import STALLS, Simulation

SIZE = 8


@pytest.fixture(scope="module")
def design(random_model, tmp_path_factory):
    from bitpan.build.boards import board
    from bitpan.build.finn.design import compile_model

    model = random_model(blocks=1, channels=8, bands=3)
    return compile_model(model, SIZE, SIZE, board("pynq-z2"), tmp_path_factory.mktemp("design") / "work", 9)


@pytest.fixture(scope="module")
def executed(design):
    """Two frames' tensors, and the scene parameters of each."""
    from qonnx.core.onnx_exec import execute_onnx

    from bitpan.compare import random_case

    contexts = []
    for seed in range(2):
        inputs, scene = random_case(design.model, SIZE, SIZE, seed)
        feed = {name: image.transpose(1, 2, 0)[None].astype(np.float32) for name, image in inputs.items()}
        feed |= {name: value.astype(np.float32) for name, value in scene.items()}
        contexts.append((execute_onnx(design.graph, feed, return_full_exec_context=True), scene))
    return contexts


def beats(operation, context, tensor, index, out=False):
    shape = (operation.get_folded_output_shape if out else operation.get_folded_input_shape)(index)
    return context[tensor].reshape(-1, shape[-1]).astype(np.int64)


def write_scene(simulation, operation, node, executed):
    """Frame n's parameters into bank n."""
    if not getattr(operation, "scene_words", int)():
        return
    for bank, (_, scene) in enumerate(executed):
        words = np.concatenate([scene[name].reshape(-1) for name in node.input if name in scene])
        for offset, word in enumerate(words):
            write_word(simulation, operation.get_nodeattr("BaseAddress") + offset, word, bank)
    simulation.poke("bank_of_frame_i", 0b10)


OURS = {
    "Interpolator_rtl", "Centre_rtl", "ConcatStreams_rtl", "IntegerConv_rtl", "SignThreshold_rtl", "BinaryConv_rtl",
    "RPReLU_rtl", "AddClip_rtl", "DuplicateStreams_rtl", "StreamFifo_rtl", "WidthConverter_rtl",
}  # fmt: skip


def test_the_graph_holds_every_operator(design):
    assert {node.op_type for node in design.graph.graph.node} == OURS


@pytest.mark.parametrize("op", sorted(OURS))
def test_wrapper_equals_execution(design, executed, op):
    from bitpan.build.finn.flow import instance

    node = next(node for node in design.graph.graph.node if node.op_type == op)
    operation = instance(node)
    files = [Path(file) for file in operation.get_rtl_file_list(abspath=True)]
    with Simulation(files, node.name) as simulation:
        if operation.shared_ports().get("size_i"):
            set_size(simulation, SIZE, SIZE)
        write_scene(simulation, operation, node, executed)
        for number, stream in enumerate([*simulation.inputs, *simulation.outputs]):
            simulation.set_stall(stream, STALLS[1 + number % 3], seed=number + 1)
        for context, _ in executed:
            for i in range(len(simulation.inputs)):
                bits = operation.get_input_datatype(i).bitwidth()
                simulation.push(f"in{i}_V", pack(beats(operation, context, node.input[i], i), bits))
        expected = [
            np.concatenate([beats(operation, context, tensor, i, out=True) for context, _ in executed])
            for i, tensor in enumerate(node.output)
        ]
        simulation.run(10**6, until={f"out{i}_V": len(value) for i, value in enumerate(expected)})
        for i, value in enumerate(expected):
            kind = operation.get_output_datatype(i)
            got = unpack(simulation.pull(f"out{i}_V", len(value)), value.shape[1], kind.bitwidth(), kind.signed())
            assert np.array_equal(got, value), node.name


def test_widths_and_cycles_are_what_finn_expects(design):
    from bitpan.build.finn.flow import instance

    for node in design.graph.graph.node:
        operation = instance(node)
        for i, name in enumerate(node.output):
            lanes = operation.get_folded_output_shape(i)[-1]
            assert operation.get_outstream_width(i) == lanes * operation.get_output_datatype(i).bitwidth()
            for consumer in design.graph.find_consumers(name):
                index = list(consumer.input).index(name)
                assert instance(consumer).get_instream_width(index) == operation.get_outstream_width(i)
        if node.op_type == "BinaryConv_rtl":
            assert operation.get_exp_cycles() <= (9 * SIZE + 2) * SIZE, "a line has two clocks for its margin"
