"""Foldings on devices that are short of something: what goes elsewhere, and that it is exact and keeps the pace."""

from dataclasses import replace

import onnx
import pytest

from bitpan.build.boards import board
from bitpan.build.build import build
from bitpan.build.deploy.verify import verify
from bitpan.build.finn.flow import instance, set_up, specialise
from bitpan.build.finn.folding import fold
from bitpan.build.finn.integer_graph import integer_graph
from bitpan.build.finn.timing import Schedule
from bitpan.errors import SimulationError
from bitpan.package import Package
from bitpan.qonnx.write import to_qonnx

NETWORK = {"blocks": 6, "channels": 4, "bands": 1}
"""Of seven block memories where there are enough."""


def with_memories(count, **more):
    return replace(board("pynq-z2"), bram36=count, **more)


SHORT = with_memories(3, lutram=400)
"""Of LUTs too."""


@pytest.fixture(scope="module")
def graph(random_model):
    set_up()
    return specialise(integer_graph(random_model(**NETWORK), 32, 128), board("pynq-z2").part)


def late(folding):
    return sum(instance(node).late for node in folding.graph.graph.node)


def test_the_ms_waits_instead_of_its_interpolation_where_memory_lacks(graph):
    """If LUTs that can be memory do not suffice."""
    plenty, enough, both = (fold(graph, 36, each) for each in (board("pynq-z2"), with_memories(3), SHORT))
    assert [late(found) for found in (plenty, enough, both)] == [0, 0, 1]
    assert [found.totals["BRAM_18K"] for found in (plenty, enough, both)] == [7, 5, 5]
    assert not both.lacking(SHORT)


def test_fifos_go_into_luts_and_no_more_than_needed(graph):
    few, none = (fold(graph, 36, with_memories(count)) for count in (3, 1))
    assert few.totals["LUT"] < none.totals["LUT"]
    assert none.totals["BRAM_18K"] == 1
    assert not none.lacking(with_memories(1))


def test_lines_go_into_luts_as_well(random_model):
    """The convolutions' are wide enough for block memory; the first takes 8 channels of 10 bits, the others of one."""
    graph = specialise(integer_graph(random_model(**NETWORK), 32, 192), board("pynq-z2").part)
    plenty, few = (fold(graph, 36, each) for each in (board("pynq-z2"), with_memories(7)))
    moved = [node.name for node in few.graph.graph.node if any(x.s == b"distributed" for x in node.attribute)]
    moved = [name for name in moved if name.endswith("conv")]
    assert moved
    assert few.totals["BRAM_18K"] <= 13 < plenty.totals["BRAM_18K"]
    for name in moved:
        before, after = (found.estimates[name] for found in (plenty, few))
        assert before["BRAM_18K"] > after["BRAM_18K"]
        assert before["LUT"] < after["LUT"]


def test_dsps_are_saved_first_where_they_cost_the_fewest_luts(graph):
    """A slice makes the products of two channels, then RPReLU's go into logic; no more than needed."""
    plenty = fold(graph, 1, board("pynq-z2"))
    boards = [replace(board("pynq-z2"), dsp=count) for count in (int(plenty.totals["DSP"]) - 1, 1)]
    pairs, least = (fold(graph, 1, each) for each in boards)
    head = [found.estimates["node_head"]["DSP"] for found in (plenty, pairs, least)]
    assert head[0] == 2 * head[1] == 2 * head[2]
    assert pairs.totals["DSP"] == plenty.totals["DSP"] - head[1] > least.totals["DSP"]
    assert plenty.totals["LUT"] < pairs.totals["LUT"] < least.totals["LUT"]
    assert pairs.lacking(boards[0]) == {}
    assert least.lacking(boards[1]).keys() == {"DSP"}


def test_pairs_of_channels_are_exact(random_model, qonnx, tmp_path):
    onnx.save(qonnx(random_model(blocks=1, channels=4, bands=4), 32, 64), tmp_path / "model.onnx")
    build(tmp_path / "model.onnx", tmp_path / "package", replace(board("pynq-z2"), dsp=1), 1, quiet=True)
    package = Package.load(tmp_path / "package")
    for unit in ("node_head", "node_tail"):
        (source,) = (path for path in package.sources if path.name == f"{unit}.v")
        assert ".Paired(1)" in source.read_text()
    verify(package, frames=4)


def test_luts_that_cannot_be_memory_are_none(graph):
    found = fold(graph, 36, with_memories(1, lutram=0))
    assert "BRAM_18K" in found.lacking(with_memories(1))
    assert not any("distributed" in str(node.attribute) for node in found.graph.graph.node)


def built(model, size, folder):
    onnx.save(to_qonnx(model, *size), folder / "model.onnx")
    build(folder / "model.onnx", folder / "package", SHORT, 36, quiet=True)
    return Package.load(folder / "package")


def test_it_is_exact_and_as_fast(random_model, tmp_path):
    """Two scenes' parameters in turn, frames back to back."""
    verdict = verify(built(random_model(**NETWORK), (32, 128), tmp_path), frames=4)
    assert verdict.period <= 1.03 * verdict.period_estimate


@pytest.mark.slow
def test_without_its_room_the_ms_waits_for_ever(random_model, tmp_path, monkeypatch):
    """In a network deeper than the lines that the second interpolator keeps."""
    model, size, room = random_model(**{**NETWORK, "blocks": 24}), (64, 128), Schedule.occupancy
    verify(built(model, size, tmp_path), frames=1)
    monkeypatch.setattr(Schedule, "occupancy", lambda self, name: 0 if "_of_ms" in name else room(self, name))
    package = built(model, size, tmp_path)
    with pytest.raises(SimulationError, match="no beat moved"):
        verify(package, frames=1)
