"""The units that move data: nothing lost, doubled or reordered, whatever stalls."""

import re

import numpy as np
import pytest

from bench import check, lint, run
from bitpan.errors import BuildError, SimulationError
from bitpan.hw.measure.yosys import area
from bitpan.hw.packing import pack
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import rtl, unit_sources


def beats(width, count=2400, seed=0):
    return pack(np.random.default_rng(seed).integers(0, 2, (count, width)), 1)


FIFO_STORAGE = ("SRL16E|SRLC32E", "RAM32M|RAM64M", r"RAMB\d+E1")  # shift registers, distributed, block memory


@pytest.mark.parametrize(
    ("width", "depth", "style"),
    [
        (13, 2, 0),
        (40, 7, 1),
        (40, 7, 3),
        (40, 18, 0),
        pytest.param(300, 33, 1, marks=pytest.mark.slow),
        pytest.param(300, 33, 2, marks=pytest.mark.slow),
        pytest.param(9, 20, 3, marks=pytest.mark.slow),
        pytest.param(9, 1000, 0, marks=pytest.mark.slow),
        pytest.param(9, 2 * 4096 + 40, 3, marks=pytest.mark.slow),  # three banks
    ],
)
def test_stream_fifo(width, depth, style):
    data = beats(width, max(2400, 3 * depth))
    with Simulation(
        unit_sources("bp_stream_fifo"), "bp_stream_fifo", {"Width": width, "Depth": depth, "Style": style}
    ) as simulation:
        through = 3 if style == 3 or depth == 1000 else 2
        assert check(simulation, {"in0": data}, {"out0": data}) <= len(data) * (2 if depth == 2 else 1) + through
        simulation.reset()
        for stream in ("in0", "out0"):
            simulation.set_stall(stream, "never")
        simulation.set_stall("out0", 1_000_000)  # fill it
        simulation.push("in0", data)
        simulation.run(depth + 100)
        assert len(data) - simulation.queued("in0") == depth == simulation.peek("count_o")
        simulation.set_stall("out0", "never")
        simulation.run(len(data) + 10_000, until={"out0": len(data)})
        assert (simulation.pull("out0") == data).all()
        assert simulation.peek("count_o") == 0


@pytest.mark.parametrize(("width", "clocks"), [(32, 2), (33, 3)])
def test_up_to_4096_bits_do_not_wait_for_a_slow_memory(width, clocks):
    data = beats(width, 1)
    with Simulation(unit_sources("bp_stream_fifo"), "bp_stream_fifo", {"Width": width, "Depth": 128}) as simulation:
        simulation.push("in0", data)
        assert simulation.run(10, until={"out0": 1}) == clocks + 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "depth", "style", "cells"),
    [
        (12, 17, 0, "SRL16E|SRLC32E"),
        (12, 33, 0, "RAM32M|RAM64M"),
        (32, 128, 0, "RAM32M|RAM64M"),
        (33, 128, 0, r"RAMB\d+E1"),
        (36, 512, 0, r"RAMB\d+E1"),
        (12, 33, 1, "SRL16E|SRLC32E"),
        (12, 17, 2, "RAM32M|RAM64M"),
        (12, 17, 3, r"RAMB\d+E1"),
    ],
)
def test_stream_fifo_is_kept_where_its_style_says(width, depth, style, cells):
    cost = area(unit_sources("bp_stream_fifo"), "bp_stream_fifo", {"Width": width, "Depth": depth, "Style": style})
    kinds = {kind: [cell for cell in cost.cells if re.fullmatch(kind, cell)] for kind in FIFO_STORAGE}
    assert [kind for kind, found in kinds.items() if found] == [cells], cost.cells


@pytest.mark.slow
def test_deep_block_memory_is_chosen_from_in_few_luts():
    """Seven banks of 4,096 beats: a multiplexer of seven for each bit is two LUTs, and some more in a hurry."""
    cost = area(unit_sources("bp_stream_fifo"), "bp_stream_fifo", {"Width": 32, "Depth": 25_000}, family="xcup")
    assert cost.lut <= 202 and cost.levels <= 5, cost


def test_duplicate():
    data = beats(17)
    with Simulation([rtl("bp_duplicate")], "bp_duplicate", {"Width": 17}) as simulation:
        assert check(simulation, {"in0": data}, {"out0": data, "out1": data}) <= len(data) + 1
        for busy, idle in (("out0", "out1"), ("out1", "out0")):
            simulation.reset()
            simulation.set_stall(busy, "never")
            simulation.set_stall(idle, 1_000_000)
            simulation.push("in0", data)
            simulation.run(20)
            assert simulation.queued(busy) == 1, "an output takes its copy while the other waits"


def test_concat_streams():
    low, high = beats(11), beats(44, seed=1)
    both = np.concatenate([np.unpackbits(b, axis=1, bitorder="little", count=n) for b, n in ((low, 11), (high, 44))], 1)
    with Simulation([rtl("bp_concat_streams")], "bp_concat_streams", {"Width0": 11, "Width1": 44}) as simulation:
        assert check(simulation, {"in0": low, "in1": high}, {"out0": pack(both, 1)}) <= len(low) + 1


def test_split_streams():
    whole = np.random.default_rng(2).integers(0, 2, (2400, 33))
    inputs, parts = {"in0": pack(whole, 1)}, {"out0": pack(whole[:, :20], 1), "out1": pack(whole[:, 20:], 1)}
    with Simulation(unit_sources("bp_split_streams"), "bp_split_streams", {"Width0": 20, "Width1": 13}) as simulation:
        assert check(simulation, inputs, parts) <= len(whole) + 1
        parts["out1"] = pack(whole[:, 19:32], 1)
        with pytest.raises(AssertionError, match="out1"):  # one bit beside is seen
            run(simulation, inputs, parts)


@pytest.mark.parametrize(("narrow", "wide"), [(6, 30), pytest.param(9, 9, marks=pytest.mark.slow)])
@pytest.mark.parametrize("up", [True, False])
def test_width_converter(narrow, wide, up):
    bits = np.random.default_rng(narrow).integers(0, 2, (2400, narrow))
    narrow_beats, wide_beats = pack(bits, 1), pack(bits.reshape(-1, wide), 1)
    source, sink = (narrow_beats, wide_beats) if up else (wide_beats, narrow_beats)
    sizes = {"InWidth": narrow if up else wide, "OutWidth": wide if up else narrow}
    with Simulation([rtl("bp_width_converter")], "bp_width_converter", sizes) as simulation:
        assert check(simulation, {"in0": source}, {"out0": sink}) <= len(bits) + 2


@pytest.mark.parametrize(
    ("unit", "right", "wrong", "seen_by"),
    [
        ("bp_stream_fifo", "!full_q;", "1'b1;", lambda: test_stream_fifo(40, 18, 0)),
        ("bp_duplicate", "out1_tdata_o = beat_q", "out1_tdata_o = ~beat_q", lambda: test_duplicate()),
        (
            "bp_concat_streams",
            "{in1_tdata_i, in0_tdata_i}",
            "{in1_tdata_i, ~in0_tdata_i}",
            lambda: test_concat_streams(),
        ),
        ("bp_width_converter", "step && last", "step", lambda: test_width_converter(6, 30, True)),
    ],
)
def test_a_planted_fault_is_seen(unit, right, wrong, seen_by, plant):
    plant(unit, right, wrong)
    with pytest.raises((AssertionError, SimulationError), match=r"wrong bytes|too many|no beat moved"):
        seen_by()


@pytest.mark.parametrize(
    ("unit", "parameters", "message"),
    [
        ("bp_stream_fifo", {"Width": 0}, "Width is at least 1"),
        ("bp_stream_fifo", {"Depth": 1}, "Depth is at least 2"),
        ("bp_stream_fifo", {"Style": 5}, "Style is 0"),
        ("bp_duplicate", {"Copies": 3}, "Copies is 2"),
        ("bp_width_converter", {"InWidth": 8, "OutWidth": 12}, "multiple of the other"),
    ],
)
def test_illegal_parameters_stop_elaboration(unit, parameters, message):
    lint(unit_sources("bp_split_streams"), "bp_split_streams")
    lint(unit_sources("bp_width_converter"), "bp_width_converter", {"InWidth": 9, "OutWidth": 9})
    lint(unit_sources("bp_stream_fifo"), "bp_stream_fifo", {"Width": 2, "Depth": 2 + 4096 + 1, "Style": 3})
    lint(unit_sources(unit), unit)
    with pytest.raises(BuildError, match=message):
        lint(unit_sources(unit), unit, parameters)
