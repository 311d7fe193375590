"""The DMA against an AXI memory that answers late, out of order, with pauses and errors; and faults to be found."""

from __future__ import annotations

import numpy as np
import pytest

import bench
from bitpan.errors import BuildError, SimulationError
from bitpan.hw.simulate.memory import ADDRESS_AFTER_DATA, DECERR, SLVERR, Behaviour, Memory
from bitpan.hw.simulate.simulation import STALLS
from bitpan.hw.sources import unit_sources
from bitpan.registers import DMA, DMA_BUS, DMA_FINISHED, DMA_INTERRUPT, DMA_RESET, DMA_STATUS, DMA_TIMEOUT
from dma_bench import CHANNELS, CONTRARY, RAM, SIZE, Dma

HIGH = 0x8_7FFF_0000  # across 2 GiB above 32 GiB: all address bits but one matter
BEHAVIOURS = (
    Behaviour(),
    Behaviour(latency=40, rate=1100),
    *CONTRARY,
    Behaviour(latency=1000, order=ADDRESS_AFTER_DATA),
)
SHAPES = [{}, {"DataBits": 128}, {"Bands": 3, "AddressBits": 32}]
MORE_SHAPES = [
    {"DataBits": data, "Bands": bands, "AddressBits": address}
    for data, address in ((64, 36), (128, 40))
    for bands in (1, 2, 3, 5, 6, 8)
]


def transfers(dma: Dma, most: int) -> int:
    """Two transfers on each channel, one behind the other, of random shapes; the beats on the bus."""
    images = []
    for channel, room in zip(CHANNELS, range(0, SIZE, SIZE // 4), strict=False):
        for half in range(2):
            rows, columns, gap = (int(dma.rng.integers(*bounds)) for bounds in ((1, 40), (1, 60), (0, 30)))
            pixel = dma.pixel(channel)
            rows = max(1, min(rows, most // (columns + gap) // pixel))
            offset = room + half * SIZE // 8 + int(dma.rng.integers(0, 4096))
            images.append(dma.image(channel, rows, columns, offset, gap))
    before = sum(dma.memory.moved)
    for image in images:
        dma.start(image)
    dma.wait()
    return dma.check(*images) - before


def exercise(rounds: int, behaviours=BEHAVIOURS, **parameters: int) -> None:
    """Random transfers under each behaviour, the streams stalled at random."""
    for seed, behaviour in enumerate(behaviours):
        base = HIGH if parameters.get("AddressBits", 40) == 40 else RAM
        dma = Dma(behaviour, seed=seed, base=base, **parameters)
        for number in range(rounds):
            for stream in CHANNELS:
                dma.simulation.set_stall(stream, str(dma.rng.choice(STALLS)), 7 * number + seed + 1)
            bench.compared += transfers(dma, SIZE // 8 - 4096)
        alone = dma.image("fused", 3, 20, 0, 4)
        dma.start(alone)
        dma.wait()
        dma.check(alone)


@pytest.mark.parametrize("parameters", SHAPES)
def test_images_move(parameters):
    exercise(4, **parameters)


@pytest.mark.slow
@pytest.mark.parametrize("parameters", MORE_SHAPES)
def test_images_of_any_shape_move(parameters):
    exercise(20, **parameters)


@pytest.mark.slow
@pytest.mark.parametrize("parameters", SHAPES)
def test_a_million_beats_each_way(parameters):
    behaviours = BEHAVIOURS[2:5]
    for seed, behaviour in enumerate(behaviours):
        dma = Dma(behaviour, seed=seed, **parameters)
        while min(dma.memory.moved) < 1_000_000 / len(behaviours):
            for stream in CHANNELS:
                dma.simulation.set_stall(stream, str(dma.rng.choice(STALLS)), int(dma.rng.integers(1, 1000)))
            images = [dma.image("pan", 20, 600, 5, 30), dma.image("ms", 20, 100, SIZE // 4, 9)]
            images += [dma.image("fused", 50, 64 // dma.bands * 4, SIZE // 2 + 2, 3)]
            for image in images:
                dma.start(image)
            dma.wait()
            dma.check(*images)
        bench.compared += sum(dma.memory.moved)


@pytest.mark.parametrize("parameters", SHAPES[:2])
def test_a_pixel_a_clock(parameters):
    """In and out, memory 60 clocks away, but for what a transfer begins and ends with."""
    dma = Dma(Behaviour(latency=60), base=HIGH, **parameters)
    images = [
        dma.image("pan", 1, 16000, 0),
        dma.image("ms", 1, 1000, SIZE // 4),
        dma.image("fused", 1, 16000, SIZE // 2),
    ]
    for image in images:
        dma.start(image)
    before = dma.simulation.cycle
    dma.wait()
    assert dma.simulation.cycle - before < 16000 * 1.02 + 300
    dma.check(*images)


@pytest.mark.parametrize("parameters", [*SHAPES, {"Bands": 8}, {"DataBits": 128, "Bands": 3}])
def test_warnings(parameters):
    bench.lint(unit_sources("bp_dma"), "bp_dma", parameters)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"DataBits": 32}, "64 or 128"),
        ({"AddressBits": 41}, "32 to 40"),
        ({"AddressBits": 31}, "32 to 40"),
        ({"Bands": 0}, "at least 1"),
    ],
)
def test_illegal_parameters(parameters, said):
    with pytest.raises(BuildError, match=said):
        Dma(**parameters)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("response", "flag"), [(SLVERR, 0b10), (DECERR, 0b100)])
def test_what_memory_refuses_is_told(channel, response, flag):
    """By the channel that asked; the transfer ends, and the next ones are whole."""
    dma = Dma(Behaviour(latency=30, pauses=30))
    away = RAM + 16 * SIZE
    if response == SLVERR:
        dma.memory.map(away, np.zeros(SIZE, np.uint8), SLVERR)
    image = dma.image(channel, 9, 33, 0, 2)
    expected = dma.expected.copy()
    dma.base, home = away, dma.base
    dma.start(image)
    dma.wait()
    dma.base, dma.expected = home, expected
    assert {name: dma.status(name) for name in CHANNELS} == {**dict.fromkeys(CHANNELS, 0), channel: 1 | flag}
    dma.simulation.write(DMA_STATUS, 0xFFFFFFFF)
    assert dma.simulation.read(DMA_STATUS) == 0
    for stream in ("pan", "ms"):
        dma.simulation.pull(stream)
    transfers(dma, 8000)
    assert [dma.status(name) for name in CHANNELS] == [1, 1, 1]


@pytest.mark.parametrize("pixels", [9, 11])
def test_a_frame_of_another_length_is_told(pixels):
    dma = Dma()
    image = dma.image("fused", 1, 10, 0)
    dma.start(image)
    dma.simulation.reset()  # what was queued is forgotten
    dma.expected[:] = dma.ram
    dma.finished = dict.fromkeys(CHANNELS, 0)
    for number, word in enumerate((RAM, 0, image.row_bytes, image.stride, 1)):
        dma.simulation.write(DMA["fused"] + 4 * number, word)
    assert dma.status("fused") == 0x80
    dma.simulation.push("fused", np.zeros((pixels, 8), np.uint8), last=True)
    dma.simulation.run(100)
    assert dma.status("fused") & ~0x81 == 0b1000


def test_a_stream_that_stands_still_times_out():
    dma = Dma()
    dma.simulation.write(DMA_TIMEOUT, 500)
    dma.simulation.run(1000)
    assert dma.simulation.read(DMA_STATUS) == 0  # nothing is under way
    image = dma.image("fused", 1, 10, 0)
    dma.simulation.set_stall("fused", 100_000)
    dma.start(image)
    dma.simulation.run(400)
    assert dma.status("fused") == 0x80
    dma.simulation.run(300)
    assert dma.status("fused") == 0x90
    dma.simulation.set_stall("fused", "never")
    dma.wait()
    assert dma.status("fused") == 0x11  # the flag stays
    dma.check(image)


def test_interrupt():
    dma = Dma()
    dma.simulation.write(DMA_INTERRUPT, 0x000100)
    assert dma.simulation.read(DMA_INTERRUPT) == 0x100
    for channel, raised in (("pan", 0), ("ms", 1)):
        dma.start(dma.image(channel, 2, 3, 0))
        dma.wait()
        assert dma.simulation.peek("interrupt_o") == raised
    dma.simulation.write(DMA_STATUS, 0x100)
    dma.simulation.run(2)
    assert dma.simulation.peek("interrupt_o") == 0
    assert dma.simulation.read(DMA_STATUS) == 0x000001


def test_one_transfer_waits_and_no_more():
    dma = Dma()
    for channel in ("pan", "ms"):
        dma.simulation.set_stall(channel, 100_000)
    images = [dma.image("pan", 3, 50, 10), dma.image("pan", 2, 60, 999, 5)]
    dma.start(images[0])
    assert dma.status("pan") == 0x80
    dma.start(images[1])
    assert dma.status("pan") == 0xC0
    dma.start(dma.image("pan", 1, 7, 0))  # refused, and changes nothing of what waits
    dma.finished["pan"] -= 1
    assert dma.status("pan") == 0xE0
    dma.simulation.set_stall("pan", "never")
    dma.wait()
    dma.check(*images)


def interrupted(behaviours, **parameters):
    """Transfers, one of each channel waiting, are reset at any moment; the next ones are whole."""
    for seed, behaviour in enumerate(behaviours):
        dma = Dma(behaviour, seed=seed, **parameters)
        for number, clocks in enumerate((1, 1, 30, 30, 73, 120, 300, 2000)):
            images = [dma.image("pan", 9, 90, 0, 2), dma.image("ms", 9, 90, SIZE // 4, 5)]
            images += [dma.image("fused", 9, 90, SIZE // 2, 3)]
            before = dma.ram.copy()
            for image in images[2 * (number % 2) :]:
                waiting = dma.image(image.channel, 2, 5, image.offset + SIZE // 8)
                for each in (image, waiting):
                    words = (dma.base + each.offset, 0, each.row_bytes, each.stride, each.rows)
                    for place, word in enumerate(words):
                        dma.simulation.write(DMA[each.channel] + 4 * place, word)
            beats = dma.rng.integers(0, 256, (70, dma.pixel("fused")), np.uint8)
            dma.simulation.push("fused", beats)
            dma.simulation.run(2000, until={"fused": 0})
            dma.simulation.run(clocks)
            reset(dma)
            written = images[2].places[: beats.size]
            assert np.isin(dma.ram[written] ^ beats.ravel(), [0, *(before[written] ^ beats.ravel())]).all()
            changed = np.flatnonzero(dma.ram != before)
            assert np.isin(changed, written).all() and (dma.ram[written] == beats.ravel()).sum() > 100
            dma.expected[:] = dma.ram
            transfers(dma, 8000)


def reset(dma):
    """Reset all but the registers; memory owes nothing then, and nothing is under way."""
    dma.simulation.write(DMA_RESET, 1)
    for _ in range(1000):
        if not dma.simulation.read(DMA_RESET) & 1:
            break
        dma.simulation.run(20)
    assert dma.simulation.read(DMA_RESET) & 0xFF == 0 and dma.memory.idle
    assert dma.simulation.read(DMA_STATUS) & 0xC0C0C0 == 0
    counts = dma.simulation.read(DMA_FINISHED)
    assert counts >> 16 == dma.finished["fused"] & 0xFF, "what was reset has not finished"
    dma.finished |= {name: counts >> 8 * number & 0xFF for number, name in enumerate(CHANNELS[:2])}
    for stream in ("pan", "ms"):
        dma.simulation.pull(stream)


@pytest.mark.parametrize("parameters", SHAPES[:2])
def test_a_reset_at_any_moment(parameters):
    interrupted(BEHAVIOURS, **parameters)


def test_a_reset_waits_for_memory():
    dma = Dma()
    Memory(dma.simulation, Behaviour(rate=0))
    image = dma.image("ms", 9, 90, 0)
    dma.start(image)
    dma.simulation.run(200)
    dma.simulation.write(DMA_RESET, 1)
    dma.simulation.run(2000)
    assert dma.simulation.read(DMA_RESET) == 0x1503, "data is owed; every stream is ready, none valid"
    assert dma.status("ms") == 0x80
    Memory(dma.simulation, Behaviour())
    reset(dma)
    transfers(dma, 8000)


@pytest.mark.parametrize(
    "fault",
    [
        ("bp_dma_arbiter", "|burst_valid_i && !stop_i", "|burst_valid_i"),
        ("bp_dma_arbiter", "!m_axi_arvalid_o && under_way_q == 0", "!m_axi_arvalid_o"),
        ("bp_dma_write", "quiet_o = unanswered_q == 0", "quiet_o = 1'b1"),
        ("bp_dma_registers", "busy_q[c] <= !reset_o && (", "busy_q[c] <= ("),
        ("bp_dma", "rst_no = rst_ni && !reset", "rst_no = rst_ni"),
    ],
)
def test_a_faulty_reset_is_found(fault, plant):
    plant(*fault)
    with pytest.raises((AssertionError, SimulationError)):
        interrupted(BEHAVIOURS[2:5])


def test_nothing_is_started_by_nothing():
    dma = Dma()
    for rows, row_bytes in ((0, 16), (3, 0)):
        for number, word in enumerate((RAM, 0, row_bytes, 16, rows)):
            dma.simulation.write(DMA["ms"] + 4 * number, word)
        dma.simulation.run(100)
        assert dma.simulation.read(DMA_STATUS) == dma.simulation.read(DMA_FINISHED) == 0


def test_registers():
    simulation = Dma(DataBits=128, Bands=4, AddressBits=36).simulation
    assert simulation.read(DMA_BUS) == 36 << 8 | 16
    simulation.write(DMA_TIMEOUT, 0x89ABCDEF)
    assert simulation.read(DMA_TIMEOUT) == 0x89ABCDEF
    simulation.write(DMA_BUS, 0xFFFFFFFF)  # read only
    assert simulation.read(DMA_BUS) == 36 << 8 | 16
    for unmapped in (DMA_RESET + 4, DMA["pan"], 0x4100, 0x7FFC):
        simulation.write(unmapped, 0xFFFFFFFF)
        assert simulation.read(unmapped) == 0
    assert simulation.read(DMA_TIMEOUT) == 0x89ABCDEF
    assert simulation.read(DMA_STATUS) == 0


FAULTS = {
    "burst over 4 KB": ("bp_dma_bursts", "room = 5'd16 - 5'(place_q[3:0])", "room = 5'd16"),
    "row cut short": ("bp_dma_pieces", "left_q == LeftBits'(2)", "left_q == LeftBits'(3)"),
    "lost last beat": ("bp_dma_bursts", "27'(DataBits / 8 - 1)", "27'(DataBits / 8 - 4)"),
    "stale strobe": ("bp_dma_write", "else if (word_valid_q && word_ready) filled_q[i] <= 1'b0;", ""),
    "early done": ("bp_dma_write", "bursts_idle && quiet_o", "bursts_idle"),
    "wlast a beat early": ("bp_dma_write", "m_axi_wlast_o = left_q == 0", "m_axi_wlast_o = left_q == 1"),
    "write address withdrawn": ("bp_dma_write", "if (taken || m_axi_awready_i) m_axi_awvalid_o", "m_axi_awvalid_o"),
    "read address changed": ("bp_dma_arbiter", "if (!m_axi_arvalid_o) {m_axi_araddr_o", "if (1'b1) {m_axi_araddr_o"),
    "another reader's ID": ("bp_dma_arbiter", "m_axi_arid_o <= choice", "m_axi_arid_o <= !choice"),
    "read without room": ("bp_dma_read", "room_q  <= space_q >= SpaceBits'(16)", "room_q  <= 1'b1"),
    "stride dropped": ("bp_dma_bursts", "row_q + AddressBits'(stride_q)", "row_q + AddressBits'(bytes_q)"),
    "high address lost": ("bp_dma_registers", "address[39:32] <= data_q[7:0]", "address[39:32] <= '0"),
    "a row too few": ("bp_dma_bursts", "last_row_q <= rows_q == 16'd1", "last_row_q <= rows_q <= 16'd2"),
    "row begins in a wrong slot": ("bp_dma_pieces", "slot_q <= next_q", "slot_q <= '0"),
    "no tlast": ("bp_dma_read", "{last, word[", "{1'b0, word["),
    "waiting transfer lost": ("bp_dma_registers", "go[c] || (queued_q[c] && !start_o[c])", "go[c] && idle_i[c]"),
    "data given before it is taken": ("bp_dma_write", "wmoved = bursting_q && m_axi_wready_i", "wmoved = bursting_q"),
    "word dropped": ("bp_dma_read", "popped = step && word_end", "popped = piece_valid && word_end"),
    "narrow burst": ("bp_dma", "m_axi_write_awsize_o = 3'($clog2(DataBits / 8))", "m_axi_write_awsize_o = 3'd2"),
}
"""By name: the unit, and what of its source becomes what."""


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=[pytest.mark.slow] if place % 5 else []) for place, name in enumerate(FAULTS)]
)
def test_planted_faults_are_found(fault, plant):
    plant(*FAULTS[fault])
    with pytest.raises((AssertionError, SimulationError)):
        exercise(4, DataBits=128)
