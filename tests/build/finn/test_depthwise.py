"""GSFA's depthwise Gabor convolution, from a network to its verified accelerator."""

import pytest

from bitpan.build.boards import board
from bitpan.build.build import build
from bitpan.build.deploy.verify import verify
from bitpan.build.finn.design import compile_model
from bitpan.errors import MismatchError
from bitpan.models.export import export
from bitpan.models.training.checkpoint import save_checkpoint
from bitpan.package import Package


@pytest.fixture(scope="module")
def package(make_network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gabor")
    save_checkpoint(folder / "net.pt", make_network(gsfa="features"), {})
    export(folder / "net.pt", folder / "net.onnx", (16, 16))
    build(folder / "net.onnx", folder / "package", board("pynq-z2"), 12, quiet=True)
    return Package.load(folder / "package")


def test_every_block_has_its_unit(package):
    assert sum(path.name == "bp_depthwise_conv.sv" for path in package.sources) == 1


def test_exact_and_as_fast_as_estimated(package):
    assert verify(package, frames=6).as_estimated


def test_exact_under_stalls(package):
    verify(package, frames=6, stalls=True, seed=1)


def test_a_wrong_tap_is_found(package):
    name = next(name for name in package.model.constants if name.endswith("gabor.weights"))
    weights = package.model.constants[name]
    weights[2:, 0, 1, 1] ^= 64  # the first two channels' thresholds are never and always
    try:
        with pytest.raises(MismatchError, match="simulating the accelerator, node fused"):
            verify(package, frames=1)
    finally:
        weights[2:, 0, 1, 1] ^= 64


def test_more_lanes_than_the_unit_can_use_are_not_bought(resampler, tmp_path):
    """It takes nine clocks a pixel whatever its lanes, so that nothing is folded for fewer."""
    design = compile_model(resampler(["gabor"], channels=8), 16, 16, board("zcu104"), tmp_path / "work")
    assert design.target == 9 and design.period < 1.2 * 9 * 16 * 16
