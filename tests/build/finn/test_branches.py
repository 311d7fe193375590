"""Accelerators of networks with branches: pools, wavelets, skips, and all networks that train, with their arms."""

import onnx
import pytest

from bitpan.build.boards import board
from bitpan.build.build import build
from bitpan.build.deploy.verify import verify
from bitpan.build.finn import fifo
from bitpan.errors import SimulationError
from bitpan.package import Package
from bitpan.qonnx.write import to_qonnx

BODIES = {
    "one level": ["unit", ("pool", "unit"), "unit"],
    "two levels": ["unit", ("pool", "unit", ("pool", "unit")), "unit"],
    "wavelet": [("haar", "unit"), "unit"],
    "wavelet of a wavelet": [("haar", ("haar", "unit"))],
    "pool in a wavelet": [("haar", ("pool", "unit"))],
    "features": ["gabor", ("pool", "gabor")],
}


def accelerator(model, folder, target, size=32, name="zcu104"):
    onnx.save(to_qonnx(model, size, size), folder / "model.onnx")
    build(folder / "model.onnx", folder / "package", board(name), target, quiet=True)
    return Package.load(folder / "package")


def prove(package, frames=6):
    """Every bit, with stalls and without, in the time that was estimated."""
    verdict = verify(package, frames=frames)
    assert abs(verdict.deviation) < 0.03, verdict
    assert abs(verdict.period / verdict.period_estimate - 1) < 0.03, verdict
    verify(package, frames=frames, stalls=True)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    "target", [1, pytest.param(4, marks=pytest.mark.slow), pytest.param(9, marks=pytest.mark.slow)]
)
def test_branches(body, target, resampler, tmp_path):
    prove(accelerator(resampler(BODIES[body], channels=8), tmp_path, target))


@pytest.mark.parametrize("body", ["two levels", "wavelet"])
def test_half_the_room_stops_the_accelerator(body, resampler, tmp_path, monkeypatch):
    """The computed depths are needed where branches meet: with half of them the short way is full too soon."""
    monkeypatch.setattr(fifo, "MARGIN_SHARE", 0.5)
    monkeypatch.setattr(fifo, "MARGIN_BEATS", 2)
    with pytest.raises(SimulationError, match="no beat moved"):
        verify(accelerator(resampler(BODIES[body], channels=8), tmp_path, 2), frames=1)


NETWORKS = {
    "s2bnet": {"blocks": 10},
    "s2bnet-flat": {"gsfa": "features"},
    "s2bnet-flat of two planes": {"planes": "2"},
    "bnnpan": {"blocks": 1},
    "bnnpan without norm": {"blocks": 1, "norm": "none"},
    "bnnpan without wavelet": {"blocks": 1, "wavelet": "none"},
    "bnnpan with outer skip": {"blocks": 1, "outer_skip": "add"},
    "bnnpan of 8 bands": {"blocks": 1, "bands": 8},
    "s2bnet of ratio 2": {"blocks": 10, "ratio": 2},
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] * (case != "bnnpan")) for case in NETWORKS]
)
def test_networks(case, make_network, tmp_path):
    from bitpan.models.networks.integers import to_integer_model
    from bitpan.models.networks.registry import NETWORKS as KINDS

    network = make_network(kind=KINDS[case.split()[0]], **NETWORKS[case])
    size = 64 if "s2bnet" in case else 32  # the U's skip alone is 25 lines deep
    prove(accelerator(to_integer_model(network), tmp_path, 4, size))
