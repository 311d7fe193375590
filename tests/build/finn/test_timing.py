"""What the schedule is for: room enough in FIFOs, and the fastest folding that fits."""

import onnx
import pytest

from bitpan.build.boards import board
from bitpan.build.build import build
from bitpan.build.deploy.verify import verify
from bitpan.build.finn import fifo
from bitpan.build.finn.flow import set_up, specialise
from bitpan.build.finn.folding import fastest
from bitpan.build.finn.integer_graph import integer_graph
from bitpan.errors import SimulationError
from bitpan.package import Package


def test_half_the_room_stops_the_accelerator(random_model, qonnx, tmp_path, monkeypatch):
    """The computed depths are needed: with half of them the duplicator waits for ever."""
    monkeypatch.setattr(fifo, "MARGIN_SHARE", 0.5)
    monkeypatch.setattr(fifo, "MARGIN_BEATS", 2)
    onnx.save(qonnx(random_model(blocks=1, channels=4, bands=1), 16, 16), tmp_path / "model.onnx")
    build(tmp_path / "model.onnx", tmp_path / "package", board("pynq-z2"), 36, quiet=True)
    with pytest.raises(SimulationError, match="no beat moved"):
        verify(Package.load(tmp_path / "package"), frames=1)


def test_nothing_is_folded_for_a_rate_that_no_lanes_reach(resampler):
    """A depthwise convolution takes nine clocks a pixel at least: more lanes elsewhere would wait for it."""
    set_up()
    target_board = board("zcu104")
    graph = specialise(integer_graph(resampler(["gabor"], channels=4), 16, 16), target_board.part)
    assert fastest(graph, target_board, "features").target == 9


def test_fastest_fold_that_fits_is_taken(random_model, qonnx, tmp_path):
    onnx.save(qonnx(random_model(blocks=1), 8, 8), tmp_path / "model.onnx")
    targets = {}
    for name in ("pynq-z2", "zcu104"):
        build(tmp_path / "model.onnx", tmp_path / name, board(name), quiet=True)
        targets[name] = Package.load(tmp_path / name).period
    assert targets["zcu104"] < targets["pynq-z2"]
