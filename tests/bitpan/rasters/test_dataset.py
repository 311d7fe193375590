"""What is opened, and what leads elsewhere."""

import pytest

from bitpan.errors import SceneIOError
from bitpan.rasters import read_picture
from bitpan.rasters.dataset import open_dataset, state


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
