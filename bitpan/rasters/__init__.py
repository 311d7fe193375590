"""Rasters as people have them: files, several of them as one image, products, pairs of one place."""

from bitpan.rasters.georeference import relative_transform
from bitpan.rasters.raster import Picture, RasterFile, block_cache, open_picture, read_picture
from bitpan.rasters.validity import Mask
from bitpan.rasters.write import BLOCK, create_raster, new_raster, writing

__all__ = [
    "BLOCK",
    "Mask",
    "Picture",
    "RasterFile",
    "block_cache",
    "create_raster",
    "new_raster",
    "open_picture",
    "read_picture",
    "relative_transform",
    "writing",
]
