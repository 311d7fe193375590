"""What operators say of themselves, against their own Verilog: which beats an output needs, pace, latency, lanes."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from bench import set_size
from bitpan.arithmetic import BORDER
from bitpan.errors import BuildError
from bitpan.hw.operators import OPERATORS, operator_for
from bitpan.hw.operators.facts import lanes_before
from bitpan.hw.operators.pointwise import SignConstant
from bitpan.hw.simulate.simulation import Simulation
from bitpan.model import Node
from bitpan.operations import OPERATIONS

IMAGE = {"Height": 4, "Width": 6, "Channels": 6, "PE": 2}
STRIDE = {"Stride": 2}
PAIR = {"inputDataTypes": ["INT12", "INT12"], "outputDataType": "INT12"}
ONE = {"inputDataTypes": ["INT12"], "outputDataType": "INT12"}
CONV = {"Height": 4, "Width": 6, "Stride": 2, "Kernel": 3, "Channels": 6, "InPE": 2}
MATRIX = {**CONV, "OutChannels": 4, "SIMD": 18, "PE": 2}
POINT = {**MATRIX, "Kernel": 1, "SIMD": 2}
BITS = {"inputDataType": "BINARY", "outputDataType": "INT8"}
LARGE = {"outputDataType": "INT9", "Kernel": 5, "SIMD": 75, "OutChannels": 6}
INTEGERS = {"inputDataType": "INT10", "outputDataType": "INT10", "Shift": 5}
CONVERTER = {"inShape": [1, 4, 6, 6], "outShape": [1, 4, 6, 6], "dataType": "INT8"}
COARSE = {"Height": 6, "Width": 18, "Bands": 2, "Stride": 4, "CoefficientBits": 12}
COARSE |= {"inputDataType": "UINT11", "outputDataType": "INT13"}

# A node of each operator: its attributes, streams in and out, and shapes of its constants.
CASES = {
    "Interpolator": (COARSE, 1, 1, []),
    "Interpolator shared": ({**COARSE, "Clocks": 2}, 1, 1, []),
    "Centre": ({**IMAGE, **ONE, "Offset": 5, "Shift": 0}, 1, 1, []),
    "SignThreshold": (
        {**IMAGE, **STRIDE, "inputDataTypes": ["INT10"], "outputDataType": "BINARY", "ThresholdBits": 11},
        1,
        1,
        [],
    ),
    "SignConstant": ({**IMAGE, "inputDataTypes": ["INT10"], "outputDataType": "BINARY"}, 1, 1, [(1, 6)]),
    "RPReLU": ({**IMAGE, **PAIR, "Shift": 6}, 2, 1, [(5, 6)]),
    "RPReLUPlain": ({**IMAGE, **ONE, "Shift": 6}, 1, 1, [(5, 6)]),
    "Add": ({**IMAGE, **PAIR}, 2, 1, []),
    "ChannelNorm": ({**IMAGE, **PAIR}, 2, 1, [(3, 6)]),
    "ChannelAffine": ({**IMAGE, **STRIDE, **ONE}, 1, 1, []),
    "Haar": ({**IMAGE, **STRIDE, "inputDataType": "INT10"}, 1, 4, []),
    "InverseHaar": ({**IMAGE, **STRIDE, "inputDataType": "INT12", "outputDataType": "INT10", "Shift": 2}, 4, 1, []),
    "AveragePool": ({**IMAGE, **STRIDE, "inputDataType": "INT10"}, 1, 1, []),
    "BilinearUp": ({**IMAGE, **STRIDE, "inputDataType": "INT10"}, 1, 1, []),
    "BinaryConv": ({**MATRIX, **BITS}, 1, 1, [(4, 6, 3, 3)]),
    "BinaryConv fast": ({**MATRIX, **BITS, "SIMD": 54, "PE": 4, "InPE": 6}, 1, 1, [(4, 6, 3, 3)]),
    "BinaryConv narrow": ({**MATRIX, **BITS, "SIMD": 54, "PE": 4, "InPE": 1}, 1, 1, [(4, 6, 3, 3)]),
    "BinaryConv point": ({**POINT, **BITS}, 1, 1, [(4, 6, 1, 1)]),
    "BinaryConv large": (
        {**MATRIX, **BITS, "outputDataType": "INT9", "Kernel": 5, "SIMD": 75, "OutChannels": 6},
        1,
        1,
        [(6, 6, 5, 5)],
    ),
    "IntegerConv": ({**MATRIX, **INTEGERS, "Keep": f"{(1 << 54) - 1:x}"}, 1, 1, [(4, 6, 3, 3), (4,)]),
    "IntegerConv split": ({**MATRIX, **INTEGERS, "Keep": "3f000000", "SIMD": 6}, 1, 1, [(4, 6, 3, 3), (4,)]),
    "DepthwiseConv": ({**CONV, **INTEGERS, "OutChannels": 6, "SIMD": 1, "PE": 3}, 1, 1, [(6, 1, 3, 3)]),
    "ConcatStreams": ({"Height": 4, "Width": 6, "Channels": [1, 4], "inputDataType": "INT12"}, 2, 1, []),
    "SplitStreams": ({"Height": 4, "Width": 6, "Channels": [1, 4], "inputDataType": "INT12"}, 1, 2, []),
    "WidthConverter": ({**IMAGE, "InLanes": 1, "OutLanes": 3, "dataType": "INT8"}, 1, 1, []),
    "WidthConverter narrower": ({**IMAGE, "InLanes": 6, "OutLanes": 2, "dataType": "INT8"}, 1, 1, []),
    "StreamFifo": ({**IMAGE, "Depth": 200, "dataType": "INT8"}, 1, 1, []),
    "StreamingDataWidthConverter": ({**CONVERTER, "inWidth": 16, "outWidth": 24}, 1, 1, []),
}

LATE = {"BinaryConv fast": 1, "BinaryConv large": 2, "Interpolator": 1, "Interpolator shared": 1, "RPReLU": 1}
LATE |= {"RPReLUPlain": 1, "ChannelNorm": -2, "BilinearUp": -5}
"""Clocks by which the first output comes after what the schedule says; later ones come when it says."""


def node(case):
    """The operator of a case, and its constants by name."""
    from qonnx.custom_op.registry import getCustomOp

    attributes, inputs, outputs, shapes = CASES[case]
    op, _, variant = case.partition(" ")
    names = [f"in{i}" for i in range(inputs)] + [f"constant{i}" for i in range(len(shapes))]
    proto = helper.make_node(
        f"{op}_rtl", names, [f"out{i}" for i in range(outputs)], name=f"node_{op}{variant}",
        domain="finn.custom_op.fpgadataflow.rtl", backend="fpgadataflow", **attributes,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    low = -8
    constants = {f"constant{i}": rng.integers(low, 2, shape) for i, shape in enumerate(shapes)}
    return getCustomOp(proto), constants


class Constants:
    """Stands for the graph, which the generation of Verilog asks for initializers."""

    def __init__(self, constants):
        self.get_initializer = constants.get


@pytest.fixture
def simulated(tmp_path):
    from bitpan.build.finn.flow import set_up

    set_up(tmp_path)
    opened = []

    def simulate(case):
        unit, constants = node(case)
        unit.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
        unit.generate_hdl(Constants(constants), "xc7z020clg400-1", 5.0)
        opened.append(Simulation(unit.get_rtl_file_list(abspath=True), unit.onnx_node.name))
        if unit.shared_ports().get("size_i"):
            border, stride = 2 * BORDER * (unit.op == "interpolate"), unit.get_nodeattr("Stride")
            set_size(opened[-1], *((unit.get_nodeattr(axis) - border) * stride for axis in ("Height", "Width")))
        return unit, opened[-1]

    yield simulate
    for simulation in opened:
        simulation.close()


def feed(simulation, beats):
    for stream, width in simulation.inputs.items():
        simulation.push(stream, np.zeros((beats, width), np.uint8))


def test_every_operator_has_a_case():
    others = {"AddClip", "DuplicateStreams_rtl"}  # Add's unit, and one whose beats are one to one
    assert {case.split()[0] for case in CASES} >= {cls.__name__ for cls in OPERATORS} - others


@pytest.mark.parametrize("case", CASES)
def test_an_output_comes_with_the_last_beat_it_needs_and_not_before(simulated, case):
    unit, simulation = simulated(case)
    needs = unit.needs()
    assert len(needs) == unit.beats_out() and needs[-1] < unit.beats_in() and (np.diff(needs) >= 0).all()
    points = np.unique(np.linspace(0, unit.beats_in() - 1, 9).astype(int))
    for beats in points:
        simulation.reset()
        feed(simulation, beats)
        simulation.run(60 + 4 * len(needs) + int(beats))
        expected = int(np.searchsorted(needs, beats))
        found = {simulation.queued(stream) for stream in simulation.outputs}
        assert found == {expected}, beats


@pytest.mark.parametrize("case", sorted(CASES.keys() - {"StreamingDataWidthConverter"}))
def test_latency_and_pace(simulated, case):
    """The first output in the very clock that the schedule says, :data:`LATE` aside, the last within two."""
    unit, simulation = simulated(case)
    needs, steps = unit.needs(), np.arange(unit.beats_out()) * unit.interval(1.0)
    out = np.maximum.accumulate(np.maximum(needs, 0) - steps) + steps + unit.latency()
    feed(simulation, unit.beats_in())
    simulation.run(10**6, until={stream: len(needs) for stream in simulation.outputs})
    taken = min(simulation.span(stream)[0] for stream in simulation.inputs)
    for stream in simulation.outputs:
        first, last, _ = simulation.span(stream)
        assert first - taken - out[0] == LATE.get(case, 0)
        assert abs(last - taken - out[-1]) <= 2


@pytest.mark.parametrize("clocks", [1, 24, 50, 72, 100, 144])
@pytest.mark.parametrize("case", ["RPReLU", "Add", "ChannelNorm", "Haar", "InverseHaar", "BilinearUp"])
def test_the_fewest_lanes_that_keep_up(case, clocks):
    unit, _ = node(case)
    cycles = {}
    for lanes in (1, 2, 3, 6):
        unit.set_nodeattr("PE", lanes)
        cycles[lanes] = unit.get_exp_cycles()
    unit.fold(clocks)
    assert unit.get_nodeattr("PE") == next((lanes for lanes in cycles if cycles[lanes] <= clocks), 6)


@pytest.mark.parametrize("case", ["Add", "StreamingDataWidthConverter"])
def test_a_unit_without_a_choice_saves_nothing(case):
    unit, _ = node(case)
    assert unit.saving("bram") == (0, 0)


@pytest.mark.parametrize(("tensor", "lanes"), [("in0", 6), ("out0", 1), ("out1", 4)])
def test_lanes_before_are_those_of_what_is_read(tensor, lanes):
    """The accelerator's input in whole pixels, or the one of a unit's outputs."""
    split, reader = (node(case)[0] for case in ("SplitStreams", "Centre"))
    reader.onnx_node.input[0], reader.onnx_node.output[0] = tensor, "y"
    image = helper.make_tensor_value_info("in0", TensorProto.FLOAT, (1, 4, 5, 6))
    graph = helper.make_graph([split.onnx_node, reader.onnx_node], "two", [image], [])
    assert lanes_before(reader, ModelWrapper(qonnx_make_model(graph))) == lanes


@pytest.mark.parametrize(("clocks", "parts"), [(0.5, 1), (1, 1), (2, 2), (5, 3), (6, 6), (25, 6)])
def test_bands_share_multipliers_as_far_as_the_clocks_go(clocks, parts):
    unit, _ = node("Interpolator")
    unit.set_nodeattr("Bands", 6)
    unit.set_nodeattr("Clocks", 3)
    unit.fold(int(clocks * unit.beats_out()))
    assert unit.get_nodeattr("Clocks") == parts


def test_what_the_table_says_has_no_hardware_is_refused_with_its_reason(monkeypatch):
    monkeypatch.setitem(OPERATIONS, "pool", replace(OPERATIONS["pool"], lacks={"hardware": "it has no unit yet"}))
    said = r"node a_node: there is no hardware for pool yet \(it has no unit yet\); .*--model-only"
    with pytest.raises(BuildError, match=said):
        operator_for(Node("pool", "a_node", ("x",), "y"))


def test_nodes_of_an_operation_that_none_takes_are_refused_by_what_is_taken(monkeypatch):
    monkeypatch.setattr(SignConstant, "takes", lambda node: False)
    said = r"this sign yet \(only for one with thresholds from the scene or with constant ones\)"
    with pytest.raises(BuildError, match=said):
        operator_for(Node("sign", "a_node", ("x",), "y"))


def test_an_operation_may_have_an_operator_for_each_kind_of_node():
    both = [operator_for(Node("rprelu", "a_node", inputs, "y")).__name__ for inputs in (("p", "x"), ("p",))]
    assert both == ["RPReLU", "RPReLUPlain"]
    both = [operator_for(Node("sign", "a_node", ("x",), "y", scene)).__name__ for scene in (("threshold",), ())]
    assert both == ["SignThreshold", "SignConstant"]
