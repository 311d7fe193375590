#!/usr/bin/env bash
# rasterio 1.4.4 with GDAL 3.10.3 of its wheel: a pansharpened VRT with <BitDepth>11</BitDepth> cannot be copied to a GeoTIFF
# that is deflated with PREDICTOR=2; without the element, the same pixels can.
#
# Expected: BitDepth clamps the result to the sensor's counts, as GDAL's pansharpening tutorial says; how the file is
# compressed is another matter, and samples of 16 bits stand next to each other either way.
# Seen: the VRT's bands say NBITS=11 from then on, the copy takes that over and packs samples of 11 bits, which the
# predictor refuses: "PREDICTOR=2 is only supported with 8/16/32/64 bit samples". With NBITS=16 among the copy's options
# it is written, clamped to 2047 all the same.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet rasterio==1.4.4 numpy==2.4.6
cat >"$work/fuse.py" <<'PYTHON'
import sys

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.transform import Affine

folder = sys.argv[1]
rng = np.random.default_rng(0)
for name, side, pixel, bands in (("pan", 64, 1, 1), ("ms", 16, 4, 4)):
    values = rng.integers(0, 2048, (bands, side, side)).astype(np.uint16)
    grid = {"transform": Affine(pixel, 0, 0, 0, -pixel, 0), "crs": "EPSG:32630", "dtype": "uint16"}
    with rasterio.open(f"{folder}/{name}.tif", "w", driver="GTiff", count=bands, height=side, width=side, **grid) as file:
        file.write(values)


def pansharpened(depth):
    source = f"<SourceFilename>{folder}/ms.tif</SourceFilename>"
    spectral = "".join(
        f'<SpectralBand dstBand="{band}">{source}<SourceBand>{band}</SourceBand></SpectralBand>' for band in range(1, 5)
    )
    pan = f"<PanchroBand><SourceFilename>{folder}/pan.tif</SourceFilename><SourceBand>1</SourceBand></PanchroBand>"
    return (
        f'<VRTDataset subClass="VRTPansharpenedDataset"><PansharpeningOptions>{depth}{pan}{spectral}'
        "</PansharpeningOptions></VRTDataset>"
    )


def copied(depth, **options):
    path = f"{folder}/fused.tif"
    with rasterio.open(pansharpened(depth)) as dataset:
        bits = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
        try:
            rasterio.shutil.copy(dataset, path, driver="GTiff", compress="deflate", predictor=2, **options)
        except Exception as error:
            return f"NBITS {bits}: {error}"
    with rasterio.open(path) as fused:
        return f"NBITS {bits}: written, at most {fused.read().max()}"


free, bound = copied(""), copied("<BitDepth>11</BitDepth>")
around = copied("<BitDepth>11</BitDepth>", nbits=16)
print(f"no depth:           {free}\ndepth 11:           {bound}\ndepth 11, NBITS=16: {around}")
as_found = free.startswith("NBITS None: written") and "PREDICTOR=2" in bound and around == "NBITS 11: written, at most 2047"
sys.exit(0 if as_found else 1)
PYTHON
"$work/venv/bin/python" "$work/fuse.py" "$work" || {
    echo "GDAL does otherwise now: this finding is over"
    exit 1
}
echo "as found: a depth that clamps also decides how samples are packed, and with that how they may be compressed"
