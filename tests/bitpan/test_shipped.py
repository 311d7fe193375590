"""Which of the models that come along a pair of files is fused with."""

import numpy as np
import pytest

from bitpan import shipped
from bitpan.errors import SceneError, SceneIOError
from bitpan.shipped import DEFAULT_MODEL, find_model, kind, member, names


@pytest.fixture
def pair(tmp_path, write_raster):
    """Writes a PAN and an MS, ``ratio`` PAN pixels to an MS pixel, without georeference where there are no metres."""

    def write(bands, ratio, metres=0.5, size=48, coarse=None, **of_ms):
        coarse = coarse or round(size / ratio)
        pan, ms = np.ones((1, size, size), np.uint16), np.ones((bands, coarse, coarse), np.uint16)
        write_raster(tmp_path / "ms.tif", ms, metres and metres * ratio, **of_ms)
        return write_raster(tmp_path / "pan.tif", pan, metres), tmp_path / "ms.tif"

    return write


@pytest.fixture
def family(tmp_path, monkeypatch):
    """Models called ``flat`` and so on, empty."""
    for name in ("flat", "flat-8b4", "flat-4b2", "round"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "model.json").touch()
    monkeypatch.setattr(shipped, "PRETRAINED", tmp_path / "models")


@pytest.mark.parametrize(
    ("name", "bands", "ratio", "found"),
    [
        ("flat", 4, 4, "flat"),
        ("flat", 8, 4, "flat-8b4"),
        ("flat", 4, 2, "flat-4b2"),
        ("flat", 8, 2, "flat"),
        ("flat", 3, 4, "flat"),
        ("round", 8, 4, "round"),
        ("flat-8b4", 4, 2, "flat-8b4"),
        ("of/my/own", 8, 4, "of/my/own"),
    ],
)
def test_a_family_has_a_member_for_the_pair(family, pair, name, bands, ratio, found):
    for metres in (0.5, None):
        assert member(name, *pair(bands, ratio, metres)) == found


def test_chosen_bands_count_and_an_alpha_band_does_not(family, pair):
    files = pair(8, 4)
    assert member("flat", *files, (2, 3, 5, 7)) == "flat" and kind(*files, (2, 3, 5)) == (3, 4)
    assert kind(*pair(4, 4, photometric="rgb", alpha="yes")) == (3, 4)


def test_the_ratio_is_that_of_the_geotransforms_even_where_the_extents_differ(pair):
    assert kind(*pair(4, 2, coarse=48)) == (4, 2)
    assert kind(*pair(4, 2, None, size=47, coarse=24)) == (4, 2)
    assert kind(*pair(4, 3)) == (4, 3)
    assert kind(*pair(4, 2.2)) == (4, 2)


def test_a_folder_of_that_name_comes_first(family, pair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "model.json").touch()
    assert member("flat", *pair(8, 4)) == "flat"


def test_files_that_cannot_be_opened(family, pair, tmp_path):
    pan, ms = pair(4, 4)
    with pytest.raises(SceneIOError, match=r"none\.tif"):
        member("flat", pan, tmp_path / "none.tif")
    with pytest.raises(SceneError, match="has no band 5, only 4"):
        member("flat", pan, ms, (1, 5))


def test_the_default_comes_along():
    assert find_model(DEFAULT_MODEL).name == DEFAULT_MODEL in names()
