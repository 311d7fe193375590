"""Stream rules of the units, proved; and that the proofs see each kind of fault."""

import pytest

from bitpan.errors import BuildError
from bitpan.hw.measure.units import unit
from bitpan.hw.prove.prove import FORMAL, prove
from bitpan.hw.sources import rtl, unit_sources

TINY = {"PBits": 2, "KneeBits": 2, "SlopeBits": 2, "BiasBits": 2, "OutBits": 2, "Shift": 1}
IMAGE = {"Channels": 1, "Pe": 1, "InBits": 1}
FIFO_FRAMES = {"in0": 4, "out0": 4}


def size(rows, columns):
    """Frames of so many PAN pixels."""
    return {"constants": {"size_i": rows << 16 | columns}}


PROVED = [
    ("bp_duplicate", {"Width": 2}, {"in0": 2, "out0": 2, "out1": 2}, {}),
    ("bp_concat_streams", {"Width0": 2, "Width1": 1}, {"in0": 2, "in1": 2, "out0": 2}, {}),
    ("bp_split_streams", {"Width0": 2, "Width1": 1}, {"in0": 2, "out0": 2, "out1": 2}, {}),
    ("bp_width_converter", {"InWidth": 1, "OutWidth": 3}, {"in0": 6, "out0": 2}, {}),
    ("bp_width_converter", {"InWidth": 3, "OutWidth": 1}, {"in0": 2, "out0": 6}, {}),
    ("bp_stream_fifo", {"Width": 2, "Depth": 5, "Style": 1}, FIFO_FRAMES, {}),
    ("bp_stream_fifo", {"Width": 2, "Depth": 5, "Style": 2}, FIFO_FRAMES, {}),
    ("bp_stream_fifo", {"Width": 2, "Depth": 5, "Style": 3}, FIFO_FRAMES, {}),
    ("bp_frame_end", {"Width": 2}, {"in0": 4, "out0": 4}, size(2, 2)),
    ("bp_add", {"Elements": 1, "In0Bits": 2, "In1Bits": 2, "OutBits": 2}, {"in0": 2, "in1": 2, "out0": 2}, {}),
    ("bp_centre", {"Elements": 1, "InBits": 3, "InSigned": 1, "Offset": 1, "OutBits": 2}, {"in0": 2, "out0": 2}, {}),
    (
        "bp_sign_threshold",
        {"Channels": 2, "Pe": 1, "InBits": 2, "ThresholdBits": 2, "Width": 2},
        {"in0": 4, "out0": 4},
        size(2, 1),
    ),
    ("bp_sign_constant", {"Channels": 2, "Pe": 1, "InBits": 2, "ThresholdBits": 2}, {"in0": 4, "out0": 4}, {}),
    ("bp_average_pool", {**IMAGE, "Width": 4}, {"in0": 16, "out0": 4}, size(4, 4)),
    ("bp_average_pool", {**IMAGE, "Width": 4}, {"in0": 12, "out0": 3}, size(6, 2)),
]
SLOWLY_PROVED = [
    (
        "bp_channel_affine",
        {
            "Channels": 2,
            "Pe": 1,
            "InBits": 2,
            "OutBits": 2,
            "ScaleBits": 2,
            "OffsetBits": 2,
            "Shift": 1,
            "Width": 2,
        },
        {"in0": 4, "out0": 4},
        size(2, 1),
    ),
    ("bp_rprelu_plain", {"Channels": 2, "Pe": 1, **TINY}, {"in0": 4, "out0": 4}, {}),
    ("bp_rprelu", {"Channels": 2, "Pe": 1, "XBits": 2, **TINY}, {"in0": 4, "in1": 4, "out0": 4}, {}),
    (
        "bp_integer_conv",
        {"Kernel": 1, "Channels": 2, "OutChannels": 2, "InPe": 1, "Simd": 1, "Pe": 1, "InBits": 2, "WeightBits": 2}
        | {"BiasBits": 2, "OutBits": 2, "Shift": 1},
        {"in0": 4, "out0": 4},
        {"patience": 24, "inside": 4} | size(1, 2),
    ),
    (
        "bp_depthwise_conv",
        {"Kernel": 1, "Channels": 2, "InPe": 2, "Pe": 1, "InBits": 2, "WeightBits": 2, "OutBits": 2, "Shift": 1},
        {"in0": 2, "out0": 4},
        {"patience": 24, "inside": 4} | size(1, 2),
    ),
]
BOUNDED = [
    (
        "bp_binary_conv",
        {"Channels": 1, "OutChannels": 1, "InPe": 1, "Simd": 9, "Pe": 1, "Width": 2},
        {"in0": 4, "out0": 4},
        {"patience": 32, "inside": 4, "seconds": 60, "clocks": 60} | size(2, 2),
    ),
    (
        "bp_haar",
        {**IMAGE, "Width": 4},
        {"in0": 16, "out0": 4, "out1": 4, "out2": 4, "out3": 4},
        {"patience": 32, "inside": 4, "seconds": 40, "clocks": 60} | size(4, 4),
    ),
    (
        "bp_inverse_haar",
        {**IMAGE, "OutBits": 1, "Width": 2},
        {"in0": 4, "in1": 4, "in2": 4, "in3": 4, "out0": 16},
        {"patience": 40, "inside": 5, "seconds": 25, "clocks": 60} | size(4, 4),
    ),
    (
        "bp_bilinear_up",
        {**IMAGE, "Width": 2},
        {"in0": 4, "out0": 16},
        {"patience": 60, "seconds": 60, "clocks": 90} | size(4, 4),
    ),
    (
        "bp_channel_norm",
        {"Channels": 2, "Pe": 1, "Bits": 2, "GainBits": 2, "CentreBits": 2, "BiasBits": 2},
        {"in0": 8, "in1": 8, "out0": 8},
        {"patience": 32, "inside": 5, "seconds": 25, "clocks": 60},
    ),
    (
        "bp_interpolator",
        {"Bands": 1, "Bits": 1, "Width": 5, "StrideBits": 1, "CoefficientBits": 2},
        {"in0": 25, "out0": 4},
        {"patience": 96, "inside": 5, "seconds": 25, "clocks": 130} | size(2, 2),
    ),
]


def prove_gate():
    sources = dict.fromkeys([*unit_sources("bp_frame_gate"), *unit_sources("bp_frame_end")])
    return prove([*sources, FORMAL / "bp_gate_rules.sv"], "bp_gate_rules")


@pytest.mark.parametrize(("name", "size", "frames", "options"), PROVED)
def test_the_rules_hold(name, size, frames, options):
    proof = prove(unit_sources(name), name, unit(name).parameters(size), frames, **options)
    assert proof.holds, proof


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size", "frames", "options"), SLOWLY_PROVED)
def test_the_rules_hold_for_larger_units(name, size, frames, options):
    test_the_rules_hold(name, size, frames, options)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size", "frames", "options"), BOUNDED)
def test_the_rules_hold_for_the_first_clocks(name, size, frames, options):
    proof = prove(unit_sources(name), name, unit(name).parameters(size), frames, **options)
    assert not proof.fault, proof
    assert not [rule for rule in proof.bounded if "had offered" in rule], "the handshakes are proved"
    for rule, clocks in proof.bounded.items():
        about_time = "did not come out" in rule or "none moved" in rule
        assert clocks > (max(frames.values()) + options["patience"] if about_time else 30), proof


def test_frames_of_any_length_leave_the_gate_whole():
    assert prove_gate().holds


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("if (out0_tready_i) out0_tvalid_o", "out0_tvalid_o", "out0 took back a beat"),
        ("if (in0_tready_o) beat_q", "beat_q", "out0 changed a beat"),
        ("out1_tvalid_o <= in0_tvalid_i", "out1_tvalid_o <= 1'b1", "more of a frame left than had come"),
        ("assign in0_tready_o =", "assign in0_tready_o = beat_q != 3 &&", "none moved"),
    ],
)
def test_a_planted_fault_is_found(right, wrong, fault, plant):
    plant("bp_duplicate", right, wrong)
    proof = prove([rtl("bp_duplicate")], "bp_duplicate", {"Width": 2}, {"in0": 2, "out0": 2, "out1": 2})
    assert fault in proof.fault, proof
    assert proof.clock and not proof.holds


def test_a_beat_that_stays_inside_is_found(plant):
    plant("bp_stream_fifo", "push || stored_q != CountBits'(1)", "push && stored_q != CountBits'(0)")
    assert (
        "did not come out"
        in prove(unit_sources("bp_stream_fifo"), "bp_stream_fifo", {"Width": 1, "Depth": 3}, FIFO_FRAMES).fault
    )


def test_a_unit_that_takes_in_too_much_is_found():
    proofs = [
        prove(
            unit_sources("bp_stream_fifo"), "bp_stream_fifo", {"Width": 1, "Depth": 4}, {"in0": 1, "out0": 1}, inside=n
        )
        for n in (3, 4)
    ]
    assert "more frames were inside" in proofs[0].fault
    assert proofs[1].holds


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("if (out0_tready_i && last_beat) begin", "if (out0_tready_i) begin", "bad_start_o"),
        ("in0_tvalid_i && open_q;", "in0_tvalid_i;", "bad_order_o"),
        ("late_d = !in0_tlast_i;", "state_d = in0_tlast_i ? Pass : Drop;", "bad_drop_o"),  # swallows the next frame
        ("late_q ? Drop : Pass", "Pass", "bad_drop_o"),
        ("last_beat) late_d = !in0_tlast_i", "last_beat) late_d = late_q || !in0_tlast_i", "bad_drop_o"),
        ("                    late_d  = 1'b0;\n", "", "bad_drop_o"),
        ("else if (in0_tlast_i) state_d", "else if (in0_tlast_i && in0_tdata_i[0]) state_d", "bad_start_o"),
        ("if (in0_tvalid_i && in0_tlast_i) state_d", "if (in0_tvalid_i) state_d", "bad_start_o"),
        ("error = in0_tlast_i != last_beat", "error = in0_tlast_i && !last_beat", "bad_error_o"),
        ("!= started_i[3:0]", "!= started_i[3:0] && (moved && last_beat ? next_q : entered_q) != 4'd2", "bad_stuck_o"),
        ("out0_tvalid_o = 1'b1;", "out0_tvalid_o = in0_tvalid_i || last_beat;", "bad_lost_o"),
    ],
)
def test_a_fault_of_the_gate_is_found(right, wrong, fault, plant):
    plant("bp_frame_gate", right, wrong)
    assert prove_gate().fault == fault


REGISTER = """
module register #(parameter bit Unknown = 1'b0, parameter bit Falling = 1'b0, parameter bit Shy = 1'b0) (
    input logic clk_i, input logic rst_ni,
    input logic [1:0] in0_tdata_i, input logic in0_tvalid_i, output logic in0_tready_o,
    output logic [1:0] out0_tdata_o, output logic out0_tvalid_o, input logic out0_tready_i
);
    logic clk, held_q, nothing;
    assign clk = clk_i ^ Falling;
    assign in0_tready_o = !held_q || out0_tvalid_o && out0_tready_i;
    assign out0_tvalid_o = held_q && (!Unknown || nothing) && (!Shy || out0_tready_i);
    always_ff @(posedge clk) begin
        if (in0_tready_o) out0_tdata_o <= in0_tdata_i;
        held_q <= rst_ni && (in0_tready_o ? in0_tvalid_i : held_q);
    end
endmodule
"""


def test_a_valid_that_waits_for_ready_is_found_and_an_unknown_one_and_another_edge(tmp_path):
    (tmp_path / "register.sv").write_text(REGISTER)

    def proof(**parameters):
        return prove([tmp_path / "register.sv"], "register", parameters, {"in0": 1, "out0": 1})

    assert proof().holds
    assert "did not come out" in proof(Shy=1).fault
    assert "took back a beat" in proof(Unknown=1).fault
    with pytest.raises(BuildError, match="_DFF_N_"):
        proof(Falling=1)


def test_a_proof_that_does_not_close_says_for_how_long_it_holds():
    name, size, frames, options = BOUNDED[0]
    proof = prove(unit_sources(name), name, unit(name).parameters(size), frames, **{**options, "seconds": 2})
    assert not proof.fault and not proof.holds
    assert "a whole frame went in and did not come out" in proof.bounded
    assert not [rule for rule in proof.bounded if "had offered" in rule]
    assert 0 < min(proof.bounded.values()) <= max(proof.bounded.values()) <= 90


def test_bad_calls_are_refused(tmp_path):
    with pytest.raises(BuildError, match="duplicate has the streams in0, out0, out1, not in0"):
        prove([rtl("bp_duplicate")], "bp_duplicate", {}, {"in0": 2})
    with pytest.raises(BuildError, match="Copies is 2"):
        prove([rtl("bp_duplicate")], "bp_duplicate", {"Copies": 3})
    with pytest.raises(BuildError, match="source file missing"):
        prove([tmp_path / "none.sv"], "none")
    fifo = unit_sources("bp_stream_fifo"), "bp_stream_fifo", {"Width": 1}
    for frames, options, message in (
        ({"in0": 0, "out0": 1}, {}, "beats of a frame: 1 to 255, not 0"),
        ({"in0": 256, "out0": 1}, {}, "beats of a frame: 1 to 255, not 256"),
        (FIFO_FRAMES, {"inside": 6}, "inside: 1 to 5, not 6"),
        (FIFO_FRAMES, {"patience": 0}, "patience: 1 to"),
        (FIFO_FRAMES, {"seconds": 0}, "seconds: 1 to"),
        (FIFO_FRAMES, {"clocks": 13}, "clocks: at least 14 for rules about time to be tried, not 13"),
    ):
        with pytest.raises(BuildError, match=message):
            prove(*fifo, frames, **options)
    (tmp_path / "odd.sv").write_text("module odd (input logic clk_i, input logic rst_ni); endmodule")
    with pytest.raises(BuildError, match="there is nothing to prove"):
        prove([tmp_path / "odd.sv"], "odd")
    (tmp_path / "odd.sv").write_text("module odd (input logic ap_clk, output logic bad_a_o); endmodule")
    with pytest.raises(BuildError, match="one clock, clk_i, and one reset"):
        prove([tmp_path / "odd.sv"], "odd")
    (tmp_path / "odd.sv").write_text(
        "module odd (input logic clk_i, input logic rst_ni, output logic out0_tvalid_o, output logic [1:0] bad_a_o);"
        "endmodule"
    )
    with pytest.raises(BuildError, match="a rule is one"):
        prove([tmp_path / "odd.sv"], "odd")
    (tmp_path / "odd.sv").write_text(
        "module odd (input logic clk_i, input logic rst_ni, output logic out0_tvalid_o); endmodule"
    )
    with pytest.raises(BuildError, match="out0 has tvalid; a stream is"):
        prove([tmp_path / "odd.sv"], "odd")
