"""Every compression keeps every bit; what is none is refused before anything is written."""

import numpy as np
import pytest
import rasterio

from bitpan import cli
from bitpan.errors import SceneIOError
from bitpan.files.compression import DEFAULT, NAMES, creation_options


@pytest.mark.parametrize("name", [*NAMES, "deflate:9", "zstd:1", "zstd:22", "lerc_zstd:3"])
def test_fused_the_same_with_every_compression(small_model, tmp_path, pair, name):
    model, images = tmp_path / "model", pair()
    small_model.save(model)
    found = []
    for compression in (DEFAULT, name):
        output = tmp_path / f"{compression.replace(':', '_')}_fused.tif"
        words = ["fuse", *map(str, images), "-o", str(output), "--model", str(model), "--compress", compression]
        assert cli.main(words) == 0
        with rasterio.open(output) as dataset:
            found.append(dataset.read())
            plain = name.partition(":")[0].upper()
            if compression == name:
                assert (dataset.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION") or "NONE") == plain
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    "name", ["", "zip", "none:1", "lzw:2", "deflate:", "deflate:0", "deflate:10", "zstd:23", "zstd:-1", "zstd:x"]
)
def test_no_such_compression(small_model, tmp_path, pair, name, capsys):
    model, images = tmp_path / "model", pair()
    small_model.save(model)
    with pytest.raises(SceneIOError, match="there is no compression"):
        creation_options(name)
    output = tmp_path / "fused.tif"
    words = ["fuse", *map(str, images), "-o", str(output), "--model", str(model), "--compress", name]
    assert cli.main(words) == 1
    assert "zstd:9" in capsys.readouterr().err
    assert not output.exists()
