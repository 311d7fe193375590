"""The whole netlist of an accelerator: the sum of its units, and no path deeper than theirs may be."""

import json

import onnx
import pytest

from bitpan.build.boards import board
from bitpan.build.build import build
from bitpan.cli import main
from bitpan.qonnx.write import to_qonnx

MOST_LEVELS = 6
"""As of a unit alone, though a ready goes through sign, copies, RPReLU and the FIFO before it in one clock."""


def judged(model, folder, name, target, capsys, size=(32, 64)):
    onnx.save(to_qonnx(model, *size), folder / "model.onnx")
    build(folder / "model.onnx", folder / "package", board(name), target, luts=True, quiet=True)
    capsys.readouterr()
    assert main(["area", str(folder / "package"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert abs(found["whole"]["LUT"] / found["units"]["LUT"] - 1) < 0.1, found
    for key in ("DSP", "BRAM36", "URAM"):
        assert found["whole"][key] == found["units"][key], found
    assert found["levels"] <= MOST_LEVELS, found


def test_a_small_accelerator(random_model, tmp_path, capsys):
    judged(random_model(blocks=1, channels=4, bands=1), tmp_path, "pynq-z2", 36, capsys)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "blocks", "where", "target"),
    [("s2bnet-flat", 2, "pynq-z2", 4), ("s2bnet", 10, "pynq-z2", 9), ("bnnpan", 1, "pynq-z2", 8)],
)
def test_networks_of_full_width(name, blocks, where, target, make_network, tmp_path, capsys):
    from bitpan.models.networks.integers import to_integer_model
    from bitpan.models.networks.registry import NETWORKS

    network = make_network(kind=NETWORKS[name], blocks=blocks, channels=32)
    judged(to_integer_model(network), tmp_path, where, target, capsys, (64, 64))


def test_parameters_of_an_accelerator_are_refused(tmp_path, capsys):
    assert main(["area", str(tmp_path), "Width=4"]) == 1
    assert "give none" in capsys.readouterr().err
