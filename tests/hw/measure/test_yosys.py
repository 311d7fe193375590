"""Areas from Yosys: what a few small designs must cost, mixed sources, the cache, and how failures are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitpan.errors import BuildError
from bitpan.hw.measure import yosys
from bitpan.hw.measure.paths import Path as LongestPath
from bitpan.hw.measure.yosys import Area, area
from bitpan.hw.packing import literal

TINY = """
module tiny #(parameter int unsigned Width = 8, parameter logic [99:0] Constant = '0) (
    input logic clk_i, input logic [Width-1:0] a_i, input logic [Width-1:0] b_i,
    output logic [Width-1:0] and_o, output logic ones_o
);
    if (Width > 64) $error("tiny: Width is at most 64");
    always_ff @(posedge clk_i) and_o <= a_i & b_i;
    assign ones_o = ^Constant;
endmodule
"""
DEVICES = """
module devices (input clk, input [9:0] write, input [9:0] read, input we, input [35:0] d, output reg [35:0] q,
                input signed [15:0] x, input signed [15:0] y, output reg signed [31:0] product,
                input [4:0] row, input [7:0] e, output [7:0] cell_);
    reg [35:0] memory [0:1023];
    reg [7:0] few [0:31];
    always @(posedge clk) begin
        if (we) memory[write] <= d;
        q <= memory[read];
        product <= x * y;
        if (we) few[row] <= e;
    end
    assign cell_ = few[read[4:0]];
endmodule
"""
MIXED = """
`include "half.vh"
module mixed #(parameter Width = 8, parameter [99:0] Constant = 0)
    (input ap_clk, input [Width-1:0] a, input [Width-1:0] b, output [Width-1:0] q, output ones);
    tiny #(.Width(Width / `HALF), .Constant(Constant)) i_low (
        .clk_i(ap_clk), .a_i(a[Width/2-1:0]), .b_i(b[Width/2-1:0]), .and_o(q[Width/2-1:0]), .ones_o(ones));
    assign q[Width-1:Width/2] = 0;
endmodule
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_verilog_on_top_of_systemverilog_with_parameters_and_a_header(tmp_path: Path) -> None:
    sources = [
        write(tmp_path, "mixed.v", MIXED),
        write(tmp_path, "tiny.sv", TINY),
        write(tmp_path / "include", "half.vh", "`define HALF 2\n"),
    ]
    cost = area(sources, "mixed", {"Width": 20, "Constant": literal([1] * 100, 1)})
    assert (cost.lut, cost.ff, cost.dsp, cost.bram36) == (10, 10, 0, 0)
    assert (cost.cells["LUT2"], cost.cells["FDRE"], cost.levels) == (10, 10, 1)


@pytest.mark.parametrize("family", ["xc7", pytest.param("xcup", marks=pytest.mark.slow)])
def test_memories_and_multipliers(tmp_path: Path, family: str) -> None:
    cost = area([write(tmp_path, "devices.v", DEVICES)], "devices", family=family)
    assert (cost.bram36, cost.dsp, cost.uram) == (1, 1, 0)
    assert 4 <= cost.lut <= 16  # the small memory
    assert sum(n for kind, n in cost.cells.items() if kind.startswith("RAM32")) >= 1


def test_areas_add_up() -> None:
    one = Area.of({"LUT6": 3, "RAM32M": 2, "RAMB18E1": 1, "FDRE": 5, "DSP48E1": 1, "CARRY4": 2, "MUXF7": 9})
    assert (one.lut, one.ff, one.bram36, one.dsp, one.carry) == (11, 5, 0.5, 1, 2)
    total = sum([one, one, Area.of({"RAMB36E2": 1, "SRL16E": 4, "URAM288": 1})], Area())
    assert (total.lut, total.ff, total.bram36, total.dsp, total.carry, total.uram) == (26, 10, 2.0, 2, 4, 1)
    assert total.cells["LUT6"] == 6
    short, long = (Area.of({}, LongestPath(levels, "a", "b")) for levels in (2.5, 4))
    assert (sum([short, long, short], Area()).levels, one.levels) == (4, 0)


def test_cache_knows_content_not_place(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []

    def synthesise(*arguments: object) -> Area:
        runs.append(str(arguments))
        return Area.of({"LUT2": len(runs)}, LongestPath(1.5, "a", "b"))

    monkeypatch.setattr(yosys, "_synthesise", synthesise)
    first = area([write(tmp_path, "tiny.sv", TINY)], "tiny")
    assert (first.lut, first.levels, first.path.end) == (1, 1.5, "b")
    assert area([write(tmp_path / "else where", "tiny.sv", TINY)], "tiny") == first
    changed = write(tmp_path, "tiny.sv", TINY.replace("&", "|"))
    assert area([changed], "tiny") != first
    same = write(tmp_path, "tiny.sv", TINY)
    assert area([same], "tiny", {"Width": 9}) != first
    assert area([same], "tiny", family="xcup") != first
    assert area([same], "tiny") == first
    rules = write(tmp_path, "paths.py", "# other shares")
    monkeypatch.setattr(yosys.paths, "__file__", str(rules))
    assert area([same], "tiny") != first
    assert len(runs) == len(list((cache / "area").iterdir())) == 5  # nothing half written either


@pytest.mark.parametrize(
    ("text", "parameters", "message"),
    [
        (TINY, {"Width": 65}, r"tiny\.sv:6: .*Width is at most 64"),
        (TINY.replace("endmodule", ""), {}, "expected 'endmodule'"),
        (TINY.replace("endmodule", "absent i_absent(); endmodule"), {}, "absent"),
    ],
)
def test_refusals_are_told(tmp_path: Path, cache: Path, text: str, parameters: dict[str, int], message: str) -> None:
    with pytest.raises(BuildError, match=message):
        area([write(tmp_path, "tiny.sv", text)], "tiny", parameters)
    assert not list(cache.rglob("*.json"))


def test_time_and_arguments_are_checked(tmp_path: Path) -> None:
    source = write(tmp_path, "tiny.sv", TINY)
    with pytest.raises(BuildError, match=r"more than 0\.01 s for tiny"):
        area([source], "tiny", timeout=0.01)
    with pytest.raises(BuildError, match=r"missing\.sv"):
        area([tmp_path / "missing.sv"], "tiny")
    with pytest.raises(BuildError, match="'ice40' is none of xc7, xcup"):
        area([source], "tiny", family="ice40")
