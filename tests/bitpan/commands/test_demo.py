"""``bitpan demo``: each network that comes along, frames that leave a tile, and a difference that is told."""

import argparse
from types import SimpleNamespace

import numpy as np
import pytest

from bitpan import cli, shipped
from bitpan.commands import demo
from bitpan.errors import BuildError
from bitpan.host.scene.calibration import Calibration
from bitpan.host.scene.tiles import plan_tiles
from bitpan.model import IntegerModel
from bitpan.radiometry import Level, PanMatch

NETWORKS = ("bnnpan", "s2bnet", "s2bnet-flat")


def parse(*words):
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def commands(monkeypatch):
    """What the demo would run."""
    asked = []
    monkeypatch.setattr(cli, "main", lambda words: asked.append(list(words)) or 0)
    return asked


def test_every_network_that_comes_along_may_be_named(capsys):
    assert parse().network == "s2bnet-flat"
    assert [parse("--network", name).network for name in NETWORKS] == [*NETWORKS]
    with pytest.raises(SystemExit):
        parse("--network", "other")
    said = capsys.readouterr().err
    assert all(f"'{name}'" in said for name in NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_frames_leave_a_tile_and_are_small(name):
    model = IntegerModel.load(shipped.find_model(name))
    side = demo._frame_side(model)
    assert min(plan_tiles(model, 512, 512, (side, side)).steps) >= demo.LEAST_TILE
    assert side <= 96


def test_a_network_without_its_file_is_exported(commands, tmp_path):
    flat, u = (shipped.find_model(name) for name in ("s2bnet-flat", "s2bnet"))
    assert demo._exported(flat, tmp_path) == flat / "model.onnx"
    assert not commands
    assert demo._exported(u, tmp_path) == tmp_path / "model.onnx"
    assert commands == [["export", str(u / "checkpoint.pt"), "--frame", "96x96", "-o", str(tmp_path / "model.onnx")]]


def test_a_step_that_fails_stops_it(monkeypatch):
    monkeypatch.setattr(cli, "main", lambda words: 1)
    with pytest.raises(BuildError, match="the demo stopped at `bitpan synth -o here`"):
        demo._command("synth", "-o", "here")


@pytest.mark.parametrize(("wrong", "same"), [(0, True), (1, False)])
def test_a_stage_that_differs_is_told(monkeypatch, capsys, tmp_path, wrong, same):
    expected = np.arange(8).reshape(2, 2, 2)
    found = expected.copy()
    found[1, 0, 1] += wrong
    calibration = Calibration((0.0, 0.0), Level.unchanged(11, 4), PanMatch(11), 0.28, {})
    monkeypatch.setattr(demo, "load_calibration", lambda file, model: calibration)
    monkeypatch.setattr(demo, "_middle_frame", lambda folder, size, ratio: {"pan": expected})
    monkeypatch.setattr(demo, "_pytorch", lambda folder, frame, scene: expected)
    monkeypatch.setattr(demo, "_stages", lambda file: {"one": lambda *_: expected, "two": lambda *_: found})
    package = SimpleNamespace(model=SimpleNamespace(ratio=4), frame=(2, 2))
    assert demo._prove_frame(package, tmp_path, tmp_path, tmp_path, tmp_path) == {"one": True, "two": same}
    assert f"two     {wrong} of 8 elements differ" in capsys.readouterr().out
