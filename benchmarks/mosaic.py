"""What tiles of one scene differ by at their seams, each with its own scene parameters, and with those of all.

    python benchmarks/mosaic.py

A synthetic scene of 2,048 PAN pixels a side is cut into 16 tiles, which are fused by ``bitpan fuse --list``. What is
told is how far the pixels are from the scene fused whole, in counts: on average, and over the tiles' means at most.
Beside the seams, where the tiles' edges are extended by their last pixels, the margin is left out.
"""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.windows import Window

from bitpan import cli

SIDE, TILES, MARGIN = 2048, 4, 24


def main() -> None:
    """Print a line for each way."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run("synth", "-o", folder, "--size", f"{SIDE}x{SIDE}", "--seed", 3)
        cut(folder)
        run("fuse", folder / "pan.tif", folder / "ms.tif", "-o", folder / "whole.tif")
        run("fuse", "--list", folder / "tiles", "-o", folder / "own")
        run("fuse", "--list", folder / "tiles", "-o", folder / "shared", "--one-scene")
        print(f"\n{TILES * TILES} tiles of {SIDE // TILES} x {SIDE // TILES}, counts from the scene fused whole")
        for title, outputs in (("each its own parameters", "own"), ("--one-scene", "shared")):
            errors, means = differences(folder / "whole.tif", folder / outputs)
            print(f"{title:24} mean {errors:.3f}, a tile's mean colour up to {means:.3f}")


def run(*words: object) -> None:
    """A command of bitpan."""
    if cli.main([str(word) for word in words]):
        raise SystemExit(f"failed: {words}")


def cut(folder: Path) -> None:
    """The pair into tiles, ``tiles/ROW_COLUMN_pan.tif`` and ``_ms.tif``."""
    (folder / "tiles").mkdir()
    for kind, pixel in (("pan", 1), ("ms", 4)):
        with rasterio.open(folder / f"{kind}.tif") as whole:
            side = SIDE // TILES // pixel
            for row, column in product(range(TILES), repeat=2):
                window = Window(column * side, row * side, side, side)
                place = {"height": side, "width": side, "transform": whole.window_transform(window)}
                profile = {**whole.profile, **place}
                with rasterio.open(folder / "tiles" / f"{row}_{column}_{kind}.tif", "w", **profile) as tile:
                    tile.write(whole.read(window=window))


def differences(whole: Path, tiles: Path) -> tuple[float, float]:
    """Mean size of the difference, and the largest one of a tile's band's means."""
    side, inner = SIDE // TILES, np.s_[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    found: list[npt.NDArray[np.float64]] = []
    with rasterio.open(whole) as expected:
        for row, column in product(range(TILES), repeat=2):
            with rasterio.open(tiles / f"{row}_{column}.tif") as tile:
                here = expected.read(window=Window(column * side, row * side, side, side))
                found.append(tile.read()[inner].astype(np.float64) - here[inner])
    return float(np.abs(found).mean()), float(np.abs(np.mean(found, axis=(2, 3))).max())


if __name__ == "__main__":
    main()
