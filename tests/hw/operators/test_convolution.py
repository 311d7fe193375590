"""The fold of a convolution, and what a window unit needs for the elements it keeps."""

import numpy as np
import pytest
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
