"""``bitpan fuse --report``: how well a scene went, judged without a truth on sample tiles at full resolution.

The tiles are those of :func:`bitpan.host.scene.tiles.sample_tiles`, so that a scene of any size takes the same seconds;
tiles with pixels without data are left out. GSA and MTF-GLP fuse the same tiles for comparison.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import GeoreferenceWarning, OutputError, QualityWarning
from bitpan.files import write_beside
from bitpan.host.fuser import PARAMETERS
from bitpan.host.scene.calibration import Calibration, load_calibration
from bitpan.host.scene.scene import Scene, open_scene
from bitpan.host.scene.tiles import sample_tiles
from bitpan.model import IntegerModel
from bitpan.models.imagery.degrade import SENSORS
from bitpan.models.quality.classical import METHODS
from bitpan.models.quality.full_resolution import BLOCK, evaluate
from bitpan.models.quality.tables import strict_json
from bitpan.radiometry import FRACTION, MOST_BITS
from bitpan.rasters import RasterFile
from bitpan.rasters.pair import Handling
from bitpan.rasters.raster import Names

RIVALS = ("GSA", "MTF-GLP")
SIDES = (256, 128, 64)
"""PAN pixels of a tile's side: the largest of which there is a tile without gaps."""

PER_AXIS = 4
"""Tiles in each direction."""


@dataclass(frozen=True)
class _Sample:
    """A tile: PAN as delivered and MS, as registered as MS pixels allow, and the fused image."""

    pan: Integers
    ms: Integers
    fused: npt.NDArray[Any]


def require_place(path: Path, sensor: str, others: Sequence[Path]) -> None:
    """Raise an error, before anything is computed, unless a report can be written to ``path``."""
    if sensor not in SENSORS:
        raise OutputError(f"no sensor {sensor!r} for the report {path}; choose one of {', '.join(SENSORS)}")
    if path.suffix not in _WRITERS or not path.parent.is_dir() or path.is_dir():
        raise OutputError(f"{path}: a report is a .html or .json file in a folder that exists")
    if path.resolve() in [other.resolve() for other in others]:
        raise OutputError(f"{path}: is another file of this command; give another name")


def document(
    pan: Names, ms: Names, fused: Path, model: IntegerModel, handling: Handling, sensor: str
) -> dict[str, Any]:
    """What is known of the scene that ``bitpan fuse`` wrote to ``fused``, as plain types.

    A :class:`QualityWarning` is given where a classical method has the better HQNR.
    """
    own = load_calibration(fused.with_suffix(PARAMETERS), model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GeoreferenceWarning)  # said when it was fused
        with open_scene(pan, ms, model, handling) as scene, closing(RasterFile(fused)) as result:
            scene = scene.shifted(own.shift)
            samples = _samples(scene, result)
            shift, names = scene.grid.shift, [raster.name for raster in (scene.pan, scene.ms)]
    quality = _quality(samples, model, sensor, shift)
    _warn_if_worse(fused, quality)
    return {
        "fused": str(fused),
        "pan": names[0],
        "ms": names[1],
        "model": model.name,
        "sensor": sensor,
        "shift": list(own.shift),
        "ms_gains": [gain / 2**FRACTION for gain in own.level.gains],
        "ms_offset": own.level.black,
        "pan_match": {"fit": own.match.fit, "gain": own.match.gain, "offset": own.match.offset},
        "tiles": {"count": len(samples), "side": samples[0].pan.shape[1] if samples else None},
        "clipped": _clipped(samples, own, model),
        "quality": quality,
    }


def _samples(scene: Scene, result: RasterFile) -> list[_Sample]:
    ratio, counts = scene.grid.ratio, scene.profile["counts"]
    height, width = (size // ratio * ratio for size in (scene.grid.height, scene.grid.width))

    def whole(side: int) -> Iterator[_Sample]:
        for tile in sample_tiles(height, width, ratio, 0, PER_AXIS, side):
            window = tile.top, tile.left, tile.height, tile.width
            patch = scene.read(*window)
            if patch.valid.all() and min(window[2:]) >= BLOCK:
                images = patch.pan, patch.ms, counts.of(result.read(*window)[0])
                yield _Sample(*(image.astype(np.int64) for image in images))

    return next(filter(None, (list(whole(side)) for side in SIDES)), [])


def _quality(
    samples: Sequence[_Sample], model: IntegerModel, sensor: str, shift: tuple[float, float]
) -> dict[str, dict[str, float]]:
    """Indices by method, means over the samples; none where there are no samples."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ("fused", *RIVALS)}
    for own in samples:
        images = {"fused": own.fused}
        images |= {n: METHODS[n](own.pan, own.ms, model.ratio, MOST_BITS, sensor, shift) for n in RIVALS}
        for name, image in images.items():
            found[name].append(evaluate(image, own.pan, own.ms, model.ratio, sensor, shift))
    return {
        name: {index: float(np.mean([row[index] for row in rows])) for index in rows[0]}
        for name, rows in found.items()
        if rows
    }


def _warn_if_worse(fused: Path, quality: Mapping[str, Mapping[str, float]]) -> None:
    if not quality:
        return
    best = max(RIVALS, key=lambda name: quality[name]["HQNR"])
    own, other = quality["fused"]["HQNR"], quality[best]["HQNR"]
    if own < other:
        warnings.warn(
            f"{fused}: {best} would do better, HQNR {other:.3f} against {own:.3f}; check --shift and --bands, or adapt "
            "the model to the pair (bitpan train --finetune)",
            QualityWarning,
            stacklevel=2,
        )


def _clipped(samples: Sequence[_Sample], own: Calibration, model: IntegerModel) -> dict[str, float]:
    """Shares of the samples at either end of the network's range: of the fused counts, and of PAN's."""

    def shares(images: list[npt.NDArray[Any]], top: Integers) -> tuple[float, float]:
        count = sum(image.size for image in images) or 1
        at_zero = sum(int((image == 0).sum()) for image in images)
        return at_zero / count, sum(int((image >= top).sum()) for image in images) / count

    brightest = own.level.apply(own.level.inverse[:, -1:, None])
    low, high = shares([own.level.apply(each.fused) for each in samples], brightest)
    dark, bright = shares([own.match.apply(each.pan) for each in samples], np.array((1 << model.bits) - 1))
    return {"fused_low": low, "fused_high": high, "pan_low": dark, "pan_high": bright}


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write the report in the form that the file's name says."""
    write_beside(path, _WRITERS[path.suffix](document))


def _page(document: Mapping[str, Any]) -> bytes:
    """The report as a page that needs nothing beside it."""
    quality, clipped = document["quality"], document["clipped"]
    facts = {
        "model": document["model"],
        "PAN, MS": f"{document['pan']}, {document['ms']}",
        "shift, PAN pixels": "{:g}, {:g}".format(*document["shift"]),
        "gains and offset of the MS": "{}; {:.3g}".format(
            ", ".join(f"{gain:.3g}" for gain in document["ms_gains"]), document["ms_offset"]
        ),
        "PAN's variance that the MS explains": f"{document['pan_match']['fit']:.1%}",
        "fused counts at 0, at the top": f"{clipped['fused_low']:.3%}, {clipped['fused_high']:.3%}",
        "PAN's counts at 0, at the top": f"{clipped['pan_low']:.3%}, {clipped['pan_high']:.3%}",
        "sample": "{count} tiles of {side} pixels".format(**document["tiles"]),
    }
    names = list(quality.get("fused", {}))
    rows = [["", *names]] + [[name, *(f"{row[index]:.4f}" for index in names)] for name, row in quality.items()]
    title = escape(document["fused"])
    text = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n{_STYLE}</head><body>\n'
        f"<h1>{title}</h1>\n{_table(facts.items())}\n<h2>Without a truth</h2>\n{_table(rows)}\n"
        f"<p>{_READING}</p>\n</body></html>\n"
    )
    return text.encode()


def _table(rows: Any) -> str:  # noqa: ANN401
    cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    return "<table>" + "\n".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


_STYLE = "<style>body { font: 15px sans-serif; margin: 2em } td { padding: 2px 14px 2px 0 }</style>"
_READING = "QNR and HQNR are best at 1, the distortions D at 0. GSA and MTF-GLP fused the same tiles."
_WRITERS = {".json": strict_json, ".html": _page}
