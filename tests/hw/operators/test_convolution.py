"""The fold of a convolution, and what a window unit needs for the elements it keeps."""

import numpy as np
import pytest
from onnx import helper
from qonnx.custom_op.registry import getCustomOp

from bitpan.hw.operators import operator_for
from bitpan.hw.operators.convolution import Fold, choose, line_elements, weight_cost
from bitpan.hw.operators.writer import Writer


def lanes(fold):
    return fold.simd * fold.pe


@pytest.mark.parametrize(("elements", "rows"), [(288, 32), (45, 32), (13, 32), (32, 4), (81, 6)])
@pytest.mark.parametrize("clocks", [1, 2, 3, 4, 9, 10, 36, 100, 10_000])
def test_the_cheapest_of_all_folds_that_keep_up(elements, rows, clocks):
    fold = choose(elements, rows, clocks, lanes)
    assert elements % fold.simd == 0 and rows % fold.pe == 0
    assert (elements // fold.simd) * (rows // fold.pe) <= clocks
    for simd in range(1, elements + 1):
        for pe in range(1, rows + 1):
            if elements % simd == 0 and rows % pe == 0 and (elements // simd) * (rows // pe) <= clocks:
                assert simd * pe >= lanes(fold)


def test_known_folds():
    assert choose(288, 32, 3, lanes) == Fold(96, 32)
    assert choose(288, 32, 8, lanes) in (Fold(288, 4), Fold(72, 16), Fold(144, 8), Fold(36, 32))
    assert choose(288, 32, 8, lambda fold: (lanes(fold), -fold.simd)) == Fold(288, 4)
    assert choose(13, 32, 3, lanes) == Fold(13, 16)
    assert choose(288, 32, 0, lanes) == Fold(288, 32), "the fastest"


def test_weights_lie_in_logic_in_luts_or_in_block_memory():
    assert weight_cost(1, 2304) == {"LUT": 0}
    assert weight_cost(2, 1152) == {"LUT": 2} and weight_cost(3, 768) == {"LUT": 4}, "all that differ up to their sign"
    assert weight_cost(64, 72) == {"LUT": 72} and weight_cost(65, 72) == {"LUT": 144}
    assert weight_cost(256, 72) == {"LUT": 288}
    assert weight_cost(257, 72) == weight_cost(16, 72, "block") == {"LUT": 0, "BRAM_18K": 2}


def test_a_convolution_is_written_with_one_lane_and_takes_whole_pixels(random_model):
    writer = Writer(random_model(blocks=1, channels=4), 16, 16)
    for node in writer.model.nodes:
        if node.op in ("conv", "binary_conv"):
            operator_for(node).make(writer, node)
    units = [getCustomOp(node) for node in writer.nodes]
    assert [unit.get_nodeattr("SIMD") for unit in units] == [1] * 3
    assert [unit.get_nodeattr("InPE") for unit in units] == [5, 4, 4]


def test_a_window_in_one_piece_needs_no_choice(random_model):
    writer = Writer(random_model(blocks=1, channels=4), 16, 16)
    node = next(node for node in writer.model.nodes if node.name == "tail")
    operator_for(node).make(writer, node)
    unit = getCustomOp(writer.nodes[-1])
    assert unit.window_cost() == {"LUT": 12 + 4 * 10 + 4 + 0.4 * 4 * 10}
    unit.set_nodeattr("SIMD", 4)
    unit.set_nodeattr("PE", 4)
    assert unit.window_cost() == {"LUT": 12 + 4 * 10}


def test_the_lines_hold_what_an_older_one_needs():
    keep = np.ones((3, 3, 5), bool)
    assert line_elements(keep) == 10
    keep[..., 1:] = False
    keep[1, 1] = True
    assert line_elements(keep) == 6, "of the line before all five, of the one before that the first"
    keep[:2] = False
    assert line_elements(keep) == 0
    assert line_elements(np.ones((1, 1, 4), bool)) == 0


def unit(kernel=3, channels=6, fold=(18, 2), lanes=2, size=(4, 6), outputs=4, kind="BinaryConv", **more):
    """A convolution that stands alone; of an integer one all elements of a window go on."""
    height, width = size
    own = {"Height": height, "Width": width, "Stride": 2, "Kernel": kernel, "Channels": channels, "InPE": lanes}
    own |= {"OutChannels": outputs, "SIMD": fold[0], "PE": fold[1]}
    own |= {"inputDataType": "BINARY", "outputDataType": "INT8"}
    if kind != "BinaryConv":
        own |= {"inputDataType": "INT10", "outputDataType": "INT10", "Shift": 5}
    if kind == "IntegerConv":
        own["Keep"] = f"{(1 << kernel**2 * channels) - 1:x}"
    names = ["in0", "weights", "bias"][: 3 if kind == "IntegerConv" else 2]
    return getCustomOp(
        helper.make_node(
            f"{kind}_rtl", names, ["out0"], domain="finn.custom_op.fpgadataflow.rtl", backend="fpgadataflow",
            **own, **more,
        )
    )  # fmt: skip


@pytest.mark.parametrize("size", [(4, 6), (1, 5), (5, 1), (2, 2), (6, 7)])
@pytest.mark.parametrize(("kernel", "fold"), [(1, (6, 4)), (3, (54, 2)), (5, (75, 1))])
@pytest.mark.parametrize("lanes", [6, 2])
def test_a_window_needs_all_that_comes_before_its_end(size, kernel, fold, lanes):
    """In the order of an image with margins; what lies in a margin comes with the pixel before it."""
    own, margin = unit(kernel, fold=fold, lanes=lanes, size=size), kernel // 2
    expected = []
    for row, column in np.ndindex(*size):
        end = row + margin, column + margin
        last = max(r * size[1] + c for r, c in np.ndindex(*size) if (r, c) <= end)
        expected += [(last + 1) * 6 // lanes - 1] * (4 // fold[1])
    assert own.needs().tolist() == expected


@pytest.mark.parametrize(
    ("own", "latency", "interval", "clocks"),
    [
        ({}, 11, 19 / 6, 152),
        ({"fold": (54, 4), "lanes": 6}, 10, 7 / 6, 29),
        ({"fold": (54, 4), "lanes": 1}, 10, 7 / 6, 145),
        ({"kernel": 1, "fold": (2, 2)}, 9, 3.0, 144),
        ({"kernel": 1, "fold": (6, 4), "lanes": 6}, 6, 1.0, 24),
        ({"kernel": 5, "fold": (75, 2), "outputs": 6}, 12, 20 / 9, 182),
        ({"kind": "IntegerConv"}, 16, 19 / 6, 152),
        ({"kind": "DepthwiseConv", "fold": (1, 3), "outputs": 6}, 16, 55 / 6, 440),
    ],
)
def test_how_long_units_take(own, latency, interval, clocks):
    """As they do in simulation, which ``test_facts.py`` compares."""
    found = unit(**own)
    assert (found.latency(), found.interval(1.0)) == (latency, pytest.approx(interval))
    assert found.clocks() == found.get_exp_cycles() == clocks


@pytest.mark.parametrize(
    ("width", "style", "cost"),
    [
        (32, "auto", {"LUT": 14}),
        (33, "auto", {"LUT": 22}),
        (64, "auto", {"LUT": 22}),
        (65, "auto", {"LUT": 44}),
        (128, "auto", {"LUT": 44}),
        (129, "auto", {"LUT": 0, "BRAM_18K": 1}),
        (32, "block", {"LUT": 0, "BRAM_18K": 1}),
        (129, "distributed", {"LUT": 66}),
    ],
)
def test_where_lines_lie_and_what_they_take(width, style, cost):
    """Of twelve bits a column: in four LUTs six of 32 columns or three of 64, and a choice between them."""
    own = unit(size=(4, width))
    assert own.line_cost(style) == cost
    own.set_nodeattr("lineStyle", style)
    window = own.window_cost()
    assert window["LUT"] == 12 + 2 + 3 + 0.4 * 54 + 95 + cost["LUT"]
    assert window.get("BRAM_18K") == cost.get("BRAM_18K")


def test_points_have_no_lines():
    own = unit(1, fold=(6, 4), lanes=6)
    assert own.line_cost("auto") == own.line_cost("distributed") == {"LUT": 0} and own.margin == 0
    assert own.line_cost("block") == {"LUT": 0, "BRAM_18K": 0}


def test_a_price_counts_slices_as_luts():
    own = unit(kind="IntegerConv")
    cost = own.cost()
    assert cost["DSP"] == 36 and own.price() == cost["LUT"] + 3600
    assert cost["LUT"] == own.window_cost()["LUT"] + own.matrix_cost()["LUT"]
    assert unit().price() == unit().cost()["LUT"]
