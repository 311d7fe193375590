"""From QONNX to a proved accelerator, on small frames."""

import itertools
import json
import math
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from bitpan.build.boards import board
from bitpan.build.build import build
from bitpan.build.deploy.verify import verify
from bitpan.build.finn import stitch
from bitpan.build.finn.integer_graph import integer_graph
from bitpan.cli import main
from bitpan.compare import random_case
from bitpan.errors import BuildError, MismatchError
from bitpan.hw.simulate.accelerator import Accelerator
from bitpan.model import IntegerModel, execute
from bitpan.package import Package
from bitpan.qonnx.write import to_qonnx

SIZE = 16


@pytest.fixture(scope="module")
def model(random_model):
    return random_model(blocks=2, channels=8)


@pytest.fixture(scope="module")
def source(model, qonnx, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    onnx.save(qonnx(model, SIZE, SIZE), path)
    return path


@pytest.fixture(scope="module")
def package(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("package") / "package"
    build(source, folder, board("pynq-z2"), 12, quiet=True)
    return Package.load(folder)


def test_accelerator_is_exact_and_as_fast_as_estimated(package):
    verdict = verify(package, frames=6)
    assert verdict.frames == 6
    assert verdict.as_estimated, verdict
    assert abs(verdict.period / verdict.period_estimate - 1) < 0.05, verdict


@pytest.mark.parametrize("seed", [1, 2])
def test_accelerator_is_exact_under_stalls(package, seed):
    verify(package, frames=6, stalls=True, seed=seed)


def test_a_wrong_bit_is_found(package, tmp_path):
    package.model.constants["block1.conv.weights"][0, 0, 0, 0] *= -1
    try:
        with pytest.raises(MismatchError, match="simulating the accelerator, node fused"):
            verify(package, frames=1)
    finally:
        package.model.constants["block1.conv.weights"][0, 0, 0, 0] *= -1


def test_reset_in_mid_frame(package):
    case = random_case(package.model, *package.frame, 7)
    with Accelerator(package) as accelerator:
        accelerator.registers.write_bank(0, case[1])
        accelerator.start(case[0], 0)
        accelerator.simulation.run(700)
        accelerator.reset()
        accelerator.registers.write_bank(1, case[1])
        accelerator.start(case[0], 1)
        fused = accelerator.finish()[0]
    assert np.array_equal(fused, execute(package.model, *case))


def test_folder_is_complete(package, model):
    folder = package.folder
    loaded = IntegerModel.load(folder)
    assert loaded.nodes == model.nodes
    assert all(np.array_equal(loaded.constants[name], array) for name, array in model.constants.items())
    description = json.loads((folder / "accelerator.json").read_text())
    assert description["frame"] == {"width": SIZE, "height": SIZE}
    assert description["registers"]["upsample.rows"] == {"address": 0, "count": 20}
    places = sorted((place["address"], place["count"]) for place in description["registers"].values())
    assert all(a + n == b for (a, n), (b, _) in itertools.pairwise(places))
    assert all((folder / name).is_file() for name in description["rtl"]["sources"])
    done = subprocess.run(["sha256sum", "--quiet", "-c", "checksums.sha256"], cwd=folder, check=False)
    assert done.returncode == 0
    estimates = json.loads((folder / "estimates.json").read_text())
    assert estimates["totals"]["LUT"] > 0
    assert estimates["cycles_per_frame"] == description["cycles_per_frame"]
    assert json.loads((folder / "provenance.json").read_text())["tools"]["finn-plus"] == "1.6.1"


def test_the_same_model_gives_the_same_folder(source, package, tmp_path):
    build(source, tmp_path / "again", board("pynq-z2"), 12, quiet=True)
    assert (tmp_path / "again/checksums.sha256").read_text() == (package.folder / "checksums.sha256").read_text()


def test_failed_build_leaves_the_old_package(source, package, qonnx, random_model, tmp_path):
    broken = tmp_path / "broken.onnx"
    proto = onnx.load(source)
    next(node for node in proto.graph.node if node.op_type == "BipolarQuant").op_type = "Sign"
    onnx.save(proto, broken)
    before = (package.folder / "checksums.sha256").read_bytes()
    with pytest.raises(BuildError, match="Sign"):
        build(broken, package.folder, board("pynq-z2"), 12, quiet=True)
    assert (package.folder / "checksums.sha256").read_bytes() == before
    assert [path.name for path in package.folder.parent.iterdir()] == [package.folder.name]


def test_foreign_folder_is_not_overwritten(source, tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(BuildError, match="no deployment folder"):
        build(source, tmp_path, board("pynq-z2"), 12, quiet=True)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_the_working_folder_is_not_replaced(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BuildError, match=f"{tmp_path}: is the working folder"):
        build(source, Path(), board("pynq-z2"), 12, quiet=True)


def test_the_model_of_an_accelerator_is_not_overwritten(source, package, capsys):
    before = (package.folder / "model.npz").stat().st_mtime_ns
    assert main(["build", str(source), "--model-only", "-o", str(package.folder)]) == 1
    assert "holds an accelerator with a model of its own" in capsys.readouterr().err
    assert (package.folder / "model.npz").stat().st_mtime_ns == before


def test_what_does_not_fit_is_told_and_built_only_where_the_folding_is_named(source, tmp_path):
    tiny = replace(board("pynq-z2"), lut=3000)
    with pytest.raises(BuildError, match=r"does not fit pynq-z2: .* LUT, .* more than the 2,700 of 3,000"):
        build(source, tmp_path / "package", tiny, quiet=True)
    assert not (tmp_path / "package").exists()
    build(source, tmp_path / "package", tiny, 12, quiet=True)


def test_scene_parameters_beyond_the_register_space_are_refused(source, model, tmp_path, monkeypatch):
    words = sum(math.prod(parameter.shape) for parameter in model.scene)
    monkeypatch.setattr(stitch, "BANK_WORDS", words - 1)
    with pytest.raises(BuildError, match=f"has {words} scene parameters, the accelerator room for {words - 1}"):
        build(source, tmp_path / "package", board("pynq-z2"), 12, quiet=True)


def test_a_transformation_that_changes_a_number_stops_the_build(model, source, tmp_path, monkeypatch):
    from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers

    original = SpecializeLayers.apply

    def with_a_row_of_zeros(self, graph):
        weights = graph.get_initializer("block0.conv.weights").copy()
        weights[0] = 0
        graph.set_initializer("block0.conv.weights", weights)
        return original(self, graph)

    monkeypatch.setattr(SpecializeLayers, "apply", with_a_row_of_zeros)
    with pytest.raises(MismatchError, match=r"RTL nodes, node block0\.conv: .* first at"):
        build(source, tmp_path / "package", board("pynq-z2"), 12, quiet=True)
    assert not (tmp_path / "package").exists()


def test_whole_windows_one_pixel_a_clock(random_model, qonnx, tmp_path):
    onnx.save(qonnx(random_model(blocks=1, channels=4, bits=8, seed=3), 8, 16), tmp_path / "model.onnx")
    build(tmp_path / "model.onnx", tmp_path / "package", board("zcu104"), 1, quiet=True)
    verify(Package.load(tmp_path / "package"), frames=4, stalls=True)


def test_a_block_without_residual(random_model, tmp_path):
    model = random_model(blocks=2, channels=4, bits=8, seed=4)
    nodes = [replace(node, inputs=("p0",)) if node.name == "block0.rprelu" else node for node in model.nodes]
    onnx.save(to_qonnx(replace(model, nodes=nodes), 8, 16), tmp_path / "model.onnx")
    build(tmp_path / "model.onnx", tmp_path / "package", board("pynq-z2"), 9, quiet=True)
    verify(Package.load(tmp_path / "package"), frames=4, stalls=True)


def test_a_constant_beyond_float32_is_refused(random_model):
    model = random_model(blocks=1, channels=4)
    model.constants["head.bias"][1] = (1 << 24) + 1
    with pytest.raises(BuildError, match=r"constant head\.bias: values up to 16777217 are beyond float32's integers"):
        integer_graph(model, 8, 8)


@pytest.mark.slow
@pytest.mark.parametrize("stalls", [False, True])
def test_eight_blocks_on_a_whole_frame(random_model, qonnx, tmp_path, stalls):
    onnx.save(qonnx(random_model(blocks=8), 64, 64), tmp_path / "model.onnx")
    build(tmp_path / "model.onnx", tmp_path / "package", board("pynq-z2"), 36, quiet=True)
    assert verify(Package.load(tmp_path / "package"), frames=10, stalls=stalls).as_estimated
