"""A deployment folder as a wheel: pip installs it, and PYNQ's way of looking and bitpan's find what was built.

No bitstream can be made here: files with a few bytes stand for it.
"""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import bitpan
from bitpan import package as packages
from bitpan.cli import main
from bitpan.errors import BuildError, ModelError
from bitpan.files.workspace import beside, occupied
from bitpan.intake.sums import write_sums
from bitpan.package import Package, installed
from bitpan.shipped import find_model

HEIGHT, WIDTH = 40, 48
BITS = {".bit": b"stands for a bitstream", ".hwh": b"stands for its description"}


@pytest.fixture(scope="module")
def built(random_model, tmp_path_factory):
    """What ``bitpan build`` leaves of a small network, with placeholders for what Vivado adds, and its log."""
    pytest.importorskip("finn", reason="building needs FINN")
    import onnx

    from bitpan.build.boards import board
    from bitpan.build.build import build
    from qonnx_writer import write_qonnx

    folder = tmp_path_factory.mktemp("build")
    onnx.save(write_qonnx(random_model(blocks=1, channels=8, bands=2), HEIGHT, WIDTH), folder / "model.onnx")
    build(folder / "model.onnx", folder / "mine", board("zcu104"), quiet=True)
    for suffix, content in BITS.items():
        (folder / "mine" / f"bitpan{suffix}").write_bytes(content)
    write_sums(folder / "mine")
    (folder / "mine" / "vivado").mkdir()
    (folder / "mine" / "vivado" / "project.xpr").write_text("left")
    (folder / "mine" / "vivado.log").write_text("left")
    return folder / "mine"


@pytest.fixture(scope="module")
def environment(built, tmp_path_factory):
    """A new environment with two wheels of it, ``mine`` and ``other-2``; its interpreter."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder / "venv")
    python, wheels = folder / "venv" / "bin" / "python", folder / "wheels"
    for words in ([], ["--name", "other-2"]):
        assert main(["wheel", str(built), *words, "-o", str(wheels)]) == 0
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index"]
    subprocess.run([*pip, *map(str, sorted(wheels.iterdir()))], check=True)
    return python


LOOK = """
import os
from importlib import import_module
from importlib.metadata import entry_points
for entry in entry_points(group="pynq.overlays"):
    folder = list(import_module(entry.module).__path__)[0]
    print(entry.name, os.path.join(folder, entry.name, entry.name + ".bit"))
"""
"""PYNQ looks for NAME.bit in the folders of these modules, and in their folders NAME."""


def test_pynq_finds_each_by_its_name(environment):
    said = subprocess.run([environment, "-c", LOOK], check=True, capture_output=True, text=True).stdout
    found = dict(line.split(" ", 1) for line in said.splitlines())
    assert sorted(found) == ["mine", "other-2"]
    for path in found.values():
        for suffix, content in BITS.items():
            assert Path(path).with_suffix(suffix).read_bytes() == content


def test_bitpan_finds_what_was_built(environment, built, monkeypatch):
    """The same accelerator in every file but the bitstream's name, and without what Vivado left."""
    (site,) = environment.parents[1].glob("lib/*/site-packages")
    monkeypatch.syspath_prepend(str(site))
    before = Package.load(built)
    for name in ("mine", "other-2"):
        folder = installed(name)
        assert folder is not None and find_model(name) == folder
        found = Package.load(folder)
        assert found.bitstream.name == f"{name}.bit" and found.bitstream.read_bytes() == BITS[".bit"]
        assert (found.signature, found.frame, found.registers) == (before.signature, before.frame, before.registers)
        assert found.model.digest() == before.model.digest()
        assert [path.read_bytes() for path in found.sources] == [path.read_bytes() for path in before.sources]
        assert not list(found.folder.glob("vivado*"))
        with bitpan.load(name) as fuser:
            assert fuser.model.digest() == before.model.digest()
    assert installed("third") is None


def test_fuse_takes_its_name(environment, monkeypatch, tmp_path):
    (site,) = environment.parents[1].glob("lib/*/site-packages")
    monkeypatch.syspath_prepend(str(site))
    from bitpan.models.imagery.synth import synthesise, write_scene

    write_scene(synthesise(64, seed=1), tmp_path)
    words = [tmp_path / "pan.tif", tmp_path / "ms.tif", "-o", tmp_path / "fused.tif", "--bands", "1,2"]
    assert main(["fuse", *map(str, words), "--shift", "0,0", "--package", "other-2"]) == 0
    assert (tmp_path / "fused.tif").is_file()


def test_the_same_folder_gives_the_same_wheel(built, tmp_path):
    first, second = (main(["wheel", str(built), "-o", str(tmp_path / name)]) or tmp_path / name for name in "ab")
    (one,), (other,) = first.iterdir(), second.iterdir()
    assert one.name == other.name and one.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(one) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        assert "Requires" not in archive.read(metadata).decode()  # which pip would fetch, whosever it is
        digest = Package.load(built).digest
        assert f"Version: {bitpan.__version__}+{digest[:8]}\n" in archive.read(metadata).decode()


def test_the_second_run_to_one_wheel_is_told_who_writes(built, tmp_path, capsys):
    assert main(["wheel", str(built), "-o", str(tmp_path)]) == 0
    (wheel,) = tmp_path.iterdir()
    before = wheel.read_bytes()
    with occupied(beside(wheel)):
        assert main(["wheel", str(built), "-o", str(tmp_path)]) == 1
    assert "is writing it; wait, or give another output" in capsys.readouterr().err and wheel.read_bytes() == before


def test_what_is_not_finished_is_refused(built, tmp_path):
    from bitpan.build.deploy.wheel import write_wheel

    copy = shutil.copytree(built, tmp_path / "mine", ignore=shutil.ignore_patterns("bitpan.*"))
    with pytest.raises(ModelError, match=r"bitpan\.bit: is not there"):
        write_wheel(copy, "mine", tmp_path / "out")
    write_sums(shutil.copytree(copy, tmp_path / "new", ignore=shutil.ignore_patterns("vivado*")))
    with pytest.raises(BuildError, match=r"bitpan\.bit: is not there yet; finish the build where Vivado is"):
        write_wheel(tmp_path / "new", "mine", tmp_path / "out")
    for name in ("a b", "", "-a", "a/b", "ä"):
        with pytest.raises(BuildError, match="letters, digits"):
            write_wheel(built, name, tmp_path / "out")
    assert not (tmp_path / "out").exists() and packages.OVERLAYS == "pynq.overlays"
