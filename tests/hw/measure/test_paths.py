"""Longest paths of tiny designs whose LUTs, chains, memories and multipliers can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bitpan.errors import BuildError
from bitpan.hw.measure.paths import ADD, ENTER, LEAVE, MULTIPLY, PASS, longest
from bitpan.hw.measure.paths import Path as LongestPath
from bitpan.hw.measure.yosys import area

DESIGNS = """
module parity (input clk, input [39:0] a, output reg odd);
    reg [39:0] bits;  // two levels of LUTs see 36
    always @(posedge clk) begin bits <= a; odd <= ^bits; end
endmodule
module adder (input clk, input [31:0] x, input [31:0] y, output reg [31:0] sum);
    reg [31:0] x_q, y_q;
    always @(posedge clk) begin x_q <= x; y_q <= y; sum <= x_q + y_q; end
endmodule
module halves (input clk, input [31:0] x, input [31:0] y, output reg [31:0] sum);
    reg [31:0] x_q, y_q;
    reg [16:0] low;
    reg [15:0] x_high, y_high;
    always @(posedge clk) begin
        x_q <= x; y_q <= y;
        low <= x_q[15:0] + y_q[15:0]; x_high <= x_q[31:16]; y_high <= y_q[31:16];
        sum <= {x_high + y_high + low[16], low[15:0]};
    end
endmodule
module memory (input clk, input we, input [9:0] row, input [35:0] d, output reg [35:0] q, output any);
    reg [35:0] words [0:1023];
    always @(posedge clk) begin if (we) words[row] <= d; q <= words[row]; end
    assign any = |q[5:0];
endmodule
module few (input clk, input we, input [4:0] row, input [4:0] at, input [3:0] d, output [3:0] q);
    reg [3:0] words [0:31];
    reg [4:0] at_q;
    always @(posedge clk) begin if (we) words[row] <= d; at_q <= at; end
    assign q = words[at_q];
endmodule
module product (input clk, input signed [15:0] x, input signed [15:0] y, output reg signed [31:0] p);
    always @(posedge clk) p <= x * y;
endmodule
"""


@pytest.mark.parametrize(
    ("top", "levels", "start", "end"),
    [
        ("parity", 3, "bits[", "odd"),
        # Eight CARRY4, the first and the last not whole.
        ("adder", 1 + ENTER + 6 * PASS + LEAVE, "_q[", "sum["),
        # Four, and one for the carry.
        pytest.param("halves", 1 + ENTER + 3 * PASS + LEAVE, "_q[", "low[16]", marks=pytest.mark.slow),
        pytest.param("memory", 3 + 1, "q[", "any", marks=pytest.mark.slow),
        pytest.param("few", 1, "", "q[", marks=pytest.mark.slow),
        # The register lies behind the multiplier, then comes the adder.
        pytest.param("product", MULTIPLY, "x[", "p[", marks=pytest.mark.slow),
    ],
)
def test_levels(tmp_path: Path, top: str, levels: float, start: str, end: str) -> None:
    (tmp_path / "designs.v").write_text(DESIGNS)
    cost = area([tmp_path / "designs.v"], top)
    assert cost.levels == pytest.approx(levels, abs=0.01)
    assert start in cost.path.start and end in cost.path.end


def module(*cells: dict[str, Any]) -> dict[str, Any]:
    """A netlist whose input ``a`` is bit 2 and whose output ``z`` is bit 9; others have no names of their own."""
    ports = {"a": {"direction": "input", "bits": [2]}, "z": {"direction": "output", "bits": [9]}}
    nets = {name: {"hide_name": 0, "bits": port["bits"]} for name, port in ports.items()}
    nets |= {f"$made{bit}": {"hide_name": 1, "bits": [bit]} for bit in range(2, 10)}
    return {"ports": ports, "netnames": nets, "cells": dict(enumerate(cells))}


def cell(
    kind: str, inputs: dict[str, list[int | str]], outputs: dict[str, list[int]], **parameters: int
) -> dict[str, Any]:
    directions = {**dict.fromkeys(inputs, "input"), **dict.fromkeys(outputs, "output")}
    values = {name: f"{value:b}" for name, value in parameters.items()}
    return {"type": kind, "parameters": values, "port_directions": directions, "connections": {**inputs, **outputs}}


def test_inputs_reach_only_the_bits_above_them_in_a_chain() -> None:
    for at, levels in ((0, ENTER), (2, ENTER), (3, 0)):
        bits: list[int | str] = ["0"] * 4
        bits[at] = 2
        carry = cell("CARRY4", {"S": bits, "DI": ["0"] * 4, "CI": ["0"]}, {"CO": [5, 6, 7, 8], "O": [3, 4, 9, 10]})
        assert longest(module(carry)).levels == levels


def test_a_write_address_is_not_in_the_way_of_another_read() -> None:
    memory = cell("RAM32M", {"ADDRD": [2], "ADDRA": ["0"], "WCLK": ["0"]}, {"DOA": [9], "DOD": [4]})
    after = cell("LUT1", {"I0": [4]}, {"O": [5]})
    register = cell("FDRE", {"D": [5]}, {"Q": [6]})
    assert longest(module(memory)) == LongestPath(1.0, "z", "z")  # what is stored, through the LUT
    assert longest(module(memory, after, register)) == LongestPath(2.0, "a", "$made6")


@pytest.mark.parametrize(
    ("registers", "levels", "start"),
    [
        ({}, MULTIPLY + ADD, "a"),
        ({"MREG": 1}, MULTIPLY, "a"),
        ({"AREG": 1, "MREG": 1}, MULTIPLY, "z"),
        ({"AREG": 1}, MULTIPLY + ADD, "z"),
        ({"AREG": 1, "PREG": 1}, MULTIPLY + ADD, "z"),
    ],
)
def test_registers_part_a_dsp_slice(registers: dict[str, int], levels: float, start: str) -> None:
    found = longest(module(cell("DSP48E1", {"A": [2], "CLK": ["0"]}, {"P": [9]}, **registers)))
    assert (found.levels, found.start) == (levels, start)


def test_unknown_cells_and_loops_are_refused() -> None:
    with pytest.raises(BuildError, match="no levels are known for the cell ODDR"):
        longest(module(cell("ODDR", {"D1": [2]}, {"Q": [9]})))
    loop = [cell("LUT2", {"I0": [2], "I1": [9]}, {"O": [3]}), cell("LUT1", {"I0": [3]}, {"O": [9]})]
    with pytest.raises(BuildError, match=r"a loop without a register: .*z"):
        longest(module(*loop))
    assert longest(module()) == LongestPath()
