"""The DMA's rules, AXI's among them, proved; and that the proofs see faults."""

import pytest

from bitpan.hw.prove.prove import FORMAL, prove
from bitpan.hw.sources import unit_sources


def prove_rules(unit, parameters=None, **options):
    """Of the DMA's part ``bp_dma_<unit>``, from a transfer of any shape that its rules' parameters allow."""
    rules = f"bp_dma_{unit.removesuffix('s')}_rules"
    sources = [*unit_sources(f"bp_dma_{unit}"), FORMAL / "bp_stream_rules.sv", FORMAL / f"{rules}.sv"]
    return prove(sources, rules, parameters, **options)


def test_the_writer_keeps_the_rules_of_axi():
    assert prove_rules("write").holds


@pytest.mark.slow
def test_no_burst_crosses_a_page():
    assert prove_rules("bursts").holds


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 2])
def test_the_reader_asks_for_what_it_has_room_for(slots):
    """A pixel is a word, or half of one."""
    assert prove_rules("read", {"Slots": slots}, seconds=600).holds


@pytest.mark.parametrize(
    ("unit", "right", "wrong"),
    [
        ("read", "idle_o = bursts_idle && !active", "idle_o = bursts_idle"),
        ("bursts", "last_row_q <= rows_q == 16'd1", "last_row_q <= rows_q <= 16'd2"),
        ("bursts", "default: if (burst_ready_i) state_q", "default: state_q"),
        pytest.param("pieces", "slot_q <= next_q", "slot_q <= '0", marks=pytest.mark.slow),
        pytest.param(
            "pieces", "last_row_q <= rows_q == 16'd2", "last_row_q <= rows_q == 16'd3", marks=pytest.mark.slow
        ),
        pytest.param("bursts", "bytes_q + 27'(row_q[ByteBits-1:0])", "bytes_q", marks=pytest.mark.slow),
        pytest.param("read", "space_q >= SpaceBits'(16)", "space_q >= SpaceBits'(15)", marks=pytest.mark.slow),
        pytest.param("read", "offered && room_q", "offered && room_q && out0_tready_i", marks=pytest.mark.slow),
        pytest.param("read", "{last, word[", "{last && word_valid_i, word[", marks=pytest.mark.slow),
        pytest.param("read", "popped = step && word_end", "popped = piece_valid && word_end", marks=pytest.mark.slow),
    ],
)
def test_a_fault_of_the_reader_is_found(unit, right, wrong, plant):
    """Of its parts too: in rooms, rows, bursts and pixels."""
    plant(f"bp_dma_{unit}", right, wrong)
    assert prove_rules("read", {"Slots": 2}, seconds=60).fault


@pytest.mark.parametrize(
    ("channels", "frames"),
    [("bp_lite_writes", {"in0": 1, "in1": 1, "out0": 1}), ("bp_lite_reads", {"in0": 1, "out0": 1})],
)
@pytest.mark.parametrize("dma", [0, 1])
def test_every_access_to_the_registers_is_answered_once(channels, frames, dma):
    """Those of the accelerator alone, and behind the DMA's."""
    assert prove_answers(channels, frames, dma).holds


def prove_answers(channels, frames, dma):
    sources = dict.fromkeys([*unit_sources("bp_dma_registers"), *unit_sources("bp_scene_registers")])
    rules = [FORMAL / f"{name}.sv" for name in ("bp_lite_registers", channels)]
    return prove([*sources, *rules], channels, {"Dma": dma}, frames)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("!own && !address_sent_q && !reset_o", "!own && !address_sent_q"),
        ("!read_sent_q && !reset_o", "!read_sent_q"),
        ("&quiet_i && !(both && !own) && !(read_held_q && !read_own)", "&quiet_i"),
    ],
)
def test_an_access_that_a_reset_loses_is_found(right, wrong, plant):
    """Of the accelerator's registers, which are reset, by the DMA's, which are not."""
    plant("bp_dma_registers", right, wrong)
    frames = {"in0": 1, "in1": 1, "out0": 1}
    reads = {"in0": 1, "out0": 1}
    proofs = [prove_answers("bp_lite_writes", frames, 1), prove_answers("bp_lite_reads", reads, 1)]
    assert any(proof.fault for proof in proofs)


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("if (taken || m_axi_awready_i) m_axi_awvalid_o", "m_axi_awvalid_o", "bad_address_o"),
        ("if (taken) {m_axi_awaddr_o", "if (offered) {m_axi_awaddr_o", "bad_address_o"),
        ("wmoved = bursting_q && m_axi_wready_i", "wmoved = bursting_q", "bad_data_o"),
        ("m_axi_wlast_o = left_q == 0", "m_axi_wlast_o = left_q == 1", "bad_last_o"),
        ("m_axi_wvalid_o = bursting_q &&", "m_axi_wvalid_o =", "bad_before_o"),
        ("bursts_idle && quiet_o", "bursts_idle", "bad_idle_o"),
        ("quiet_o = unanswered_q == 0", "quiet_o = 1'b1", "bad_idle_o"),
        ("free_q && !stop_i", "free_q", "bad_stop_o"),
    ],
)
def test_a_fault_of_the_writer_is_found(right, wrong, fault, plant):
    plant("bp_dma_write", right, wrong)
    assert prove_rules("write", seconds=60).fault == fault
