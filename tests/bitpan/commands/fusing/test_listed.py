"""``bitpan fuse --list``: each scene as if it were the only one, whatever becomes of the others."""

import os
import signal
import subprocess
import time
from argparse import Namespace

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from bitpan import cli
from bitpan.camera.consistency import reach
from bitpan.commands.fusing import listed
from bitpan.commands.fusing.listed import SHARED, perform
from bitpan.files import claimed
from bitpan.host.scene.calibration import load_calibration
from scene_lists import images, summary


@pytest.mark.parametrize("jobs", [1, 2])
def test_outputs_are_those_of_single_runs(pairs, fuse_list, small_folder, tmp_path, capsys, jobs):
    source, out, single = pairs(3), tmp_path / "out", tmp_path / "single"
    single.mkdir()
    for number in range(3):
        files = (str(source / f"{number}_{kind}.tif") for kind in ("pan", "ms"))
        options = "-o", str(single / f"{number}.tif"), "--model", str(small_folder), "--shift", "auto"
        assert cli.main(["fuse", *files, *options]) == 0
    assert fuse_list(source, "--jobs", jobs, "--shift", "auto") == 0
    assert images(out) == images(single) and len(images(out)) == 6
    assert [(row["state"], row["reason"]) for row in summary(out).values()] == [("fused", "")] * 3
    assert "measured shift" in summary(out)["1"]["notes"]
    assert "3 fused\n" in capsys.readouterr().out
    assert fuse_list(source, "--shift", "auto") == 0
    assert [row["state"] for row in summary(out).values()] == ["was there"] * 3
    assert {path.name for path in out.iterdir()} == {*images(out), "summary.csv"}


def test_a_failing_scene_does_not_stop_the_rest(pairs, fuse_list, tmp_path, capsys):
    source, out = pairs(3), tmp_path / "out"
    damaged = source / "1_pan.tif"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    assert fuse_list(source) == 1
    states = {name: row["state"] for name, row in summary(out).items()}
    assert states == {"0": "fused", "1": "failed", "2": "fused"}
    assert str(damaged) in summary(out)["1"]["reason"] and "2 fused, 1 failed" in capsys.readouterr().out
    damaged.write_bytes(whole)
    assert fuse_list(source) == 0
    assert [row["state"] for row in summary(out).values()] == ["was there", "fused", "was there"]


def test_a_list_has_products_and_bands_in_files_of_their_own(pairs, fuse_list, tmp_path):
    source, out = pairs(1), tmp_path / "out"
    lines = "0_pan.tif,0_ms.tif,a.tif", "../in,,b.tif", '0_pan.tif,"0_ms.tif,band=1;0_ms.tif,band=2",c.tif', ".,x.tif"
    (source / "scenes.csv").write_text("\n".join(lines))
    assert fuse_list(source / "scenes.csv") == 1
    assert [row["state"] for row in summary(out).values()] == ["fused"] * 3 + ["failed"]
    a, b, c = (rasterio.open(out / f"{name}.tif").read() for name in "abc")
    assert (a == b).all() and (a == c).all()


def test_what_nobody_expected_is_a_failure_too(pairs, fuse_list, tmp_path, small_folder):
    source, out = pairs(1), tmp_path / "out"
    (out / "0.tif").mkdir(parents=True)
    assert fuse_list(source) == 1
    assert "is a folder" in summary(out)["0"]["reason"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_and_the_next_run_goes_on(pairs, start_list, fuse_list, tmp_path, number):
    source, out = pairs(4, 512, 512), tmp_path / "out"
    run = start_list(source, "--jobs", 2, "--tile", 32)
    while not any(path.stat().st_size > 20_000 for path in out.glob(".*.partial/tiles")):
        assert run.poll() is None, run.communicate()
        time.sleep(0.01)
    os.killpg(run.pid, number) if number == signal.SIGINT else run.send_signal(number)
    said, wrong = run.communicate(timeout=60)
    assert run.returncode == 128 + number and "Traceback" not in wrong, wrong
    assert "interrupted; nothing was half-written" in wrong and "not finished" in said
    assert {row["state"] for row in summary(out).values()} <= {"fused", "not finished"}
    assert not [path for path in images(out) if path.endswith(".tif")] or len(images(out)) % 2 == 0
    assert fuse_list(source, "--jobs", 2, "--tile", 32) == 0
    gone_on = images(out)
    assert any("going on after" in row["notes"] for row in summary(out).values())
    assert fuse_list(source, "--jobs", 2, "--tile", 32, "--restart") == 0
    assert images(out) == gone_on and len(gone_on) == 8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["PAN.tif", "MS.tif"], "leave PAN.tif out"),
        (["--jobs", "0"], "--jobs 0: at least 1"),
        (["--one-scene", "--scene-parameters", "x.json"], "leave --one-scene out"),
    ],
)
def test_what_makes_no_sense_is_refused(pairs, fuse_list, tmp_path, capsys, options, said):
    assert fuse_list(pairs(1), *options) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_one_run_at_a_time_writes_a_folder(pairs, fuse_list, tmp_path, capsys):
    source = pairs(1)
    with claimed(tmp_path / "out"):
        assert fuse_list(source) == 1
    assert "is writing it" in capsys.readouterr().err


def test_without_a_list_a_pair_is_wanted(capsys):
    assert cli.main(["fuse", "PAN.tif", "-o", "OUT.tif"]) == 1
    assert "give PAN.tif and MS.tif, or many of them with --list" in capsys.readouterr().err


def test_a_worker_of_another_version_fuses_nothing(tmp_path):
    outcome = perform(Namespace(version="0.1.0", scene="A", output=tmp_path / "A.tif"))
    assert (outcome.scene, outcome.state) == ("A", "failed") and "0.1.0 here: install one version" in outcome.reason


@pytest.mark.parametrize("options", [["--jobs", "2"], ["--one-scene"], ["--scheduler", "tcp://127.0.0.1:1"]])
def test_what_is_of_many_scenes_wants_a_list(capsys, options):
    assert cli.main(["fuse", "PAN.tif", "MS.tif", "-o", "OUT.tif", *options]) == 1
    assert "name them with --list" in capsys.readouterr().err


def test_a_report_of_each(pairs, fuse_list, tmp_path):
    source = pairs(2, 256, 256)
    assert fuse_list(source, "--report", tmp_path / "out" / "{scene}.report.json") == 0
    assert {path.name for path in (tmp_path / "out").glob("*.report.json")} == {"0.report.json", "1.report.json"}


def test_tiles_of_one_scene_share_its_parameters(pairs, fuse_list, whole, small_folder, small_model, tmp_path):
    """Where nothing of another tile is seen they are, in every bit, the scene fused whole."""
    source, out, halo = pairs(3, 256, 256), tmp_path / "out", small_model.halo() + 8 + reach(4)
    pan, ms = whole(source, 3)
    files = str(pan), str(ms), "-o", str(tmp_path / "whole.tif")
    assert cli.main(["fuse", *files, "--model", str(small_folder)]) == 0
    assert fuse_list(source, "--one-scene") == 0
    of_whole, shared = (
        load_calibration(out.parent / name, small_model) for name in ("whole.scene.json", "out/" + SHARED)
    )
    assert (shared.shift, shared.level, shared.match) == (of_whole.shift, of_whole.level, of_whole.match)
    for name, value in of_whole.parameters.items():
        assert (shared.parameters[name] == value).all()
    with rasterio.open(tmp_path / "whole.tif") as expected:
        for number in range(3):
            with rasterio.open(out / f"{number}.tif") as tile:
                inside = np.s_[:, :, halo:-halo]
                here = expected.read(window=Window(256 * number, 0, 256, 256))
                np.testing.assert_array_equal(tile.read()[inside], here[inside])


def test_shared_parameters_are_made_anew_for_other_tiles_alone(pairs, fuse_list, tmp_path):
    source, shared = pairs(2), tmp_path / "out" / SHARED
    assert fuse_list(source, "--one-scene") == 0
    first = shared.stat()
    assert fuse_list(source, "--one-scene") == 0 and shared.stat() == first
    assert [row["state"] for row in summary(shared.parent).values()] == ["was there"] * 2
    (source / "1_ms.tif").write_bytes((source / "1_ms.tif").read_bytes())
    assert fuse_list(source, "--one-scene") == 0 and shared.stat() != first


def test_code_that_is_known_to_be_made_is_waited_for_by_nobody(monkeypatch, tmp_path, small_folder):
    """Another process that is about to compile stops only those that have none either."""
    waited, alone = [], listed.alone
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(listed, "alone", lambda what: (waited.append(what), alone(what))[1])
    task = Namespace(model=str(small_folder), package=None, device="cpu", threads=1, timeout=10.0)
    for times in (1, 1):
        monkeypatch.setattr(listed, "_opened", {})
        fuser = listed._fuser(task)
        assert listed._fuser(task) is fuser and waited == ["compiling"] * times
    monkeypatch.setattr(listed, "code_folder", lambda: "of other sources")
    monkeypatch.setattr(listed, "_opened", {})
    listed._fuser(task)
    assert waited == ["compiling"] * 2


@pytest.mark.slow
def test_code_is_compiled_once(pairs, start_list, tmp_path, monkeypatch):
    """All of it before the first scene."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert start_list(pairs(6), "--jobs", 2, said=subprocess.DEVNULL).wait() == 0
    compiled = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "numba").rglob("*.o")}
    fused = [file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*.tif")]
    assert len(compiled) > 5 and len(fused) == 6
    assert [name for name, moment in compiled.items() if moment > min(fused)] == []
