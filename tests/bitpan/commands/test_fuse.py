"""The command: what it writes, and that it never leaves half of it."""

import json
import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
import rasterio
import torch

from bitpan import cli
from bitpan.errors import DeviceTimeoutError
from bitpan.host.device.devices import CpuDevice
from bitpan.host.output import new_fused
from bitpan.host.scene.brightness import as_bright_as_trained
from bitpan.host.scene.calibration import load_calibration
from bitpan.host.scene.parameters import compute_scene_parameters
from bitpan.host.scene.scene import array_scene, open_scene
from bitpan.host.scene.tiles import plan_tiles
from bitpan.host.stream import fuse_array


@pytest.fixture(scope="module")
def model_folder(small_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    small_model.save(folder)
    return str(folder)


@pytest.fixture
def fuse(model_folder, tmp_path, capsys):
    """``fuse(pan, ms, *options) -> (exit code, OUT.tif, stderr)``."""

    def run(pan, ms, *options):
        out = tmp_path / "OUT.tif"
        options = options if "--package" in options else (*options, "--model", model_folder)
        code = cli.main(["fuse", str(pan), str(ms), "-o", str(out), "--threads", "1", *map(str, options)])
        return code, out, capsys.readouterr().err

    return run


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path) as dataset:
            return dataset.read(), dataset


def test_output_is_the_fused_scene_with_its_georeference(fuse, pair, small_model, small_engine):
    pan, ms = pair(height=300, width=270)
    code, out, _ = fuse(pan, ms, "--tile", 48)
    assert code == 0
    with rasterio.open(out) as dataset:
        fused = dataset.read()
        assert (dataset.crs.to_epsg(), dataset.transform) == (32630, read(pan)[1].transform)
        assert dataset.descriptions == ("blue", "near infrared")
        assert (dataset.dtypes[0], dataset.nodata) == ("uint16", None)
        assert dataset.profile["tiled"]
        assert dataset.profile["compress"] == "deflate"
    calibration = load_calibration(out.with_suffix(".scene.json"), small_model)
    scene = array_scene(small_model, read(pan)[0], read(ms)[0])
    scene = as_bright_as_trained(scene, small_model)
    assert (calibration.level, calibration.match) == (scene.level, scene.match)
    for name, value in compute_scene_parameters(small_model, scene, small_engine).items():
        np.testing.assert_array_equal(calibration.parameters[name], value)
    expected = fuse_array(small_model, scene, CpuDevice(small_engine), calibration.parameters)
    np.testing.assert_array_equal(fused, expected)
    assert sorted(file.name for file in out.parent.iterdir()) == ["MS.tif", "OUT.scene.json", "OUT.tif", "PAN.tif"]


def test_bands_are_chosen_in_the_models_order(fuse, pair, tmp_path, write_raster):
    pan, ms = pair(bands=2)
    plain = read(fuse(pan, ms)[1])[0]
    values = read(ms)[0]
    more = np.stack([values[1], 0 * values[0] + 7, values[0]])
    names = ["near infrared", "a constant", "blue"]
    other = write_raster(tmp_path / "MORE.tif", more, 4.0, descriptions=names)
    code, out, _ = fuse(pan, other, "--bands", "3,1")
    assert code == 0
    with rasterio.open(out) as dataset:
        assert dataset.descriptions == ("blue", "near infrared")
        np.testing.assert_array_equal(dataset.read(), plain)
    assert "or choose with --bands" in fuse(pan, other)[2]
    assert "has no band 9, only 3" in fuse(pan, other, "--bands", "3,9")[2]
    for wrong in ("0,1", "1,1", "1;2"):
        with pytest.raises(SystemExit):
            fuse(pan, other, "--bands", wrong)


@pytest.mark.parametrize("shift", ["-2.25,2.5", "0.5,-7"])
def test_shift_and_saved_parameters(fuse, pair, small_model, small_engine, shift):
    pan, ms = pair()
    code, out, _ = fuse(pan, ms, "--shift", shift)
    assert code == 0
    fused = read(out)[0]
    shift = tuple(float(part) for part in shift.split(","))
    scene = array_scene(small_model, read(pan)[0], read(ms)[0], shift)
    scene = as_bright_as_trained(scene, small_model)
    parameters = compute_scene_parameters(small_model, scene, small_engine)
    np.testing.assert_array_equal(fused, fuse_array(small_model, scene, CpuDevice(small_engine), parameters))
    saved = out.rename(out.with_name("saved.json")) and out.with_suffix(".scene.json")
    again, out, _ = fuse(pan, ms, "--scene-parameters", saved)
    assert again == 0
    np.testing.assert_array_equal(read(out)[0], fused)
    both, _, said = fuse(pan, ms, "--scene-parameters", saved, "--shift", "0,0")
    assert (both, "leave --shift out" in said) == (1, True)


@pytest.mark.parametrize("nodata", [0, 2047, 65535])
def test_nodata_stays_nodata_and_valid_stays_valid(fuse, tmp_path, write_raster, nodata):
    rng = np.random.default_rng(0)
    pan = rng.choice(np.array([1, 1024, 2046], np.uint16), (1, 80, 80))
    ms = rng.choice(np.array([1, 2046], np.uint16), (2, 20, 20))
    pan[0, 30:, :40] = nodata
    ms[:, 3, 4] = nodata
    pair = (
        write_raster(tmp_path / "p.tif", pan, 1.0, nodata=nodata),
        write_raster(tmp_path / "m.tif", ms, 4.0, nodata=nodata),
    )
    code, out, _ = fuse(*pair, "--tile", 20)
    assert code == 0
    fused, dataset = read(out)
    assert dataset.nodata == nodata
    expected = np.zeros((80, 80), bool)
    expected[30:, :40] = True
    expected[12:16, 16:20] = True
    np.testing.assert_array_equal(fused == nodata, np.broadcast_to(expected, fused.shape))


def test_nodata_that_the_ms_cannot_hold_becomes_zero(fuse, tmp_path, write_raster):
    pan = np.random.default_rng(0).integers(0, 2048, (1, 80, 80)).astype(np.int16)
    pan[0, 30:, :40] = -9999
    pair = (
        write_raster(tmp_path / "p.tif", pan, 1.0, nodata=-9999),
        write_raster(tmp_path / "m.tif", np.zeros((2, 20, 20), np.uint16), 4.0),
    )
    code, out, _ = fuse(*pair, "--tile", 20)
    assert code == 0
    fused, dataset = read(out)
    assert dataset.nodata == 0
    np.testing.assert_array_equal(fused == 0, np.broadcast_to(pan[0] == -9999, fused.shape))


@pytest.mark.parametrize("internal", [True, False])
def test_masks_tell_where_there_is_data(fuse, pair, internal):
    """Inside the file or beside it, of the PAN or of the MS."""
    paths, masks = pair(height=80, width=80), [np.full((80, 80), True), np.full((20, 20), True)]
    masks[0][30:, :40] = masks[1][3, 4] = False
    for path, mask in zip(paths, masks, strict=True):
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
            dataset.write_mask(mask)
    code, out, _ = fuse(*paths, "--tile", 20)
    assert code == 0
    fused, dataset = read(out)
    assert dataset.nodata == 0
    expected = masks[0] & masks[1].repeat(4, 0).repeat(4, 1)
    np.testing.assert_array_equal(fused != 0, np.broadcast_to(expected, fused.shape))


def test_all_nodata(fuse, tmp_path, write_raster):
    pan = write_raster(tmp_path / "p.tif", np.zeros((1, 40, 40), np.uint16), 1.0, nodata=0)
    ms = write_raster(tmp_path / "m.tif", np.zeros((2, 10, 10), np.uint16), 4.0, nodata=0)
    code, out, _ = fuse(pan, ms)
    assert code == 0
    assert not read(out)[0].any()


def test_a_device_that_fails_is_not_taken_for_a_full_disk(fuse, pair, monkeypatch):
    def fail(self, frames):
        raise DeviceTimeoutError("no frame")
        yield

    monkeypatch.setattr(CpuDevice, "fuse", fail)
    code, out, said = fuse(*pair())
    assert code == 1 and said.splitlines()[-1] == "bitpan fuse: no frame"
    assert sorted(file.name for file in out.parent.iterdir()) == ["MS.tif", "PAN.tif"]


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (257, 5)])
def test_scenes_smaller_than_a_tile(fuse, pair, size):
    code, out, _ = fuse(*pair(height=size[0], width=size[1]))
    assert code == 0
    assert read(out)[0].shape == (2, *size)


def test_errors_are_one_line_and_leave_the_good_output(fuse, pair):
    pan, ms = pair()
    _, out, _ = fuse(pan, ms)
    good = out.read_bytes()
    ms.write_bytes(ms.read_bytes()[:700])
    code, out, said = fuse(pan, ms)
    assert code == 1
    assert [line for line in said.splitlines() if line.startswith("bitpan fuse: ")]
    assert out.read_bytes() == good
    assert not list(out.parent.glob("*.partial*"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tile", "30"], "no positive multiple of 4"),
        (["--device", "rtl"], "add --package DIR"),
        (["--device", "fpga"], "add --package DIR"),
        (["--package", "/nowhere"], "checksums.sha256: cannot be read"),
        (["--model", "nothing-of-the-kind"], "nothing-of-the-kind: no model.json there"),
        (["--scene-parameters", "/nowhere.json"], "nowhere.json: cannot be read"),
        (["-o", "/nowhere/OUT.tif"], "lies in none"),
    ],
)
def test_wrong_options(model_folder, pair, tmp_path, capsys, options, said):
    pan, ms = pair()
    arguments = ["fuse", str(pan), str(ms), "-o", str(tmp_path / "OUT.tif"), *options]
    code = cli.main(arguments if {"--model", "--package"} & {*options} else [*arguments, "--model", model_folder])
    assert (code, said in capsys.readouterr().err) == (1, True)
    assert not (tmp_path / "OUT.tif").exists()


@pytest.mark.parametrize("shift", ["1", "a,b", "1,2,3", "nan,0"])
def test_wrong_shifts(fuse, pair, shift):
    with pytest.raises(SystemExit) as error:
        fuse(*pair(), "--shift", shift)
    assert error.value.code == 2


def test_input_is_not_overwritten(model_folder, pair, capsys):
    pan, ms = pair()
    assert cli.main(["fuse", str(pan), str(ms), "-o", str(ms), "--model", model_folder]) == 1
    assert "is an input too" in capsys.readouterr().err


def interrupt():
    raise KeyboardInterrupt


class Counted:
    """The frames that the CPU has fused, and what happens before the one of a number, once."""

    def __init__(self, monkeypatch):
        self.count()
        plain = CpuDevice.fuse

        def fuse(device, frames):
            for fused in plain(device, frames):
                if self.frames == self.number:
                    self.number = None
                    self.happens()
                self.frames += 1
                yield fused

        monkeypatch.setattr(CpuDevice, "fuse", fuse)

    def count(self, number=None, happens=interrupt):
        self.frames, self.number, self.happens = 0, number, happens


@pytest.fixture
def counted(monkeypatch):
    return Counted(monkeypatch)


def listed(folder):
    return sorted(file.name for file in folder.iterdir())


def test_an_interrupted_scene_goes_on_where_it_stopped(fuse, pair, counted, capsys):
    """To the same bytes, without computing anything twice; 30 tiles."""
    pan, ms = pair()
    code, out, _ = fuse(pan, ms, "--tile", 16)
    assert code == 0 and counted.frames == 30
    good = {path: path.read_bytes() for path in (out, out.with_suffix(".scene.json"))}
    for path in good:
        path.unlink()
    for frames in (0, 3, 20):
        counted.count(frames)
        code, _, said = fuse(pan, ms, "--tile", 16)
        assert code == 130 and listed(out.parent) == [".OUT.tif.partial", "MS.tif", "PAN.tif"]
        assert f"{sum((0, 3, 20)[: (0, 3, 20).index(frames) + 1])} finished tiles are kept there" in said
    counted.count()
    assert fuse(pan, ms, "--tile", 16)[0] == 0 and counted.frames == 7
    assert {path: path.read_bytes() for path in good} == good
    assert listed(out.parent) == ["MS.tif", "OUT.scene.json", "OUT.tif", "PAN.tif"]


def test_restart_starts_over(fuse, pair, counted):
    pan, ms = pair()
    counted.count(7)
    assert fuse(pan, ms, "--tile", 16)[0] == 130
    for _ in range(2):
        counted.count()
        assert fuse(pan, ms, "--tile", 16, "--restart")[0] == 0 and counted.frames == 30


def test_what_is_there_already_is_not_told_as_fused(model_folder, pair, tmp_path, capsys):
    words = ["fuse", *map(str, pair()), "-o", str(tmp_path / "OUT.tif"), "--model", model_folder, "--threads", "1"]
    for told in ("fused with", "is there already"):
        assert cli.main(words) == 0
        said = capsys.readouterr().out
        assert told in said
        assert ("fused with" in said) == (told == "fused with")


def test_what_is_there_already_is_not_fused_again(fuse, pair, counted):
    """A run may be killed when its output is in place; then nothing is left to do, unless somebody has changed it."""
    pan, ms = pair()
    _, out, _ = fuse(pan, ms, "--tile", 16)
    good = {path: path.read_bytes() for path in (out, out.with_suffix(".scene.json"))}
    counted.count()
    assert fuse(pan, ms, "--tile", 16)[0] == 0 and counted.frames == 0
    for path in good:
        for change in (lambda path=path: path.write_bytes(path.read_bytes()[:-9]), path.unlink):
            change()
            counted.count()
            assert fuse(pan, ms, "--tile", 16)[0] == 0 and counted.frames == 30
            assert {path: path.read_bytes() for path in good} == good
    counted.count()
    assert fuse(pan, ms, "--tile", 32)[0] == 0 and counted.frames == 9


@pytest.mark.parametrize("option", [("--shift", "0,0.5"), ("--tile", "32"), ("--bands", "2,1"), None])
def test_tiles_of_another_job_are_not_gone_on_from(fuse, pair, counted, write_raster, option):
    """Of other options, or of a PAN that is another one by now."""
    pan, ms = pair()
    counted.count(3)
    assert fuse(pan, ms, "--tile", 16)[0] == 130
    if option is None:
        pair(seed=1)
    counted.count()
    options = ("--tile", "16", *(option or ()))
    assert fuse(pan, ms, *options)[0] == 0 and counted.frames > 3
    fused, frames = read(pan.with_name("OUT.tif"))[0], counted.frames
    counted.count()
    assert fuse(pan, ms, *options, "--restart")[0] == 0 and counted.frames == frames
    np.testing.assert_array_equal(read(pan.with_name("OUT.tif"))[0], fused)


@pytest.mark.parametrize("place", [0, 100, -2000, -1])
def test_damaged_tiles_are_made_again(fuse, pair, counted, place):
    pan, ms = pair()
    _, out, _ = fuse(pan, ms, "--tile", 16)
    good = out.read_bytes()
    out.unlink()
    counted.count(12)
    assert fuse(pan, ms, "--tile", 16)[0] == 130
    log = out.parent / ".OUT.tif.partial" / "tiles"
    content = bytearray(log.read_bytes())
    content[place] ^= 1
    log.write_bytes(content)
    counted.count()
    assert fuse(pan, ms, "--tile", 16)[0] == 0
    assert counted.frames == {0: 30, 100: 30, -2000: 20, -1: 19}[place]
    assert out.read_bytes() == good


@pytest.mark.parametrize("which", [0, 1])
def test_an_input_that_changes_while_it_is_read_is_refused(fuse, pair, counted, which):
    """Overwritten in its place, as a download does, or replaced by another file."""
    paths = pair()
    content = paths[which].read_bytes()

    def overwrite():
        paths[which].write_bytes(content[:-100] + bytes(100))

    def replace():
        new, old = paths[which].with_name("new"), paths[which].stat()
        new.write_bytes(content[:-100] + bytes(100))
        os.utime(new, ns=(old.st_atime_ns, old.st_mtime_ns))
        new.replace(paths[which])

    for change in (overwrite, replace):
        counted.count(3, change)
        code, out, said = fuse(*paths, "--tile", 16)
        assert code == 1 and f"{paths[which]}: was changed while it was read; run again" in said.splitlines()[-1]
        assert listed(out.parent) == ["MS.tif", "PAN.tif"]


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
from bitpan.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("missing", [1, 2000, 300_000])
def test_full_disk_leaves_nothing(fuse, pair, model_folder, tmp_path, missing):
    """A limit on file sizes stands for the full disk; however little is missing, there is no output."""
    pan, ms = pair(height=400, width=300)
    _, out, _ = fuse(pan, ms)
    size = out.stat().st_size
    out.unlink()
    arguments = ["fuse", str(pan), str(ms), "-o", str(out), "--model", model_folder, "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(max(size - missing, 100)), *arguments], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert "OUT.tif: cannot be written" in done.stderr or "incomplete after writing" in done.stderr
    assert not out.exists()
    assert not list(tmp_path.glob("*.partial*"))


def test_ctrl_c_for_real(pair, model_folder, tmp_path):
    """SIGINT in the middle of a scene: exit code 130, no output, and what is finished is kept for the next run."""
    pan, ms = pair(height=4000, width=4000)
    options = ["--model", model_folder, "--tile", "64", "--threads", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bitpan.cli", "fuse", str(pan), str(ms), "-o", str(tmp_path / "OUT.tif"), *options],
        stderr=subprocess.PIPE,
        text=True,
        # A background job's shell has SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    said = ""
    while "fusing" not in said:
        said += process.stderr.read(1) or "fusing"
    process.send_signal(signal.SIGINT)
    said += process.stderr.read()
    assert (process.wait(), "interrupted" in said) == (130, True), said
    assert "finished tiles are kept there" in said
    assert listed(tmp_path) == [".OUT.tif.partial", "MS.tif", "PAN.tif"]


def test_rows_are_written_whole(small_model, pair, tmp_path):
    """The file does not grow by blocks that are written twice."""
    with open_scene(*pair(height=600, width=300), small_model) as scene:
        sizes = []
        for name, step in (("a.tif", 600), ("b.tif", 20)):
            fused = np.random.default_rng(0).integers(0, 2048, (2, 600, 300))
            with new_fused(tmp_path / name, scene, 2) as writer:
                for tile in plan_tiles(small_model, 600, 300, tile=step):
                    rows, columns = slice(tile.top, tile.top + tile.height), slice(tile.left, tile.left + tile.width)
                    writer.put(tile.top, tile.left, fused[:, rows, columns])
            np.testing.assert_array_equal(read(tmp_path / name)[0], fused)
            sizes.append((tmp_path / name).stat().st_size)
    assert sizes[0] == sizes[1]


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit):
        cli.main(["fuse", "--help"])
    printed = capsys.readouterr().out
    for option in (
        "--model",
        "--device",
        "--package",
        "--bands",
        "--shift",
        "--scene-parameters",
        "--tile",
        "--threads",
    ):
        assert option in printed


def test_nothing_heavy_is_imported():
    script = "import sys, bitpan.commands.fuse; print(json.dumps([m for m in %r if m in sys.modules]))"
    heavy = ["rasterio", "numba", "pynq", "torch", "qonnx", "tqdm", "scipy"]
    done = subprocess.run(
        [sys.executable, "-c", "import json; " + script % heavy], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_graphics_processor_that_is_not_there(small_model, tmp_path, pair, capsys):
    model, (pan, ms) = tmp_path / "model", pair()
    small_model.save(model)
    output = tmp_path / "fused.tif"
    words = ["fuse", str(pan), str(ms), "-o", str(output), "--model", str(model), "--device", "cuda"]
    assert cli.main(words) == 1
    assert "leave --device out" in capsys.readouterr().err
    assert not output.exists()


def test_another_alignment_is_another_image(fuse, pair):
    """Even of a pair whose corners lie in one place."""
    pan, ms = pair()
    fused = {}
    for way in ("corners", "warp", "corners"):
        code, out, _ = fuse(pan, ms, "--align", way)
        assert code == 0
        fused.setdefault(way, []).append(json.loads(out.with_suffix(".scene.json").read_text())["of"]["job"])
    (first, again), (other,) = fused["corners"], fused["warp"]
    assert first == again != other
