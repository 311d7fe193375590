"""``bitpan metrics`` from the command line: its figures, its JSON, and one line for everything that does not fit."""

import json
import shutil

import numpy as np
import pytest

import bitpan
from bitpan import cli
from bitpan.models.imagery.synth import synthesise, write_scene
from bitpan.models.quality import full_resolution, metrics
from bitpan.models.quality.classical import METHODS
from bitpan.rasters import RasterFile, unread

rasterio = pytest.importorskip("rasterio")
SIZE, BORDER = 128, 16


@pytest.fixture(scope="module")
def scene():
    return synthesise(SIZE, seed=3)


@pytest.fixture(scope="module")
def folder(scene, tmp_path_factory):
    """pan, ms, truth and fused.tif, which is on the truth's grid."""
    folder = tmp_path_factory.mktemp("scene")
    write_scene(scene, folder)
    _write(folder / "fused.tif", METHODS["GSA"](scene.pan, scene.ms, 4, 11), folder / "truth.tif")
    return folder


def _write(path, image, like, **changes):
    with rasterio.open(like) as raster:
        profile = raster.profile | {"dtype": image.dtype, "count": len(image)} | changes
    profile |= {"height": image.shape[1], "width": image.shape[2], "predictor": 1}
    with rasterio.open(path, "w", **profile) as out:
        out.write(image)
    return path


def _call(capsys, *words):
    code = cli.main(["metrics", *(str(word) for word in words)])
    return code, capsys.readouterr()


def _refused(capsys, *words):
    code, said = _call(capsys, *words)
    assert code == 1 and said.out == "" and said.err.count("\n") == 1, said
    assert said.err.startswith("bitpan metrics: ")
    return said.err


def test_against_a_truth(folder, scene, capsys):
    code, said = _call(capsys, folder / "fused.tif", "--truth", folder / "truth.tif", "--json")
    assert code == 0
    part = json.loads(said.out)["reduced_resolution"]
    assert part["border"] == 21 and part["ratio"] == 4
    expected = metrics.evaluate(METHODS["GSA"](scene.pan, scene.ms, 4, 11), scene.truth, 4, border=21)
    assert part["indices"] == expected


def test_without_a_truth(folder, scene, capsys):
    files = "--pan", folder / "pan.tif", "--ms", folder / "ms.tif"
    code, said = _call(capsys, folder / "fused.tif", *files, "--sensor", "qb", "--json")
    assert code == 0
    report = json.loads(said.out)
    assert set(report) == {"fused", "full_resolution"} and report["full_resolution"]["border"] == 0
    fused = METHODS["GSA"](scene.pan, scene.ms, 4, 11)
    assert report["full_resolution"]["indices"] == full_resolution.evaluate(fused, scene.pan, scene.ms, 4, "qb")
    _, said = _call(capsys, folder / "fused.tif", *files, "--border", "16", "--json")
    inner = fused[:, 16:-16, 16:-16], scene.pan[:, 16:-16, 16:-16], scene.ms[:, 4:-4, 4:-4]
    assert json.loads(said.out)["full_resolution"]["indices"] == full_resolution.evaluate(*inner, 4)


def test_a_shift_registers_the_ms(folder, capsys):
    """Measured where it is not given; the image that was fused with it is the better one."""
    made = synthesise(SIZE + 32, seed=3)
    pan, ms = made.pan[:, 18 : 18 + SIZE, 13 : 13 + SIZE], made.ms[:, 4:-4, 4:-4]
    files = _write(folder / "near.tif", pan, folder / "pan.tif"), _write(folder / "near_ms.tif", ms, folder / "ms.tif")
    found = {}
    with bitpan.load(threads=1) as fuser:
        for shift in ((0.0, 0.0), (-2.0, 3.0)):
            path = _write(folder / "near_fused.tif", fuser.fuse(pan, ms, shift=shift), folder / "truth.tif")
            for given in (["--shift", "0,0"], ["--shift", "-2,3"], ["--shift", "auto"], []):
                code, said = _call(capsys, path, "--pan", files[0], "--ms", files[1], *given, "--json")
                part = json.loads(said.out)["full_resolution"]
                assert code == 0 and part["shift"] == ([0, 0] if given == ["--shift", "0,0"] else [-2, 3])
                found[shift, tuple(part["shift"])] = part["indices"]["HQNR"]
            expected = full_resolution.evaluate(fuser.fuse(pan, ms, shift=shift), pan, ms, 4, shift=(-2.0, 3.0))
            assert part["indices"] == expected
    assert found[(-2, 3), (-2, 3)] > max(found[(0, 0), (-2, 3)], found[(0, 0), (0, 0)]) > found[(-2, 3), (0, 0)]


def test_large_files_are_read_a_few_rows_at_a_time(folder, capsys, monkeypatch):
    """Against a truth and without: the figures of the arrays, and nowhere more than strip and margin."""
    random = np.random.default_rng(5)
    fused, truth = random.integers(200, 2000, (2, 4, 1024, 64), np.uint16)
    pan, ms = random.integers(200, 2000, (1, 1024, 64), np.uint16), random.integers(200, 2000, (4, 256, 16), np.uint16)
    images = {"fused": (fused, "truth"), "truth": (truth, "truth"), "pan": (pan, "pan"), "ms": (ms, "ms")}
    for name, (image, like) in images.items():
        _write(folder / f"tall_{name}.tif", image, folder / f"{like}.tif")
    expected = {
        "reduced_resolution": metrics.evaluate(fused, truth, 4, border=21),
        "full_resolution": full_resolution.evaluate(fused, pan, ms, 4),
    }
    monkeypatch.setattr(metrics, "PIXELS", 64 * 64)
    monkeypatch.setattr(unread, "ROWS", 64)
    heights, read = [], RasterFile.read

    def seen(raster, top, left, height, width):
        heights.append(height)
        return read(raster, top, left, height, width)

    monkeypatch.setattr(RasterFile, "read", seen)
    files = [word for name in ("truth", "pan", "ms") for word in (f"--{name}", folder / f"tall_{name}.tif")]
    code, said = _call(capsys, folder / "tall_fused.tif", *files, "--shift", "0,0", "--json")
    report = json.loads(said.out)
    assert code == 0 and 0 < max(heights) <= 64 + 2 * 96
    for part, indices in expected.items():
        assert report[part]["indices"] == pytest.approx(indices, rel=1e-12)


def test_table_is_aligned_and_whole(folder, capsys):
    files = "--truth", folder / "truth.tif", "--pan", folder / "pan.tif", "--ms", folder / "ms.tif"
    code, said = _call(capsys, folder / "fused.tif", *files)
    assert code == 0 and said.err == ""
    rows = [line for line in said.out.splitlines() if len(line) == 32 and not line.startswith("/")]
    names = [row[:12].strip() for row in rows]
    both = ["PSNR dB", "SSIM", "SAM deg", "ERGAS", "SCC", "Q2n"], ["D_lambda", "D_s", "QNR", "D_lambda_K", "HQNR"]
    assert names == ["index", *both[0], "index", *both[1]]
    assert all(float(row[12:24]) >= 0 for row in rows if not row.startswith("index"))


def test_json_is_strict(folder, capsys):
    """Equal images have an infinite PSNR, which JSON cannot say."""

    def refuse(literal):
        raise AssertionError(literal)

    _, said = _call(capsys, folder / "truth.tif", "--truth", folder / "truth.tif", "--json")
    indices = json.loads(said.out, parse_constant=refuse)["reduced_resolution"]["indices"]
    assert indices["PSNR"] is None and indices["SSIM"] == pytest.approx(1)
    _, said = _call(capsys, folder / "truth.tif", "--truth", folder / "truth.tif")
    assert "PSNR dB              inf     inf" in said.out


@pytest.mark.parametrize(
    "given",
    [(), ("--pan", "pan.tif"), ("--ms", "ms.tif"), ("--truth", "truth.tif", "--pan", "pan.tif")],
)
def test_something_to_compare_with(folder, capsys, given, monkeypatch):
    monkeypatch.chdir(folder)
    assert "give --truth GT.tif, or both --pan PAN.tif and --ms MS.tif" in _refused(capsys, "fused.tif", *given)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gone.tif", "--truth", "truth.tif"), "gone.tif: there is no such file"),
        (("fused.tif", "--truth", "gone.tif"), "gone.tif: there is no such file"),
        (("fused.tif", "--truth", "text.tif"), "text.tif: cannot be read as a raster"),
        (("fused.tif", "--truth", "half.tif"), "half.tif: cannot be read as a raster"),
        (("fused.tif", "--truth", "ms.tif"), "ms.tif (4 bands of 32x32 pixels); give the truth of the same bands"),
        (("fused.tif", "--truth", "pan.tif"), "pan.tif (1 band of 128x128 pixels); give the truth"),
        (("fused.tif", "--truth", "truth.tif", "--border", "-1"), "a border is 0 or more pixels, not -1"),
        (("fused.tif", "--truth", "truth.tif", "--border", "60"), "leaves 8 pixels, fewer than the 11 needed"),
        (("ms.tif", "--truth", "ms.tif"), "a border of 21 leaves 0 pixels, fewer than the 11 needed; give a larger"),
        (("fused.tif", "--truth", "truth.tif", "--ratio", "1"), "a ratio is 2 or more PAN pixels per MS pixel, not 1"),
        (("fused.tif", "--pan", "pan.tif", "--ms", "ms.tif", "--ratio", "2"), "--ratio asks for ratio 2: give another"),
        (("fused.tif", "--pan", "ms.tif", "--ms", "pan.tif"), "ms.tif: has 4 bands where the PAN must have 1"),
        (("fused.tif", "--pan", "pan.tif", "--ms", "ms.tif", "--border", "6"), "a multiple of the ratio 4"),
        (("fused.tif", "--pan", "pan.tif", "--ms", "ms.tif", "--border", "52"), "fewer than the 32 needed"),
        (("fused.tif", "--pan", "pan.tif", "--ms", "ms.tif", "--sensor", "wv3"), None),
    ],
)
def test_one_line_for_what_does_not_fit(folder, capsys, monkeypatch, words, said):
    monkeypatch.chdir(folder)
    (folder / "text.tif").write_text("no raster")
    content = (folder / "truth.tif").read_bytes()
    (folder / "half.tif").write_bytes(content[: len(content) // 2])
    if said is None:  # four of eight bands are known, so this one fits
        assert _call(capsys, *words)[0] == 0
    else:
        assert said in _refused(capsys, *words)


def test_a_sensor_of_other_bands(folder, scene, capsys):
    fused = _write(folder / "three.tif", METHODS["GSA"](scene.pan, scene.ms[:3], 4, 11), folder / "truth.tif")
    ms = _write(folder / "ms3.tif", scene.ms[:3], folder / "ms.tif")
    said = _refused(capsys, fused, "--pan", folder / "pan.tif", "--ms", ms, "--sensor", "qb")
    assert "three.tif: sensor 'qb' has 4 bands, the image 3; use 'generic'" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"crs": "EPSG:32632"}, "is in EPSG:32632"),
        ({"transform": rasterio.transform.from_origin(500_003, 5_000_000, 0.5, 0.5)}, "0 pixels below and 6 right"),
        ({"transform": rasterio.transform.from_origin(500_000, 5_000_000, 0.25, 0.25)}, "0.5 x 0.5 pixels"),
    ],
)
def test_another_place(folder, scene, capsys, changes, said):
    moved = _write(folder / "moved.tif", scene.truth, folder / "truth.tif", **changes)
    assert said in _refused(capsys, folder / "fused.tif", "--truth", moved)


def test_another_places_ms(folder, scene, capsys):
    other = rasterio.transform.from_origin(500_000, 5_004_000, 2, 2)
    moved = _write(folder / "moved_ms.tif", scene.ms, folder / "ms.tif", transform=other)
    said = _refused(capsys, folder / "fused.tif", "--pan", folder / "pan.tif", "--ms", moved)
    assert "PAN and MS do not overlap" in said


def test_what_all_three_show_is_judged(folder, scene, capsys):
    """Of a PAN, an MS and a fused image that begin and end elsewhere: by their places, in whole MS pixels."""
    fused = rasterio.open(folder / "fused.tif").read()
    part = _write(
        folder / "part.tif",
        fused[:, 6:110, 3:],
        folder / "truth.tif",
        transform=rasterio.transform.from_origin(500_001.5, 4_999_997, 0.5, 0.5),
    )
    ms = _write(
        folder / "part_ms.tif",
        scene.ms[:, :, :30],
        folder / "ms.tif",
        transform=rasterio.transform.from_origin(500_000, 5_000_000, 2, 2),
    )
    words = ["--pan", folder / "pan.tif", "--ms", ms, "--shift", "0,0", "--json"]
    code, said = _call(capsys, part, *words)
    found = json.loads(said.out)["full_resolution"]["indices"]
    rows, columns = slice(8, 108), slice(4, 120)
    pan, low = scene.pan[:, rows, columns], scene.ms[:, 2:27, 1:30]
    expected = full_resolution.evaluate(fused[:, rows, columns], pan, low, 4)
    assert code == 0 and found == pytest.approx(expected)


def test_files_without_a_place_are_compared(folder, scene, capsys):
    bare = _write(folder / "bare.tif", scene.truth, folder / "truth.tif", crs=None, transform=None)
    assert _call(capsys, folder / "fused.tif", "--truth", bare)[0] == 0


def test_nodata_is_counted_and_refused(folder, capsys):
    """A frame of 16 pixels: seen without a border, gone with one; nothing but nodata is said so."""
    made = synthesise(SIZE, seed=3, border=BORDER)
    frame = folder / "frame"
    write_scene(made, frame)
    files = "--truth", frame / "truth.tif", "--pan", frame / "pan.tif", "--ms", frame / "ms.tif"
    assert _call(capsys, frame / "truth.tif", *files[:2])[0] == 0  # 21 pixels are cut
    missing = SIZE**2 - (SIZE - 2 * BORDER) ** 2
    said = _refused(capsys, frame / "truth.tif", *files)
    assert (
        f"truth.tif: {missing} of {SIZE**2} pixels hold no data (nodata, masked or NaN); crop" in said
        and "--border" in said
    )
    assert _call(capsys, frame / "truth.tif", *files, "--border", BORDER)[0] == 0
    empty = _write(folder / "empty.tif", np.zeros_like(made.truth), folder / "truth.tif", nodata=0)
    assert "empty.tif: no pixel holds data" in _refused(capsys, folder / "fused.tif", "--truth", empty)


@pytest.mark.parametrize(("value", "nodata"), [(np.nan, None), (np.inf, None), (np.nan, np.nan), (-3.4e38, -3.4e38)])
def test_numbers_that_are_none(folder, scene, capsys, value, nodata):
    image = scene.truth.astype(np.float32)
    image[1, 50:52, 60] = image[2, 50, 60] = value
    path = _write(folder / "broken.tif", image, folder / "truth.tif", nodata=nodata)
    said = _refused(capsys, folder / "fused.tif", "--truth", path)
    assert f"broken.tif: 2 of {(SIZE - 42) ** 2} pixels hold no data" in said


def test_reflectances_are_no_counts(folder, scene, capsys):
    """As floating-point counts the same image passes."""
    image = scene.truth.astype(np.float32)
    share = _write(folder / "share.tif", image / 2048, folder / "truth.tif")
    assert "are no counts" in _refused(capsys, folder / "fused.tif", "--truth", share)
    counts = _write(folder / "counts.tif", image, folder / "truth.tif")
    _, said = _call(capsys, folder / "fused.tif", "--truth", counts, "--json")
    _, same = _call(capsys, folder / "fused.tif", "--truth", folder / "truth.tif", "--json")
    assert (
        json.loads(said.out)["reduced_resolution"]["indices"] == json.loads(same.out)["reduced_resolution"]["indices"]
    )


def test_an_empty_band_names_the_file(folder, scene, capsys):
    image = scene.truth.copy()
    image[2] = 0
    dark = _write(folder / "dark.tif", image, folder / "truth.tif")
    assert "fused.tif: ERGAS is not defined" in _refused(capsys, folder / "fused.tif", "--truth", dark)


def test_nothing_is_written(folder, capsys, tmp_path):
    for name in ("fused.tif", "truth.tif"):
        shutil.copy(folder / name, tmp_path)
    _call(capsys, tmp_path / "fused.tif", "--truth", tmp_path / "truth.tif")
    assert {path.name for path in tmp_path.iterdir()} == {"fused.tif", "truth.tif"}
