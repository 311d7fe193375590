"""A pair of files, written where a test wants it, and a product of tiles."""

import numpy as np
import pytest

from places import COARSE, FINE, PLACE, UTM


@pytest.fixture
def files(tmp_path, write_raster):
    def make(crs=UTM, place=PLACE, pixel=4.0, pan_pixel=1.0):
        pan = write_raster(tmp_path / "pan.tif", FINE, pan_pixel, origin=PLACE, crs=UTM)
        return pan, write_raster(tmp_path / "ms.tif", COARSE, pixel, origin=place, crs=crs)

    return make


TILE = """BEGIN_GROUP = TILE_{n}
\tfilename = "{file}";
\tULColOffset = {left};\n\tULRowOffset = {top};\n\tURColOffset = {right};\n\tURRowOffset = {top};
\tLRColOffset = {right};\n\tLRRowOffset = {bottom};\n\tLLColOffset = {left};\n\tLLRowOffset = {bottom};
END_GROUP = TILE_{n}
"""
IMD = """version = "28.3";
numRows = {side};\nnumColumns = {side};\nbandId = "{band}";\nbitsPerPixel = 16;
BEGIN_GROUP = IMAGE_1
\tsatId = "WV02";\n\tfirstLineTime = 2017-12-08T21:17:58.000000Z;\n\tcloudCover = 0.0;
END_GROUP = IMAGE_1
BEGIN_GROUP = MAP_PROJECTED_PRODUCT
\tearliestAcqTime = 2017-12-08T21:17:58.000000Z;\n\tULX = {x};\n\tULY = {y};\n\tULH = 0;
\tcolSpacing = {pixel};\n\trowSpacing = {pixel};\n\tproductUnits = "M";
END_GROUP = MAP_PROJECTED_PRODUCT
END;
"""


@pytest.fixture
def maxar(tmp_path, write_raster):
    """A product of four tiles each; its PAN and MS."""

    def deliver(folder, kind, band, values, pixel):
        home, side = tmp_path / "product" / folder, values.shape[1]
        home.mkdir(parents=True)
        text = f'bandId = "{band}";\nnumTiles = 4;\ntileSizeX = {side // 2};\ntileSizeY = {side // 2};\n'
        for n in range(4):
            top, left = n // 2 * side // 2, n % 2 * side // 2
            part = values[:, top : top + side // 2, left : left + side // 2]
            file = f"17DEC08-{kind}_R{n // 2 + 1}C{n % 2 + 1}.TIF"
            place = PLACE[0] + left * pixel, PLACE[1] - top * pixel
            write_raster(home / file, part, pixel, origin=place, crs="EPSG:32631")
            ends = {"bottom": top + side // 2 - 1, "right": left + side // 2 - 1}
            text += TILE.format(n=n + 1, file=file, top=top, left=left, **ends)
        (home / f"17DEC08-{kind}.TIL").write_text(text + "END;\n")
        corner = {"x": PLACE[0] + pixel / 2, "y": PLACE[1] - pixel / 2}
        (home / f"17DEC08-{kind}.IMD").write_text(IMD.format(side=side, band=band, pixel=pixel, **corner))

    pan = np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64)
    ms = np.arange(2 * 256, dtype=np.uint16).reshape(2, 16, 16)
    deliver("0123_P001_PAN", "P2AS", "P", pan, 0.5)
    deliver("0123_P001_MUL", "M2AS", "Multi", ms, 2.0)
    return tmp_path / "product", pan, ms
