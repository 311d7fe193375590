"""One classical way from two GeoTIFFs to one, for `peers.py`.

    python benchmarks/peers_written.py PAN.tif MS.tif FUSED.tif METHOD

GDAL's weighted Brovey runs through rasterio as `gdal_pansharpen` would: a pansharpened VRT, copied block by block on
all cores into a tiled GeoTIFF with the options that `bitpan fuse` has. GSA is computed in memory, at once.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import rasterio
import rasterio.shutil

from bitpan.rasters import BLOCK

WEIGHTS = 0.25
"""Of each of four bands."""

DEFLATE = {"compress": "deflate", "zlevel": 1, "predictor": 2}


def brovey(pan: Path, ms: Path, fused: Path, **options: object) -> None:
    """Weighted Brovey by GDAL."""
    with rasterio.open(ms) as dataset:
        bands = range(1, dataset.count + 1)
    weights = ",".join([str(WEIGHTS)] * len(bands))
    spectral = "".join(
        f'<SpectralBand dstBand="{band}"><SourceFilename>{ms}</SourceFilename><SourceBand>{band}</SourceBand>'
        "</SpectralBand>"
        for band in bands
    )
    described = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{b}" subClass="VRTPansharpenedRasterBand"/>' for b in bands
    )
    vrt = (
        f'<VRTDataset subClass="VRTPansharpenedDataset">{described}<PansharpeningOptions>'
        f"<AlgorithmOptions><Weights>{weights}</Weights></AlgorithmOptions><Resampling>Cubic</Resampling>"
        f"<NumThreads>ALL_CPUS</NumThreads>"
        f"<PanchroBand><SourceFilename>{pan}</SourceFilename><SourceBand>1</SourceBand></PanchroBand>{spectral}"
        "</PansharpeningOptions></VRTDataset>"
    )
    tiled = {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "interleave": "pixel"}
    with rasterio.open(vrt) as dataset:
        rasterio.shutil.copy(dataset, fused, driver="GTiff", **tiled, **options)


def gsa(pan: Path, ms: Path, fused: Path) -> None:
    """Bitpan's own GSA, of the whole image."""
    from bitpan.models.quality.classical import METHODS

    with rasterio.open(pan) as fine, rasterio.open(ms) as coarse:
        image = METHODS["GSA"](fine.read(), coarse.read(), 4, 11)
        profile = {**fine.profile, **DEFLATE, "count": len(image), "dtype": "uint16", "interleave": "pixel"}
    with rasterio.open(fused, "w", **profile) as dataset:
        dataset.write(image.astype("uint16"))


WRITERS = {
    "Brovey, GDAL": partial(brovey, **DEFLATE),
    "Brovey, GDAL, zstd": partial(brovey, compress="zstd", zstd_level=1, predictor=2),
    "Brovey, GDAL, not compressed": brovey,
    "GSA": gsa,
}


def main() -> None:
    """Write it."""
    *paths, method = sys.argv[1:]
    WRITERS[method](*map(Path, paths))


if __name__ == "__main__":
    main()
