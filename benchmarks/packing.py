"""What the driver's copies cost beside what they replace, and beside a copy that changes nothing.

    python benchmarks/packing.py

Frames of the width that strips have, 4 and 8 bands: a fused image out of the DMA's buffer, bands side by side, into
planes, and the MS, a sixteenth of the pixels, into such a buffer. The ways of a direction are timed in turn, the best
of many; GB/s of the image's bytes, read once and written once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from bitpan.host.device.planes import Kept, Words, deal, interleave

HEIGHTS, WIDTH, BANDS, TURNS = (280, 2072, 8216), 496, (4, 8), 40
"""Rows of strips with their halo; the tallest is about the largest frame that is sent to a board."""


def best(ways: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of each, in turn."""
    found = dict.fromkeys(ways, float("inf"))
    for _ in range(TURNS):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            found[name] = min(found[name], time.perf_counter() - began)
    return found


def unpacking(image: Words) -> dict[str, Callable[[], object]]:
    """Out of the buffer."""
    kept, shape = Kept(), (image.shape[-1], *image.shape[:-1])
    return {
        "moveaxis": lambda: np.ascontiguousarray(np.moveaxis(image, -1, 0)),
        "driver": lambda: deal(image, kept.empty(shape)),
        "copy": lambda: np.copyto(kept.empty(image.shape), image),
    }


def packing(image: Words) -> dict[str, Callable[[], object]]:
    """Into a buffer, of what a scene gives."""
    planes = np.ascontiguousarray(np.moveaxis(image, -1, 0)).astype(np.int64)

    def moved() -> None:
        image[:] = np.moveaxis(planes, 0, -1)

    return {
        "moveaxis": moved,
        "driver": lambda: interleave(planes, image),
        "copy": lambda: np.copyto(image.reshape(planes.shape), planes, casting="unsafe"),
    }


def main() -> None:
    """A line for each direction and size."""
    for bands in BANDS:
        for height in HEIGHTS:
            words: npt.NDArray[np.int64] = np.random.default_rng(0).integers(0, 2048, (height, WIDTH, bands))
            image = words.astype(np.uint16)
            ms = np.ascontiguousarray(image[::4, ::4])
            for name, size, ways in (("unpack", image.nbytes, unpacking(image)), ("pack", ms.nbytes, packing(ms))):
                seconds = best(ways)
                rates = ", ".join(f"{way} {size / took / 1e9:.2f} GB/s" for way, took in seconds.items())
                ratio = f"{seconds['moveaxis'] / seconds['driver']:.2f} x moveaxis"
                print(f"{name:6} {size / 1e6:5.1f} MB, {bands} bands: {rates}; {ratio}", flush=True)


if __name__ == "__main__":
    main()
