"""The simulation itself: ports found, faults of a design noticed, stuck streams named, compiler and cache."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from bench import lint
from bitpan.errors import BuildError, CacheError, MissingDependencyError, SimulationError
from bitpan.hw.simulate import verilate as verilation
from bitpan.hw.simulate.simulation import STALLS, Simulation
from bitpan.hw.simulate.verilate import verilate
from bitpan.hw.sources import rtl

# Named as FINN's wrappers and the top are; in1 has no tlast. Reg 0: a register; 4: beats passed; 8: an error answer.
TOP = """
module board (
    input ap_clk, input ap_rst_n,
    input [16:0] in0_V_TDATA, input in0_V_TVALID, output in0_V_TREADY, input in0_V_TLAST,
    input [7:0] s_axis_b_tdata, input s_axis_b_tvalid, output s_axis_b_tready,
    output reg [16:0] out0_V_TDATA, output reg out0_V_TVALID, input out0_V_TREADY, output reg out0_V_TLAST,
    input [15:0] s_axi_awaddr, input s_axi_awvalid, output s_axi_awready,
    input [31:0] s_axi_wdata, input [3:0] s_axi_wstrb, input s_axi_wvalid, output s_axi_wready,
    output [1:0] s_axi_bresp, output reg s_axi_bvalid, input s_axi_bready,
    input [15:0] s_axi_araddr, input s_axi_arvalid, output s_axi_arready,
    output reg [31:0] s_axi_rdata, output reg [1:0] s_axi_rresp, output reg s_axi_rvalid, input s_axi_rready,
    input [11:0] fault
);
    reg [31:0] word, beats;
    wire move = in0_V_TVALID && s_axis_b_tvalid && (!out0_V_TVALID || out0_V_TREADY);
    assign in0_V_TREADY = s_axis_b_tvalid && (!out0_V_TVALID || out0_V_TREADY);
    assign s_axis_b_tready = in0_V_TVALID && (!out0_V_TVALID || out0_V_TREADY);
    assign s_axi_awready = s_axi_wvalid && s_axi_awvalid && !s_axi_bvalid;
    assign s_axi_wready = s_axi_awready;
    assign s_axi_arready = !s_axi_rvalid;
    assign s_axi_bresp = 0;
    always @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            out0_V_TVALID <= 0; s_axi_bvalid <= 0; s_axi_rvalid <= 0; beats <= 0;
        end else begin
            if (move) begin
                out0_V_TDATA <= in0_V_TDATA + s_axis_b_tdata; out0_V_TLAST <= in0_V_TLAST;
                beats <= beats + 1;
            end else if (fault[0]) out0_V_TDATA <= out0_V_TDATA + 1;
            if (move) out0_V_TVALID <= 1;
            else if (out0_V_TREADY || fault[1]) out0_V_TVALID <= 0;
            if (fault[2] && beats == 5) $fatal(1, "five beats");
            if (s_axi_awready && s_axi_awvalid) begin word <= s_axi_wdata; s_axi_bvalid <= 1; end
            else if (s_axi_bready) s_axi_bvalid <= 0;
            if (s_axi_arvalid && s_axi_arready) begin
                s_axi_rdata <= s_axi_araddr == 4 ? beats : word;
                s_axi_rresp <= s_axi_araddr == 8 ? 2 : 0;
                s_axi_rvalid <= 1;
            end else if (s_axi_rready) s_axi_rvalid <= 0;
        end
    end
endmodule
"""


@pytest.fixture
def board(tmp_path):
    source = tmp_path / "board.v"
    source.write_text(TOP)
    with Simulation([source], "board") as simulation:
        yield simulation


def beats(*values):
    return np.array([list(v.to_bytes(3, "little")) for v in values], np.uint8)


def test_streams_registers_and_ports(board):
    assert board.inputs == {"in0_V": 3, "s_axis_b": 1} and board.outputs == {"out0_V": 3}
    board.push("in0_V", beats(*range(1000, 1009)), last=True)
    board.push("in0_V", beats(5), last=[True])
    board.push("s_axis_b", np.full((4, 1), 200))
    assert board.run(1000, until={"s_axis_b": 0}) < 10  # an input's goal: taken
    assert board.queued("in0_V") == 6
    board.write(0, 0xDEADBEEF)
    assert board.read(0) == 0xDEADBEEF
    assert board.read(4) == 4 == board.span("out0_V")[2]
    with pytest.raises(SimulationError, match="AXI-Lite answered with error 2"):
        board.read(8)


def test_frames_in_steps(board):
    """What a DMA needs: push some, run some, pull some."""
    board.push("in0_V", beats(*range(9)), last=True)
    board.push("s_axis_b", np.zeros((9, 1)))
    assert board.run(5) == 5
    first, flags = board.pull_with_last("out0_V", 3)
    assert first.tolist() == beats(0, 1, 2).tolist() and not flags.any()
    board.run(1000, until={"out0_V": 6})
    rest, flags = board.pull_with_last("out0_V")
    assert rest[:, 0].tolist() == [3, 4, 5, 6, 7, 8] and flags.tolist() == [False] * 5 + [True]
    board.reset()
    assert board.cycle == 0 and board.span("in0_V") == (-1, -1, 0)


@pytest.mark.parametrize("task", ["$error(", "$fatal(1, "])
def test_a_design_that_refuses_its_parameters_is_an_error(tmp_path, task):
    source = tmp_path / "picky.sv"
    check = f'if (Lanes < 1) {task}"picky: Lanes is at least 1");'
    source.write_text(
        f"module picky #(parameter int Lanes = 1) (input logic clk_i, input logic rst_ni); {check} endmodule\n"
    )
    with pytest.raises(BuildError, match="picky: Lanes is at least 1"):
        verilate([source], "picky", {"Lanes": 0})


def test_stuck_streams_are_named(board):
    board.push("in0_V", beats(1, 2))
    with pytest.raises(SimulationError, match=r"in0_V tvalid=1 tready=0, 2 beats waiting; s_axis_b .* 0 beats waiting"):
        board.run(10_000, until={"out0_V": 1}, patience=50)


@pytest.mark.parametrize(("bit", "message"), [(0, "changed a beat"), (1, "withdrew a beat"), (2, "stopped itself")])
def test_faults_of_the_design_are_errors(board, bit, message):
    board.poke("fault", 1 << bit)
    assert board.peek("fault") == 1 << bit
    board.set_stall("out0_V", "half")
    board.push("in0_V", beats(*range(50)))
    board.push("s_axis_b", np.zeros((50, 1)))
    with pytest.raises(SimulationError, match=message):
        board.run(1000, until={"out0_V": 50})


def test_wrong_use_is_told(board):
    for use in (
        lambda: board.push("in0_V", np.zeros((2, 4))),
        lambda: board.push("in0_V", beats(1 << 17)),
        lambda: board.set_stall("in0_V", "sometimes"),
        lambda: board.set_stall("in0_V", 0),
        lambda: board.poke("fault", 1 << 12),
    ):
        with pytest.raises(SimulationError):
            use()


def test_stall_patterns_and_speed(board):
    """The share of cycles each pattern lets pass, and a million cycles a second (a tenth of it on a busy machine)."""
    count = 100_000
    board.push("s_axis_b", np.zeros((5 * count, 1)))
    rates = []
    start = time.perf_counter()
    for pattern in (*STALLS, 7):
        board.set_stall("in0_V", pattern, seed=3)
        board.push("in0_V", np.zeros((count, 3)))
        rates.append(count / board.run(2_000_000, until={"in0_V": 0}))
    assert np.allclose(rates, [1, 15 / 16, 1 / 2, 1 / 2, 1 / 7], rtol=0.03)
    assert board.cycle / (time.perf_counter() - start) > 100_000


def test_waveform(tmp_path):
    with Simulation([rtl("bp_duplicate")], "bp_duplicate", trace=tmp_path / "wave.vcd") as simulation:
        simulation.push("in0", np.array([[0xA5]]))
        simulation.run(10)
    assert "b10100101" in (tmp_path / "wave.vcd").read_text()


def test_build_errors(tmp_path, monkeypatch):
    wrong = tmp_path / "wrong.sv"
    wrong.write_text("module wrong(input clk_i, input rst_ni);\n assign nothing = ; endmodule\n")
    with pytest.raises(BuildError, match=r"Verilator failed: %Error: .*wrong.sv:2"):
        verilate([wrong], "wrong")
    with pytest.raises(BuildError, match=r"source file missing: .*absent.sv"):
        verilate([tmp_path / "absent.sv"], "absent")
    wrong.write_text("module wrong(input logic clk_i, output logic [3:0] q);\n assign q = 5'd17; endmodule\n")
    with pytest.raises(BuildError, match="WIDTHTRUNC"):
        lint([wrong], "wrong")
    monkeypatch.setattr(verilation.shutil, "which", lambda name: None)
    verilation._compiler.cache_clear()
    with pytest.raises(MissingDependencyError, match=r"install g\+\+"):
        verilation._compiler()
    verilation._compiler.cache_clear()


def test_cache(tmp_path, monkeypatch):
    """The same content is not built twice, a changed source is; a failed build leaves nothing."""
    real = verilate([rtl("bp_duplicate")], "bp_duplicate").path.parent
    runs = []
    monkeypatch.setattr(
        verilation, "_verilator", lambda *_: runs.append(1) or (_ for _ in ()).throw(BuildError("stop"))
    )
    assert verilate([rtl("bp_duplicate")], "bp_duplicate").path.parent == real and not runs
    copy = tmp_path / "bp_duplicate.sv"
    copy.write_text(rtl("bp_duplicate").read_text() + "\n")
    before = set(real.parent.iterdir())
    with pytest.raises(BuildError, match="stop"):
        verilate([copy], "bp_duplicate")
    assert runs and set(real.parent.iterdir()) == before


def test_a_damaged_library_is_built_again(tmp_path, monkeypatch):
    """Loaded as it is, a truncated one would end the process by a signal."""
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path))
    library = verilate([rtl("bp_duplicate")], "bp_duplicate").path
    os.truncate(library, library.stat().st_size // 2)
    (library.parent / "ports.json").write_text("[[")
    (runtime,) = tmp_path.glob("runtime/*/harness.o")
    os.truncate(runtime, 0)
    program = (
        "from bitpan.hw.simulate.simulation import Simulation; import sys; Simulation(sys.argv[1:], 'bp_duplicate')"
    )
    subprocess.run([sys.executable, "-c", program, str(rtl("bp_duplicate"))], check=True)


def test_a_library_from_a_cache_in_which_others_write_is_not_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path))
    tmp_path.chmod(0o777)
    with pytest.raises(CacheError, match="can be written by others"):
        verilate([rtl("bp_duplicate")], "bp_duplicate")
