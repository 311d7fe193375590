"""Bands by what files say of them."""

import warnings
from contextlib import closing, suppress
from itertools import pairwise

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp as C

from bitpan.errors import BandWarning, SceneError
from bitpan.rasters import RasterFile
from bitpan.rasters.meaning import CENTRES, ORDERS, in_order, meanings, named
from bitpan.rasters.pair import Handling, open_pair


@pytest.fixture
def ms(tmp_path, write_raster):
    """A file whose bands say this of themselves, by descriptions, colours or tags."""

    def make(descriptions=None, colours=None, dtype=np.uint16, **tags):
        count = len(descriptions or colours or next(iter(tags.values())))
        path = write_raster(tmp_path / "ms.tif", np.ones((count, 8, 8), dtype), 1.0, descriptions=descriptions or ())
        with rasterio.open(path, "r+") as file:
            if colours:
                file.colorinterp = colours
            for key, values in tags.items():
                for number, value in enumerate(values, 1):
                    file.update_tags(number, **{key: value})
        return path

    return make


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"descriptions": ["B2 red", "B1 green", "B0 blue", "B3 nir"]}, ["red", "green", "blue", "nir"]),
        ({"descriptions": ["R", "G", "B", "N"]}, ["red", "green", "blue", "nir"]),
        ({"descriptions": ["Red Edge", "Near-Infrared 2", "NIR1", "Coastal"]}, ["rededge", "nir2", "nir", "coastal"]),
        ({"descriptions": ["infrared camera", "redundant", "evergreen", "B8"]}, [None] * 4),
        ({"colours": [C.blue, C.green, C.red, C.undefined]}, ["blue", "green", "red", None]),
        ({"colours": [C.red, C.green, C.blue, C.undefined], "dtype": np.uint8}, [None] * 4),
        ({"colours": [C.red, C.green, C.blue], "dtype": np.uint8}, [None] * 3),
        ({"colours": [C.red, C.green], "dtype": np.uint8}, ["red", "green"]),
        ({"WAVELENGTH": ["478", "546.0 nm", "659", "831"]}, ["blue", "green", "red", "nir"]),
        ({"CENTRAL_WAVELENGTH_UM": [" 0.455", "0.4549", "0.52 um", "1.05"]}, ["blue", "coastal", "green", None]),
        ({"CENTRAL_WAVELENGTH_UM": ["0.425", "0.605", "0.725", "2.2"]}, ["coastal", "yellow", "rededge", None]),
    ],
)
def test_what_files_say(ms, said, found):
    with closing(RasterFile(ms(**said))) as raster:
        assert meanings(raster) == found


@pytest.mark.parametrize(
    ("said", "bands"),
    [
        ({"descriptions": ["red", "green", "blue", "nir"]}, (3, 2, 1, 4)),
        ({"descriptions": list(ORDERS[8])}, (2, 3, 5, 7)),
        ({"colours": [C.red, C.green, C.blue, C.undefined]}, (3, 2, 1, 4)),
        ({"descriptions": ["blue", "green", "red", "nir"]}, None),
        ({"descriptions": ["a", "b", "c", "d"]}, None),
    ],
)
def test_the_networks_order_is_taken(ms, said, bands):
    with warnings.catch_warnings(), closing(RasterFile(ms(**said))) as raster:
        warnings.simplefilter("error", BandWarning)
        assert in_order(raster, 4, asked=False) == bands


def test_what_is_asked_for_is_done_and_a_contradiction_told(ms):
    path, said = ms(["red", "green", "blue", "nir"]), "band 1 says red where the network takes blue; choose blue, green"
    with closing(RasterFile(path, (1, 2, 3, 4))) as raster, pytest.warns(BandWarning, match=said):
        assert in_order(raster, 4, asked=True) is None
    with closing(RasterFile(path, (3, 2, 1, 4))) as raster, warnings.catch_warnings():
        warnings.simplefilter("error", BandWarning)
        assert in_order(raster, 4, asked=True) is None


def test_a_band_that_is_not_there_is_told(ms):
    with (
        closing(RasterFile(ms(["red", "green", "blue", "red edge", "yellow"]))) as raster,
        pytest.raises(SceneError, match=r"none of them nir, which a network of 4 bands takes"),
    ):
        in_order(raster, 4, asked=False)


def test_a_choice_is_said():
    assert named((3, 2, 1, 4)) == "MS bands 3,2,1,4 are taken: blue, green, red, nir, as the file says"


@pytest.mark.parametrize("name", CENTRES)
def test_wavelengths_from_and_below(ms, name):
    low, high = CENTRES[name]
    with closing(RasterFile(ms(WAVELENGTH=[str(low), str(high - 0.5), str(low - 0.5), str(high)]))) as raster:
        first, last, before, after = meanings(raster)
    assert first == last == name and name not in (before, after)


def test_the_names_meet():
    edges = [*CENTRES.values()]
    assert all(low[1] == high[0] for low, high in pairwise(edges)) and (edges[0][0], edges[-1][1]) == (400, 1050)


@pytest.mark.parametrize(("count", "order"), [(3, (3, 2, 1)), (5, None)])
def test_networks_of_other_numbers_of_bands(ms, count, order):
    with closing(RasterFile(ms(["red", "green", "blue", "nir", "yellow"]))) as raster:
        assert in_order(raster, count, asked=False) == order


def test_a_contradiction_is_told_where_the_caller_stands(files, ms):
    pan, _ = files()
    path = ms(["red", "green", "blue", "nir"])
    handling = Handling((1, 2, 3, 4), align="corners")
    with pytest.warns(BandWarning) as told, suppress(SceneError), open_pair(pan, path, 4, handling):
        pass
    assert told[0].filename == __file__
