"""A picture to look at: PAN, MS, fused image, truth and error side by side, in one stretch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitpan.errors import DataError, MissingDependencyError, SceneIOError
from bitpan.files import partial
from bitpan.looking.stretch import Bytes, stretched, value_range
from bitpan.models.imagery.degrade import Float, require_pair

NATURAL = (3, 2, 1)
"""Red, green and blue, counted from 1, among bands ordered blue, green, red, near infrared."""

MARGIN, CAPTION = 8, 18
INK, PAPER = (30, 30, 30), (255, 255, 255)
HEAT = ((0, 0, 0), (90, 15, 110), (215, 60, 70), (250, 165, 40), (252, 255, 190))
"""Colours of the error map, from none to ``largest``."""


def quicklook(
    path: Path,
    pan: npt.ArrayLike,
    ms: npt.ArrayLike,
    fused: npt.ArrayLike,
    truth: npt.ArrayLike | None = None,
    *,
    rgb: Sequence[int] | None = None,
    width: int = 512,
) -> Path:
    """Write a labelled PNG of the middle of a scene.

    Colours share one stretch per band, from the fused image's percentiles, so panels compare; the PAN has its own. The
    error map shows the root mean square over the bands in counts.

    Args:
        path: where to; its folder is made.
        pan, ms: ``(1, H, W)`` and ``(B, H/ratio, W/ratio)``, shown with its own pixels.
        fused, truth: ``(B, H, W)``.
        rgb: bands, from 1, shown as red, green, blue; default ``NATURAL``, of one or two bands the first as grey.
        width: widest panel in pixels; a larger scene is cut to its middle.
    """
    pan, ms, fused = (np.asarray(image, dtype=np.float64) for image in (pan, ms, fused))
    exact = fused if truth is None else np.asarray(truth, dtype=np.float64)
    ratio = pan.shape[-1] // max(ms.shape[-1], 1)
    require_pair(pan, ms, ratio)
    if not fused.shape == exact.shape == (len(ms), *pan.shape[1:]):
        raise DataError(
            f"fused {fused.shape} and truth {exact.shape} are not of {len(ms)} bands on the grid of the PAN"
        )
    shown = {f"MS, 1/{ratio}": ms.repeat(ratio, axis=1).repeat(ratio, axis=2), "fused": fused}
    if truth is not None:
        shown["truth"] = exact
    bands = list(rgb) if rgb is not None else list(NATURAL if len(fused) >= 3 else (1, 1, 1))
    if len(bands) != 3 or not all(0 < band <= len(fused) for band in bands):
        raise DataError(f"bands {bands} cannot be shown of an image with {len(fused)}; name three, from 1")
    bands = [band - 1 for band in bands]
    window = _middle(fused.shape[1:], width, ratio)
    stretch = _range(fused[bands][window])
    grey = pan[window].repeat(3, axis=0)
    panels = [("PAN", stretched(grey, *_range(grey)))]
    panels += [(caption, stretched(image[bands][window], *stretch)) for caption, image in shown.items()]
    if truth is not None:
        error = np.sqrt(((fused - exact) ** 2).mean(axis=0))[window[1:]]
        largest = max(float(np.percentile(error, 99.5)), 1.0)
        panels.append((f"error, RMS, 0 to {largest:.0f} counts", _heat(error / largest)))
    _save(path, panels)
    return path


def _middle(shape: tuple[int, ...], largest: int, ratio: int) -> tuple[slice, slice, slice]:
    """A window in the middle, on whole MS pixels."""
    starts = [max(0, (size - largest) // 2 // ratio * ratio) for size in shape]
    rows, columns = (slice(start, start + largest) for start in starts)
    return slice(None), rows, columns


def _range(image: Float) -> tuple[Float, Float]:
    """Of its pixels that are not nodata (zero)."""
    return value_range(image, (image != 0).any(axis=0))


def _heat(error: Float) -> Bytes:
    place = np.clip(error, 0, 1) * (len(HEAT) - 1)
    channels = [np.interp(place, np.arange(len(HEAT)), channel) for channel in np.array(HEAT).T]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _save(path: Path, panels: list[tuple[str, Bytes]]) -> None:
    """Panels in rows of three, a caption above each; written beside, then renamed."""
    try:
        from PIL import Image, ImageDraw
    except ModuleNotFoundError as error:
        raise MissingDependencyError("a quick-look needs the Python package pillow: pip install pillow") from error

    height, width = panels[0][1].shape[:2]
    cell_height, cell_width = height + CAPTION + MARGIN, width + MARGIN
    rows, columns = -(-len(panels) // 3), 3
    sheet = Image.new("RGB", (columns * cell_width + MARGIN, rows * cell_height + MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    for i, (caption, panel) in enumerate(panels):
        left, top = MARGIN + i % columns * cell_width, MARGIN + i // columns * cell_height
        pen.text((left, top + 2), caption, fill=INK)
        sheet.paste(Image.fromarray(panel), (left, top + CAPTION))
    try:
        with partial(path) as new:
            sheet.save(new, format="PNG")
    except OSError as error:
        raise SceneIOError(f"cannot write {path}: {error}") from error
