"""Products in folders and archives: which of their files are PAN and MS."""

import tarfile
import zipfile

import numpy as np
import pytest

from bitpan.errors import SceneError, SceneIOError
from bitpan.rasters import read_picture
from bitpan.rasters.pair import open_pair, read_whole
from bitpan.rasters.products import product_of

STEM = "LC09_L1TP_199026_20260612_20260612_02_T1"


@pytest.fixture
def folder(tmp_path):
    def make(*files):
        for file in files:
            path = tmp_path / "product" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / "product"

    return make


LANDSAT = [f"{STEM}_B{n}.TIF" for n in range(1, 12)] + [f"{STEM}_QA_PIXEL.TIF", f"{STEM}_MTL.txt"]
PLEIADES = ["IMG_PHR1A_P_001/DIM_PHR1A_P.XML", "IMG_PHR1A_P_001/IMG_R1C1.JP2", "IMG_PHR1A_MS_002/DIM_PHR1A_MS.XML"]
MAXAR = ["0123_P001_PAN/17DEC08-P2AS.TIL", "0123_P001_PAN/17DEC08-P2AS_R1C1.TIF", "0123_P001_MUL/17DEC08-M2AS.TIL"]


@pytest.mark.parametrize(
    ("files", "pan", "ms"),
    [
        (LANDSAT, f"{STEM}_B8.TIF", [f"{STEM}_B{n}.TIF" for n in (2, 3, 4, 5)]),
        (PLEIADES, PLEIADES[0], [PLEIADES[2]]),
        (MAXAR, MAXAR[0], [MAXAR[2]]),
        (["GF2-PAN1.tiff", "GF2-MSS1.tiff", "GF2-PAN1.rpb"], "GF2-PAN1.tiff", ["GF2-MSS1.tiff"]),
        (["A/PAN/image.tif", "A/MUL/image.tif"], "A/PAN/image.tif", ["A/MUL/image.tif"]),
        (["pan project/ms.tif", "others/pan.tif"], "others/pan.tif", ["pan project/ms.tif"]),
        (["17DEC08-P1BS-01.TIF", "17DEC08-M1BS-01.TIF"], "17DEC08-P1BS-01.TIF", ["17DEC08-M1BS-01.TIF"]),
    ],
)
def test_products(folder, files, pan, ms):
    home = folder(*files)
    assert product_of(home, []) == (str(home / pan), [str(home / name) for name in ms])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([file for file in LANDSAT if "_B4" not in file], f"{STEM}_B4.TIF: is missing beside {STEM}_B8.TIF"),
        (["a.tif", "b.tif"], r"no product that is known \(2 files\)"),
        (["a_pan.tif", "a_ms.tif", "b_pan.tif", "b_ms.tif"], "or many with --list"),
        (["expansion.tif", "japan.tif"], "no product that is known"),
    ],
)
def test_what_is_none_is_told(folder, files, said):
    with pytest.raises(SceneError, match=said):
        product_of(folder(*files), [])


def test_what_is_given_is_taken(tmp_path):
    assert product_of("a.tif", ["b.tif", "c.tif"]) == ("a.tif", ["b.tif", "c.tif"])
    with pytest.raises(SceneIOError, match="there is no such file or folder"):
        product_of(tmp_path / "none", [])
    (tmp_path / "one.tif").write_bytes(b"no archive")
    with pytest.raises(SceneError, match="is one raster; give PAN and MS"):
        product_of(tmp_path / "one.tif", [])


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_archives(tmp_path, write_raster, kind):
    values = np.arange(64, dtype=np.uint16).reshape(1, 8, 8)
    path = tmp_path / f"product.{kind}"
    names = [f"{STEM}_B{n}.TIF" for n in (8, 2, 3, 4, 5)]
    files = [write_raster(tmp_path / name, values + n, 1.0) for n, name in enumerate(names)]
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, file.name)
    else:
        with tarfile.open(path, "w:gz" if kind.endswith("gz") else "w") as archive:
            for file in files:
                archive.add(file, f"./{file.name}")
    for file in files:
        file.unlink()
    pan, ms = product_of(path, [])
    np.testing.assert_array_equal(read_picture(pan).image, values)
    np.testing.assert_array_equal(read_picture(ms).image[:, 0, 0], [1, 2, 3, 4])


def test_tiles_of_maxar_are_one_image(maxar):
    folder, pan, ms = maxar
    with open_pair(*product_of(folder, []), 4, count=2) as pair:
        found = read_whole(pair)
        assert len(pair.pan.state) == 6, "the index, the metadata and four tiles are watched"
        assert pair.pan.dataset.tags(ns="IMAGERY")["ACQUISITIONDATETIME"] == "2017-12-08 21:17:58"
    np.testing.assert_array_equal(found.pan, pan)
    np.testing.assert_array_equal(found.ms, ms)
    assert found.shift == (0, 0)
