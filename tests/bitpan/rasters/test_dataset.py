"""What is opened, and what leads elsewhere."""

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from bitpan.errors import SceneIOError
from bitpan.rasters import read_picture
from bitpan.rasters.dataset import VARIABLE, open_dataset, reading, state


def test_a_product_of_tiles_is_opened(maxar):
    folder, pan, _ = maxar
    with open_dataset(folder / "0123_P001_PAN" / "17DEC08-P2AS.TIL") as dataset:
        assert dataset.driver == "TIL" and (dataset.read() == pan).all()


def test_a_product_leads_nowhere_else(maxar, tmp_path):
    folder, *_ = maxar
    index = folder / "0123_P001_PAN" / "17DEC08-P2AS.TIL"
    tile = index.parent / "17DEC08-P2AS_R1C1.TIF"
    tile.rename(tmp_path / "elsewhere.tif")
    index.write_text(index.read_text().replace(tile.name, "../../elsewhere.tif"))
    with pytest.raises(SceneIOError, match=r"leads to .*elsewhere\.tif, outside of its folder"):
        read_picture(index)


def test_a_file_that_is_none_has_no_state(tmp_path):
    (tmp_path / "a").write_text("a")
    assert len(state(tmp_path / "a")) == 3 and state(tmp_path / "b") == []


@pytest.mark.parametrize(("formats", "asked"), [("", False), ("VRT", False), ("HTTP", True), ("VRT,HTTP", True)])
@pytest.mark.parametrize("name", ["a.tif", "https://example.org/a.tif"])
def test_other_machines_are_asked_where_the_name_or_the_user_says_so(monkeypatch, formats, asked, name):
    monkeypatch.setenv(VARIABLE, formats)
    with reading(name, "", ""):
        told = rasterio.env.getenv().get("CPL_VSIL_CURL_ALLOWED_EXTENSIONS")
    assert told == (None if asked or name.startswith("https") else ".none")


@pytest.mark.parametrize("end", [".msk", ".ovr"])
def test_what_lies_beside_is_a_tiff(tmp_path, write_raster, end):
    """Of either order of bytes, large ones too."""
    path = write_raster(tmp_path / "a.tif", np.ones((1, 8, 8), np.uint8), 1.0)
    beside = tmp_path / f"a.tif{end}"
    for options in ({}, {"ENDIANNESS": "BIG"}, {"BIGTIFF": "YES"}, {"BIGTIFF": "YES", "ENDIANNESS": "BIG"}):
        write_raster(beside, np.ones((1, 8, 8), np.uint8), **options)
        open_dataset(path).close()
    for content in (b"", b"II*", b"II*\1", b"<VRTDataset>"):
        beside.write_bytes(content)
        with pytest.raises(SceneIOError, match=rf"a\.tif\{end}: GDAL reads it .* and it is no TIFF; take it away"):
            open_dataset(path)


@pytest.mark.parametrize("dtype", ["complex_int16", "complex64", "complex128"])
def test_complex_numbers_are_refused_and_amplitudes_read(tmp_path, dtype):
    path, amplitudes = tmp_path / "a.tif", tmp_path / "b.tif"
    profile = {"driver": "GTiff", "count": 1, "height": 9, "width": 8, "transform": rasterio.Affine(1, 0, 0, 0, -1, 0)}
    with rasterio.open(path, "w", **profile, dtype=dtype) as file:
        file.write(np.full((1, 9, 8), 3 + 4j, np.complex64))
    with pytest.raises(SceneIOError, match=rf"a\.tif: holds numbers of type {dtype}; .*rio convert") as error:
        open_dataset(path)
    source = str(error.value).split()[-2]
    rasterio.shutil.copy(source, amplitudes, driver="GTiff")
    with open_dataset(amplitudes) as file:
        assert (file.read() == 5).all()


@pytest.mark.parametrize(("dtype", "options", "size"), [("uint16", {}, 80_000), ("uint8", {"NBITS": 4}, 20_000)])
def test_what_is_not_compressed_is_in_the_file(tmp_path, write_raster, dtype, options, size):
    """To the byte: all that it says is there, and a file too short for it is not believed."""
    path = write_raster(tmp_path / "a.tif", np.ones((1, 200, 200), dtype), 1.0, **options)
    open_dataset(path).close()
    with path.open("r+b") as file:
        file.truncate(size)
    open_dataset(path).close()
    with path.open("r+b") as file:
        file.truncate(size - 1)
    with pytest.raises(SceneIOError, match=f"says that it holds {size:,} bytes, but only {size - 1:,} are there"):
        open_dataset(path)


def test_a_block_that_memory_does_not_hold(tmp_path, write_raster, monkeypatch):
    path = write_raster(tmp_path / "a.tif", np.ones((3, 32, 48), np.uint16), 1.0, compress="deflate", blockysize=32)
    monkeypatch.setenv("BITPAN_MEMORY", "1e-6")
    with pytest.raises(SceneIOError, match=f"a block of it says that it holds {2 * 3 * 32 * 48:,} bytes"):
        open_dataset(path)
