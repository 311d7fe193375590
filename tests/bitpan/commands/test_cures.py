"""What errors and warnings advise, done on the very input that provokes them."""

import re

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.warp import Resampling, calculate_default_transform, reproject

from bitpan.cli import main
from bitpan.models.imagery.synth import synthesise

PLACE = (500000.0, 5600000.0)
UTM = "EPSG:32631"


@pytest.fixture(scope="module")
def made():
    return synthesise(192, seed=11)


@pytest.fixture
def scene(tmp_path, write_raster, made):
    """``scene(pan=, ms=, of_ms={...})`` writes a pair of these values, by default the synthetic one's; a fused file."""

    def write(pan=made.pan, ms=made.ms, pixel=4.0, of_pan=(), of_ms=()):
        own = {"origin": PLACE, "crs": UTM}
        write_raster(tmp_path / "pan.tif", pan, 1.0, **own, **dict(of_pan))
        write_raster(tmp_path / "ms.tif", ms, pixel, **(own | dict(of_ms)))

    return write


@pytest.fixture
def fuse(tmp_path, capsys, monkeypatch):
    """``fuse(*words)``: exit code and what was said; words that are missing are the pair."""
    monkeypatch.chdir(tmp_path)

    def run(*words, pan="pan.tif", ms=("ms.tif",)):
        out = tmp_path / "out.tif"
        code = main(["fuse", pan, *ms, "-o", str(out), "--restart", "--shift", "0,0", "--threads", "1", *words])
        said = capsys.readouterr().err
        return code, " ".join(line for line in said.splitlines() if "warning:" in line or "bitpan fuse:" in line)

    return run


def psnr(tmp_path, made):
    with rasterio.open(tmp_path / "out.tif") as file:
        image = file.read().astype(float)
    truth = made.truth[:, : image.shape[1], : image.shape[2]]
    return 20 * np.log10(truth.max() / np.sqrt(((image - truth) ** 2).mean()))


def test_a_pan_of_several_equal_bands(scene, fuse, made):
    scene(pan=made.pan.repeat(4, 0))
    code, said = fuse()
    assert code == 1 and "choose one, as in FILE,band=1" in said
    assert fuse(pan="pan.tif,band=1") == (0, "")


def test_five_bands_for_a_model_of_four(scene, fuse, made):
    scene(ms=made.ms[[0, 0, 1, 2, 3]])
    code, said = fuse("--model", "s2bnet")
    assert code == 1 and "choose with --bands" in said
    assert fuse("--model", "s2bnet", "--bands", "2,3,4,5") == (0, "")


def test_another_crs(scene, fuse, made, tmp_path):
    scene()
    with rasterio.open(tmp_path / "ms.tif") as file:
        grid, width, height = calculate_default_transform(file.crs, "EPSG:32632", *file.shape[::-1], *file.bounds)
        warped = np.zeros((4, height, width), np.uint16)
        reproject(
            file.read(), warped, src_transform=file.transform, src_crs=file.crs, dst_transform=grid,
            dst_crs="EPSG:32632", resampling=Resampling.cubic,
        )  # fmt: skip
    profile = {"count": 4, "height": height, "width": width, "dtype": "uint16", "crs": "EPSG:32632", "transform": grid}
    with rasterio.open(tmp_path / "ms.tif", "w", driver="GTiff", nodata=0, **profile) as file:
        file.write(warped)
    code, said = fuse()
    assert code == 1 and "resample the MS (--align warp)" in said
    assert fuse("--align", "warp")[0] == 0
    inside = np.s_[:, 16:-16, 16:-16]
    with rasterio.open(tmp_path / "out.tif") as file:
        fused = file.read()
    assert np.abs(fused[inside] - made.truth[inside].astype(float)).mean() < 0.08 * made.truth.mean()


def test_a_ratio_that_no_model_has(scene, fuse, made, tmp_path, write_raster):
    """2.75, as of ZY-3: resampled to 4, or to 2 by the model for that."""
    scene(pixel=2.75)
    code, said = fuse()
    assert code == 1 and "an MS pixel is 2.75 PAN pixels wide" in said and "(--align warp)" in said
    for model in ("s2bnet-flat", "s2bnet-flat-4b2"):
        assert fuse("--align", "warp", "--model", model)[0] == 0
        with rasterio.open(tmp_path / "out.tif") as file:
            assert file.shape == (192, 192) and file.read(1)[:120, :120].all()


def test_wrong_geotransforms(scene, fuse, made, tmp_path):
    scene(pixel=5.0)
    code, said = fuse()
    assert code == 1 and "--align corners" in said
    assert fuse("--align", "corners") == (0, "") and psnr(tmp_path, made) > 28


def test_a_wrong_crs(scene, fuse, made, tmp_path):
    scene(of_ms={"crs": "EPSG:32632"})
    code, said = fuse()
    assert code == 1 and "if one CRS is wrong, --align corners" in said
    assert fuse("--align", "corners") == (0, "") and psnr(tmp_path, made) > 28


def test_a_rotated_grid(scene, fuse, made, tmp_path):
    scene()
    with rasterio.open(tmp_path / "ms.tif", "r+") as file:
        file.transform = file.transform @ type(file.transform).rotation(2)
    code, said = fuse()
    assert code == 1 and "resample it (--align warp)" in said
    assert fuse("--align", "warp")[0] == 0


@pytest.mark.parametrize("where", [np.s_[0, 0, 0], np.s_[:, :16]])
def test_nodata_that_nobody_declared_among_real_numbers(scene, fuse, made, where):
    values = made.ms / 2000
    values[where] = -3.4e38
    scene(ms=values.astype(np.float32))
    code, said = fuse()
    assert code == 1
    (value,) = re.findall(r"--nodata (\S+)\)", said)
    assert fuse("--nodata", value) == (0, "")


@pytest.mark.parametrize(("fill", "dtype"), [(0, np.uint16), (-9999, np.int16), (-32768, np.int16)])
def test_fill_that_nobody_declared(scene, fuse, made, tmp_path, fill, dtype):
    pan, ms = made.pan.astype(dtype), made.ms.astype(dtype)
    pan[:, :64], ms[:, :, :16] = fill, fill
    scene(pan, ms)
    code, said = fuse()
    assert code == 0 and said.count(f"say what it is with --nodata {fill} or --nodata none") == 2
    assert fuse("--nodata", "none")[0] == 0
    for words in (("--nodata", f"{fill}"), ("--nodata", f"{fill},{fill}")):
        assert fuse(*words) == (0, "")
        with rasterio.open(tmp_path / "out.tif") as file:
            valid = file.dataset_mask() > 0
            error = (file.read() - made.truth.astype(float))[:, 72:, 72:]
        assert not valid[:64].any() and not valid[:, :64].any() and valid[72:, 72:].all()
        assert np.sqrt((error**2).mean()) < 0.04 * made.truth.max()


def test_bands_in_another_order(scene, fuse, made, tmp_path):
    names = ["red", "green", "blue", "near infrared"]
    scene(ms=made.ms[[2, 1, 0, 3]], of_ms={"descriptions": names})
    code, said = fuse("--bands", "1,2,3,4")
    assert code == 0 and "band 1 says red where the network takes blue; choose blue, green, red, nir" in said
    asked = (fuse("--bands", "3,2,1,4"), psnr(tmp_path, made))
    assert asked[0] == (0, "") and asked[1] > 28
    assert (fuse(), psnr(tmp_path, made)) == asked, "taken so without being asked"


def test_an_archive_and_a_vrt(scene, fuse, made, tmp_path, monkeypatch):
    import tarfile

    scene()
    with tarfile.open("both.tar", "w") as file:
        for name in ("pan.tif", "ms.tif"):
            file.add(name)
    code, said = fuse(pan="both.tar", ms=["both.tar"])
    (member,) = re.findall(r"as in (\S+)/MS\.tif", said)
    assert code == 1 and fuse(pan=f"{member}/pan.tif", ms=[f"{member}/ms.tif"]) == (0, "")
    rasterio.shutil.copy("ms.tif", "ms.vrt", driver="VRT")
    code, said = fuse(ms=["ms.vrt"])
    name, value = re.findall(r"as in (\S+)=(\S+)", said)[0]
    monkeypatch.setenv(name, value)
    assert code == 1 and fuse(ms=["ms.vrt"]) == (0, "")


def test_files_in_the_wrong_order(scene, fuse):
    scene()
    code, said = fuse("--model", "s2bnet", pan="ms.tif,band=1", ms=["pan.tif"])
    assert code == 1 and "in the order PAN MS" in said and fuse() == (0, "")
