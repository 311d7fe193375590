"""The register block, the input gate and the output end: AXI-Lite rules, frames, banks, errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from bench import lint, set_size
from bitpan.errors import BuildError
from bitpan.hw.packing import pack, unpack
from bitpan.hw.simulate.simulation import STALLS, Simulation
from bitpan.hw.sources import unit_sources

ID, VERSION, START, STATUS, STARTED, FINISHED, SIGNATURE, SIZE = range(0, 0x20, 4)
BANK = (0x8000, 0xC000)


def registers(signature: int = 0x89ABCDEF) -> Simulation:
    parameters = {"Signature": f"32'h{signature:x}", "Rows": 300, "Columns": 496}
    simulation = Simulation(unit_sources("bp_scene_registers"), "bp_scene_registers", parameters)
    for port in ("pan_length_error_i", "ms_length_error_i", "frame_finished_i"):
        simulation.poke(port, 0)
    simulation.reset()
    return simulation


def pulse(simulation: Simulation, port: str) -> None:
    for value in (1, 0):
        simulation.poke(port, value)
        simulation.run(1)


def test_identity() -> None:
    simulation = registers()
    assert simulation.read(ID) == int.from_bytes(b"bitp", "big")
    assert simulation.read(VERSION) == 2
    assert simulation.read(SIGNATURE) == 0x89ABCDEF
    assert simulation.read(SIZE + 4) == 0  # unmapped
    assert simulation.read(START) == simulation.read(BANK[0]) == 0  # write only
    for address in (ID, VERSION, STARTED, FINISHED, SIGNATURE, 0x7FFC):
        simulation.write(address, 0xFFFFFFFF)
    assert [simulation.read(a) for a in (ID, VERSION, STARTED, FINISHED)] == [0x62697470, 2, 0, 0]


def test_start_keeps_the_bank_of_each_frame() -> None:
    simulation = registers()
    rng = np.random.default_rng(1)
    banks = rng.integers(0, 2, 50)
    expected = 0
    for n, bank in enumerate(banks):
        simulation.write(START, int(bank) | 0xFFFFFFFE)  # bit 0 alone counts
        expected = expected & ~(1 << n % 16) | int(bank) << n % 16
        assert simulation.peek("bank_of_frame_o") == expected
        assert simulation.peek("started_o") == simulation.read(STARTED) == n + 1
        if n >= 5:
            pulse(simulation, "frame_finished_i")
            assert simulation.read(FINISHED) == n - 4
    assert simulation.read(STATUS) == 0


def test_overrun_is_ignored_and_flagged() -> None:
    simulation = registers()
    for _ in range(15):
        simulation.write(START, 0)
    assert (simulation.read(STATUS), simulation.read(STARTED)) == (0, 15)
    simulation.write(START, 1)
    assert (simulation.read(STATUS), simulation.read(STARTED)) == (0b100, 15)
    assert simulation.peek("bank_of_frame_o") == 0
    pulse(simulation, "frame_finished_i")
    simulation.write(START, 1)
    assert (simulation.read(STATUS), simulation.read(STARTED)) == (0b100, 16)  # the flag stays
    assert simulation.peek("bank_of_frame_o") == 1 << 15
    simulation.write(STATUS, 0b100)
    assert simulation.read(STATUS) == 0


def test_the_size_changes_only_between_frames() -> None:
    simulation = registers()
    built, other = 300 << 16 | 496, 65535 << 16 | 64
    assert simulation.read(SIZE) == simulation.peek("size_o") == built
    simulation.write(START, 0)
    simulation.write(SIZE, other)
    assert (simulation.read(SIZE), simulation.read(STATUS)) == (built, 0b1000)
    simulation.write(STATUS, 0b1000)
    pulse(simulation, "frame_finished_i")
    simulation.write(SIZE, other)
    assert simulation.read(SIZE) == simulation.peek("size_o") == other
    assert (simulation.read(STATUS), simulation.read(STARTED)) == (0, 1)
    simulation.reset()
    assert simulation.read(SIZE) == built


def test_status_bits_are_cleared_one_by_one() -> None:
    simulation = registers()
    pulse(simulation, "pan_length_error_i")
    assert simulation.read(STATUS) == 0b001
    pulse(simulation, "ms_length_error_i")
    assert simulation.read(STATUS) == 0b011
    simulation.write(STATUS, 0b100)
    assert simulation.read(STATUS) == 0b011
    simulation.write(STATUS, 0b001)
    assert simulation.read(STATUS) == 0b010


@pytest.mark.parametrize("moment", range(5))
def test_an_error_while_its_bit_is_cleared_is_not_lost(moment: int) -> None:
    simulation = registers()
    for port, value in (("awaddr", STATUS), ("wdata", 0b111), ("wstrb", 0b1111), ("bready", 1)):
        simulation.poke(f"s_axi_{port}_i", value)
    cleared = None
    for clock in range(6):
        for port in ("awvalid", "wvalid"):
            simulation.poke(f"s_axi_{port}_i", int(clock == 0))
        simulation.poke("ms_length_error_i", int(clock == moment))
        simulation.run(1)
        if simulation.peek("s_axi_bvalid_o"):  # the write acted in the clock that ended now
            cleared = clock
    assert cleared is not None
    assert simulation.read(STATUS) == (0b010 if moment >= cleared else 0)


@dataclass
class Channel:
    """One AXI-Lite channel, driven a clock at a time: sends its items in order, with random pauses."""

    simulation: Simulation
    name: str
    rng: np.random.Generator
    rate: float
    items: list[dict[str, int]] = field(default_factory=list)
    valid: bool = False

    def drive(self) -> None:
        self.valid = self.valid or (bool(self.items) and self.rng.random() < self.rate)
        self.simulation.poke(f"s_axi_{self.name}valid_i", int(self.valid))
        for signal, value in (self.items[0] if self.valid else {}).items():
            self.simulation.poke(f"s_axi_{signal}_i", value)

    def settle(self) -> bool:
        """To be called before the clock: whether the item goes over."""
        taken = self.valid and bool(self.simulation.peek(f"s_axi_{self.name}ready_o"))
        if taken:
            self.items.pop(0)
            self.valid = False
        return taken


@pytest.mark.parametrize(
    ("address_rate", "data_rate", "answer_rate"), [(1, 1, 1), (1, 0.1, 1), (0.1, 1, 0.2), (0.3, 0.3, 0.1)]
)
def test_channels_in_any_order(address_rate: float, data_rate: float, answer_rate: float) -> None:
    """Address and data run ahead of each other, answers wait; every scene word goes out once, in order."""
    simulation = registers()
    rng = np.random.default_rng(2)
    words = [
        (int(rng.integers(0, 2)), int(rng.integers(0, 4096)), int(rng.integers(0, 1 << 32)), bool(rng.random() < 0.8))
        for _ in range(60)
    ]
    strobes = [0b1111 if whole else int(rng.integers(0, 15)) for *_, whole in words]
    address = Channel(simulation, "aw", rng, address_rate, [{"awaddr": BANK[b] + 4 * a} for b, a, _, _ in words])
    items = [{"wdata": d, "wstrb": s} for (*_, d, _), s in zip(words, strobes, strict=True)]
    data = Channel(simulation, "w", rng, data_rate, items)
    read = Channel(simulation, "ar", rng, 0.5, [{"araddr": a} for a in (ID, SIGNATURE) * 15])
    seen, answers, reads, held = [], 0, [], None
    for _ in range(3000):
        address.drive()
        data.drive()
        read.drive()
        answer_ready, read_ready = (int(rng.random() < answer_rate) for _ in range(2))
        simulation.poke("s_axi_bready_i", answer_ready)
        simulation.poke("s_axi_rready_i", read_ready)
        for channel in (address, data, read):
            channel.settle()
        answers += simulation.peek("s_axi_bvalid_o") & answer_ready
        if simulation.peek("s_axi_rvalid_o"):
            value = simulation.peek("s_axi_rdata_o")
            assert held in (None, value)  # stays while it waits
            held = None if read_ready else value
            reads += [value] * read_ready
        else:
            assert held is None
        cfg = simulation.peek("cfg_o")  # {valid, bank, address, data}
        if cfg >> 49:
            seen.append((cfg >> 48 & 1, cfg >> 32 & 0xFFFF, cfg & 0xFFFFFFFF))
        assert answers <= 60 - max(len(address.items), len(data.items))
        simulation.run(1)
    assert answers == 60 and not address.items and not data.items
    assert seen == [(b, a, d) for b, a, d, whole in words if whole]
    assert reads == [0x62697470, 0x89ABCDEF] * 15
    assert simulation.peek("s_axi_bresp_o") == simulation.peek("s_axi_rresp_o") == 0


def test_reset_forgets_frames_and_errors() -> None:
    simulation = registers()
    simulation.write(START, 1)
    pulse(simulation, "frame_finished_i")
    pulse(simulation, "pan_length_error_i")
    simulation.reset()
    assert [simulation.read(a) for a in (STATUS, STARTED, FINISHED)] == [0, 0, 0]
    assert simulation.peek("bank_of_frame_o") == 0


SIZES = {1: (1, 1), 7: (7, 1), 10: (2, 5)}
"""Rows and columns of a frame of so many beats."""


def gate(frame_beats: int = 10) -> Simulation:
    simulation = Simulation(unit_sources("bp_frame_gate"), "bp_frame_gate", {"Width": 12, "StrideBits": 2})
    simulation.poke("started_i", 0)
    set_size(simulation, *(4 * side for side in SIZES[frame_beats]))
    simulation.reset()
    return simulation


def end(frame_beats: int) -> Simulation:
    simulation = Simulation(unit_sources("bp_frame_end"), "bp_frame_end", {"Width": 12})
    set_size(simulation, *SIZES[frame_beats])
    simulation.reset()
    return simulation


def frame(n: int, beats: int) -> np.ndarray:
    """Beats that tell their frame and place, none of them 0."""
    return 100 * n + np.arange(1, beats + 1)


def errors(simulation: Simulation, cycles: int) -> int:
    """Run; clocks with an error."""
    count = 0
    for _ in range(cycles):
        simulation.run(1)
        count += simulation.peek("length_error_o")
    return count


@pytest.mark.parametrize("frame_beats", [1, 10])
@pytest.mark.parametrize("stall", STALLS)
def test_gate_lets_in_what_is_started(frame_beats: int, stall: str) -> None:
    simulation = gate(frame_beats)
    simulation.set_stall("in0", stall, seed=1)
    simulation.set_stall("out0", stall, seed=2)
    frames = [frame(n, frame_beats) for n in range(20)]
    for beats in frames:
        simulation.push("in0", pack(beats[:, None], 12), last=True)
    started = 0
    for step in (0, 1, 2, 15, 1, 1):
        started += step
        simulation.poke("started_i", started)
        assert errors(simulation, 1 + 40 * (step * frame_beats + 1)) == 0
        assert simulation.queued("out0") == started * frame_beats
    received = unpack(simulation.pull("out0"), 1, 12, signed=False).ravel()
    np.testing.assert_array_equal(received, np.concatenate(frames))


@pytest.mark.parametrize(("rows", "border"), [(4, 2), (65532, 1), (65532, 2)])
def test_gate_counts_the_border_too(rows: int, border: int) -> None:
    """Two frames of the right length pass, the tallest as well; a beat more or less is an error."""
    parameters = {"Width": 12, "StrideBits": 2, "Border": border}
    simulation = Simulation(unit_sources("bp_frame_gate"), "bp_frame_gate", parameters)
    set_size(simulation, rows, 4)
    simulation.reset()
    simulation.poke("started_i", 4)
    beats = (rows // 4 + 2 * border) * (1 + 2 * border)
    for length in (beats, beats, beats - 1, beats + 1):
        simulation.push("in0", pack(np.ones((length, 1), np.int64), 12), last=True)
    simulation.run(2 * beats + 10, until={"out0": 2 * beats})
    assert (simulation.queued("out0"), errors(simulation, 2)) == (2 * beats, 0)
    simulation.run(beats - 5)
    assert errors(simulation, 20) == 1
    simulation.run(beats - 20)
    assert errors(simulation, 40) == 1
    assert simulation.queued("out0") == 4 * beats


def test_the_counter_tells_the_last_pixel_of_every_size_it_is_made_for() -> None:
    simulation = Simulation(unit_sources("bp_frame_counter"), "bp_frame_counter", {"Width": 5})
    for rows in (1, 2, 3):
        for columns in range(1, 6):
            set_size(simulation, rows, columns)
            simulation.reset()
            last = []
            simulation.poke("step_i", 1)
            for _ in range(2 * rows * columns):
                last.append(simulation.peek("last_o"))
                simulation.run(1)
            simulation.poke("step_i", 0)
            assert last == 2 * [*[0] * (rows * columns - 1), 1], (rows, columns)


WITHOUT_TLAST = (3, 0), (3, 10), (3, 20)
"""Three frames of packet 3."""


@pytest.mark.parametrize("stall", ["never", "half"])
@pytest.mark.parametrize(
    ("packets", "passed", "wrong"),
    [
        pytest.param((10, 9, 10, 1, 1, 10), [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0)], 3, id="early"),
        pytest.param((10, 20, 10, 30, 10), [(0, 0), (1, 0), (1, 10), (2, 0), *WITHOUT_TLAST, (4, 0)], 3, id="missing"),
        pytest.param((10, 11, 10, 19, 3, 10), [(0, 0), (1, 0), (1, 10), (3, 0), (3, 10), (5, 0)], 4, id="too late"),
        pytest.param((20, 9, 10, 25, 1, 10), [(0, 0), (0, 10), (1, 0), (2, 0), *WITHOUT_TLAST, (5, 0)], 5, id="all"),
    ],
)
def test_gate_fills_and_ends_frames(
    stall: str, packets: tuple[int, ...], passed: list[tuple[int, int]], wrong: int
) -> None:
    """Frames of 10 beats; of what packet, from which beat on, each is."""
    simulation = gate()
    simulation.set_stall("in0", stall, seed=1)
    simulation.set_stall("out0", stall, seed=2)
    for n, length in enumerate(packets):
        simulation.push("in0", pack(frame(n, length)[:, None], 12), last=True)
    simulation.poke("started_i", len(passed))
    assert errors(simulation, 1000) == wrong
    received = unpack(simulation.pull("out0"), 1, 12, signed=False).reshape(-1, 10)
    expected = [np.append(frame(n, packets[n])[first:], np.zeros(10, int))[:10] for n, first in passed]
    np.testing.assert_array_equal(received, expected)
    assert simulation.queued("in0") == 0


def test_sizes_change_between_frames() -> None:
    """Through gate and end: tall, flat, the largest sides."""
    for first, simulation, step in (("in0", gate(), 4), ("out0", end(10), 1)):
        started = 0
        for rows, columns in ((10, 1), (1, 12), (3, 4), (1, 16383), (16383, 1), (2, 2)):
            set_size(simulation, rows * step, columns * step)
            beats = pack(np.arange(rows * columns)[:, None] % 4096, 12)
            simulation.push(
                "in0", np.concatenate([beats, beats]), last=np.arange(2 * len(beats)) % len(beats) == len(beats) - 1
            )
            started += 2
            if first == "in0":
                simulation.poke("started_i", started)
            for _ in range(4):
                assert errors(simulation, len(beats) // 2 + 10) == 0 if first == "in0" else simulation.run(len(beats))
            received, last = simulation.pull_with_last("out0")
            np.testing.assert_array_equal(received, np.concatenate([beats, beats]))
            assert first == "in0" or list(np.flatnonzero(last)) == [len(beats) - 1, 2 * len(beats) - 1]


@pytest.mark.parametrize("frame_beats", [1, 7])
@pytest.mark.parametrize("stall", STALLS)
def test_end_marks_and_counts_frames(frame_beats: int, stall: str) -> None:
    simulation = end(frame_beats)
    simulation.set_stall("in0", stall, seed=1)
    simulation.set_stall("out0", stall, seed=2)
    beats = pack(np.arange(5 * frame_beats + frame_beats - 1)[:, None], 12)
    simulation.push("in0", beats)
    finished = 0
    for _ in range(600):
        simulation.run(1)
        finished += simulation.peek("finished_o")
    assert finished == 5
    received, last = simulation.pull_with_last("out0")
    np.testing.assert_array_equal(received, beats)
    np.testing.assert_array_equal(last, np.arange(len(beats)) % frame_beats == frame_beats - 1)


@pytest.mark.parametrize(
    ("unit", "right", "wrong", "seen_by"),
    [
        ("bp_scene_registers", "<= data_q[0];", "<= 1'b1;", test_start_keeps_the_bank_of_each_frame),
        (
            "bp_scene_registers",
            "(s_axi_wready_o) data_q",
            "(1) data_q",
            lambda: test_channels_in_any_order(0.1, 0.9, 0.5),
        ),
        (
            "bp_frame_gate",
            "late_d = !in0_tlast_i;",
            "state_d = in0_tlast_i ? Pass : Drop;",  # swallows the next frame
            lambda: test_gate_fills_and_ends_frames("half", (20, 10), [(0, 0), (0, 10), (1, 0)], 1),
        ),
        ("bp_frame_end", "moved = in0_tvalid_i &&", "moved =", lambda: test_end_marks_and_counts_frames(7, "half")),
        ("bp_frame_counter", "(size_i.rows) >> StrideBits", "(size_i.rows) >> 0", test_sizes_change_between_frames),
        ("bp_scene_registers", "(resize && idle) size_o", "(resize) size_o", test_the_size_changes_only_between_frames),
    ],
)
def test_a_planted_fault_is_seen(
    unit: str, right: str, wrong: str, seen_by: Callable[[], None], plant: Callable[[str, str, str], None]
) -> None:
    plant(unit, right, wrong)
    with pytest.raises(AssertionError):
        seen_by()


@pytest.mark.parametrize("top", ["bp_frame_gate", "bp_frame_end", "bp_scene_registers"])
def test_lint_and_illegal_parameters(top: str) -> None:
    lint(unit_sources(top), top)
    if top != "bp_scene_registers":
        with pytest.raises(BuildError, match="Width must be at least 1"):
            lint(unit_sources(top), top, {"Width": 0})


@pytest.mark.parametrize("top", ["bp_frame_gate", "bp_frame_end"])
def test_reset_in_mid_frame(top: str) -> None:
    """After a reset the next beat is a frame's first, and the gate waits for a start again."""
    simulation = gate() if top == "bp_frame_gate" else end(7)
    beats = pack(frame(0, 10 if top == "bp_frame_gate" else 7)[:, None], 12)
    for lost in (3, 5):
        if top == "bp_frame_gate":
            simulation.poke("started_i", 1)
        simulation.push("in0", beats[:lost], last=lost == 3)  # the gate is filling up, then passing
        simulation.run(4)
        if top == "bp_frame_gate":
            simulation.poke("started_i", 0)
        simulation.reset()
        simulation.push("in0", beats, last=True)
        if top == "bp_frame_gate":
            simulation.run(20)
            assert simulation.queued("out0") == 0
            simulation.poke("started_i", 1)
        simulation.run(20)
        received, last = simulation.pull_with_last("out0")
        np.testing.assert_array_equal(received, beats)
        assert top == "bp_frame_gate" or list(np.flatnonzero(last)) == [6]
