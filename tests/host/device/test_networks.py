"""Imagery through the accelerators of all networks that ship: real scenes where ``BITPAN_SCENES`` has some."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from bitpan.build.boards import board
from bitpan.build.build import build
from bitpan.host.fuser import Fuser
from bitpan.model import IntegerModel
from bitpan.models.imagery.synth import synthesise
from bitpan.package import Package
from bitpan.qonnx.write import to_qonnx
from bitpan.rasters import read_picture
from bitpan.shipped import PRETRAINED

SIZE = 320, 256
"""Twenty tiles of 64 x 64."""


def pairs(folder):
    """A synthetic scene, and the corner of a real one."""
    scene = synthesise(SIZE, seed=14)
    yield scene.pan[0], scene.ms
    found = sorted(Path(folder).glob("quickbird_decri/QB-PAN.tif")) if folder else []
    for file in found:
        pan, ms = (read_picture(file.with_name(name)).image for name in (file.name, "QB-MS.tif"))
        yield pan[0, : SIZE[0], : SIZE[1]], ms[:, : SIZE[0] // 4, : SIZE[1] // 4]


@pytest.mark.slow
@pytest.mark.parametrize("network", ["s2bnet-flat", "s2bnet", "bnnpan"])
def test_imagery(network, tmp_path):
    onnx.save(to_qonnx(IntegerModel.load(PRETRAINED / network), 64, 128), tmp_path / "model.onnx")
    build(tmp_path / "model.onnx", tmp_path / "package", board("zcu104"), 4, quiet=True)
    package = Package.load(tmp_path / "package")
    for pan, ms in pairs(os.environ.get("BITPAN_SCENES", "")):
        for device in ("rtl", "system"):
            with Fuser(package.model) as cpu, Fuser(package.model, device, package) as accelerator:
                np.testing.assert_array_equal(accelerator.fuse(pan, ms), cpu.fuse(pan, ms))
