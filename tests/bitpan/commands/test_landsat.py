"""A Landsat product as it comes, to a fused image: what README.md's line for it does."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from bitpan.cli import main
from bitpan.models.imagery.synth import synthesise

STEM = "LC09_L1TP_199026_20260612_20260612_02_T1"
CORNER = (482985.0, 5608215.0)
SIDE = 160  # MS pixels


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """A Collection-2 folder, and the truth on the PAN's grid, which begins half a PAN pixel inside of the MS's."""
    folder, made = tmp_path_factory.mktemp("landsat") / STEM, synthesise(2 * SIDE, seed=5, ratio=2)
    folder.mkdir()
    fine = 7200 + 9.0 * made.truth
    ms = fine.reshape(4, SIDE, 2, SIDE, 2).mean(axis=(2, 4))
    truth = (fine[:, :-1, :-1] + fine[:, :-1, 1:] + fine[:, 1:, :-1] + fine[:, 1:, 1:]) / 4
    rows, columns = np.mgrid[: 2 * SIDE - 1, : 2 * SIDE - 1]
    collar = (0.2 * columns + rows < 60) | (columns - 0.2 * rows < 30)

    def write(name, image, pixel, inset=0.0):
        values = np.rint(np.where(collar[::pixel, ::pixel], 0, image)).astype(np.uint16)
        place = Affine(15 * pixel, 0, CORNER[0] + inset, 0, -15 * pixel, CORNER[1] - inset)
        profile = {"count": 1, "height": len(values), "width": len(values), "dtype": "uint16", "tiled": True}
        profile |= {"blockxsize": 256, "blockysize": 256, "compress": "deflate", "nodata": 0, "crs": "EPSG:32631"}
        with rasterio.open(folder / f"{STEM}_{name}.TIF", "w", driver="GTiff", transform=place, **profile) as file:
            file.write(values, 1)

    for number, band in zip((2, 3, 4, 5), ms, strict=True):
        write(f"B{number}", band, 2)
    write("B8", truth[:3].mean(axis=0), 1, inset=7.5)
    write("QA_PIXEL", np.full((SIDE, SIDE), 21824), 2)
    (folder / f"{STEM}_MTL.txt").write_text("GROUP = LANDSAT_METADATA_FILE\nEND_GROUP = LANDSAT_METADATA_FILE\nEND\n")
    return folder, truth, collar


@pytest.mark.parametrize("words", [[], ["--shift", "0,0"]])
def test_it_is_fused_to_the_pixel(product, tmp_path, capsys, words):
    """By the geotransforms alone, and with what is measured on top of them."""
    folder, truth, collar = product
    assert main(["fuse", str(folder), "-o", str(tmp_path / "out.tif"), "--threads", "1", *words]) == 0
    said = capsys.readouterr()
    assert "fused with s2bnet-flat-4b2" in said.out and "warning" not in said.err
    with rasterio.open(tmp_path / "out.tif") as file, rasterio.open(folder / f"{STEM}_B8.TIF") as pan:
        assert (file.transform, file.shape, file.crs, file.nodata) == (pan.transform, pan.shape, pan.crs, 0)
        fused, valid = file.read().astype(float), file.dataset_mask() > 0
    assert not (valid & collar).any() and (valid | collar).mean() > 0.99
    inner = np.s_[80:-8, 110:-8]
    assert valid[inner].all()
    errors = {
        (dy, dx): np.sqrt(((np.roll(fused, (dy, dx), (1, 2)) - truth)[(slice(None), *inner)] ** 2).mean())
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    }
    here = errors.pop((0, 0))
    assert here < 0.02 * truth.max() and here < 0.6 * min(errors.values())
