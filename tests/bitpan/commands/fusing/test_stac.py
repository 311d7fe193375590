"""The STAC item of a fused image: valid, and the image is found and read by it."""

import json
from datetime import datetime, timezone
from itertools import pairwise

import numpy as np
import pytest
import rasterio

from bitpan import cli
from bitpan.commands.fusing.stac import moment

pystac = pytest.importorskip("pystac", reason="pystac is not installed")


@pytest.fixture
def item(small_folder, tmp_path, pair):
    """``item(*options, **of_files)``: exit code and what the item holds."""

    def make(*options, acquired="2026-05-01T10:30:00Z", taken=None, **of_files):
        pan, ms = pair(height=64, width=80, **of_files)
        if taken:
            with rasterio.open(pan, "r+") as dataset:
                dataset.update_tags(ns="IMAGERY", ACQUISITIONDATETIME=taken)
        own = ("--acquired", acquired) if acquired else ()
        words = "fuse", pan, ms, "-o", tmp_path / "OUT.tif", "--model", small_folder, "--stac", tmp_path / "item.json"
        code = cli.main([str(word) for word in (*words, *own, *options)])
        path = tmp_path / "item.json"
        return code, json.loads(path.read_text()) if path.exists() else None

    return make


def test_it_is_valid_and_complete(item, tmp_path):
    code, found = item("--quicklook", tmp_path / "look.html", nodata=0)
    assert code == 0
    pystac.validation.validate_dict(found, extensions=[])  # of which the schemas are on the network
    assert found["properties"] | {"processing:software": 0} == {
        "datetime": "2026-05-01T10:30:00Z",
        "processing:software": 0,
        "processing:lineage": "pan-sharpened by model random from PAN.tif and MS.tif",
        "proj:code": "EPSG:32630",
        "proj:shape": [64, 80],
        "proj:transform": [1.0, 0.0, 600000.0, 0.0, -1.0, 4700000.0],
        "gsd": 1.0,
    }
    assert {name: asset["href"] for name, asset in found["assets"].items()} == {
        "fused": "./OUT.tif",
        "scene-parameters": "./OUT.scene.json",
        "look.html": "./look.html",
    }
    assert found["assets"]["fused"]["bands"] == [
        {"name": "blue", "data_type": "uint16", "nodata": 0, "eo:common_name": "blue"},
        {"name": "near infrared", "data_type": "uint16", "nodata": 0, "eo:common_name": "nir"},
    ]
    assert all((tmp_path / asset["href"]).is_file() for asset in found["assets"].values())


def test_its_footprint_is_the_images(item, tmp_path):
    """Against the clock, as GeoJSON wants it, and within the bounds that rasterio finds."""
    _, found = item()
    (ring,) = found["geometry"]["coordinates"]
    assert ring[0] == ring[-1] and len(ring) == 17
    area = sum(x * other_y - other_x * y for (x, y), (other_x, other_y) in pairwise(ring))
    assert area > 0
    with rasterio.open(tmp_path / "OUT.tif") as dataset:
        bounds = rasterio.warp.transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
    np.testing.assert_allclose(found["bbox"], bounds, atol=1e-7)


def test_odc_stac_loads_it(item, tmp_path):
    stac = pytest.importorskip("odc.stac", reason="odc-stac is not installed")
    item()
    image = stac.load([pystac.Item.from_file(str(tmp_path / "item.json"))])
    with rasterio.open(tmp_path / "OUT.tif") as dataset:
        for number in dataset.indexes:
            np.testing.assert_array_equal(image[f"fused.{number}"].values[0], dataset.read(number))


def test_without_georeference_there_is_no_footprint(item):
    code, found = item(pixel=None)
    assert code == 0 and found["geometry"] is None and "bbox" not in found
    pystac.validation.validate_dict(found, extensions=[])


def test_when_it_was_taken_is_what_the_pan_says(item, tmp_path, capsys):
    code, found = item(acquired=None)
    assert code == 1 and found is None and not (tmp_path / "OUT.tif").exists()
    assert "PAN.tif: does not say when it was taken" in capsys.readouterr().err
    assert item(acquired=None, taken="2024-02-29 10:11:12")[1]["properties"]["datetime"] == "2024-02-29T10:11:12Z"
    assert item(taken="2024-02-29")[1]["properties"]["datetime"] == "2026-05-01T10:30:00Z"
    assert item(acquired=None, taken="some day")[0] == 1


@pytest.mark.parametrize(
    ("text", "hour"), [("2026-05-01T10:30:00Z", 10), ("2026-05-01 10:30", 10), ("2026-05-01T10:30:00.500+02:00", 8)]
)
def test_moments(text, hour):
    found = moment(text).astimezone(timezone.utc)
    assert found.replace(microsecond=0) == datetime(2026, 5, 1, hour, 30, tzinfo=timezone.utc)


def test_a_place_that_is_none_is_refused_first(tmp_path, capsys):
    assert cli.main(["fuse", "p.tif", "m.tif", "-o", "OUT.tif", "--stac", str(tmp_path / "none" / "x.json")]) == 1
    assert "a STAC item is a .json file in a folder that exists" in capsys.readouterr().err
