"""Reflectance spectra of land covers, and the sensor's spectral responses that turn them into bands."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.errors import DataError

Array = npt.NDArray[np.float64]

WAVELENGTHS = np.arange(420, 981, 10)
"""Grid on which responses are integrated, in nm."""

with Path(__file__).with_name("covers.csv").open(newline="") as _file:
    _header, *_rows = csv.reader(_file)
KNOTS = np.array(_header[1:], dtype=np.float64)
"""Wavelengths of the spectra below in nm."""

COVERS = {name: tuple(map(float, values)) for name, *values in _rows}
"""Reflectance of each cover at ``KNOTS``: rounded, typical figures, not measurements of any one place."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Optics:
    """What the bands of a sensor see, and what is drawn at random of it.

    Attributes:
        names: band descriptions.
        centres, widths: of the bands in nm; a width is the standard deviation of a Gaussian response.
        lower, upper: in nm, where the PAN's response begins and ends: each is drawn between two bounds.
        metre: bounds of the binary logarithm of PAN pixels per metre.
        dark: counts of a reflectance of zero, a share of the range.
        exposure: how bright its scenes are above that, beside others'.
    """

    names: tuple[str, ...]
    centres: Array
    widths: Array
    lower: Range = (440, 500)
    upper: Range = (730, 910)
    metre: Range = (-1.3, 0.5)
    dark: float = 0.0
    exposure: float = 1.0

    def of(self, bands: Sequence[int], sensor: str) -> Optics:
        """These bands alone, from 1, in this order."""
        if missing := [band for band in bands if not 0 < band <= len(self.names)]:
            raise DataError(f"sensor {sensor!r} has no band {missing[0]}, only {len(self.names)}; bands count from 1")
        chosen = [band - 1 for band in bands]
        names = tuple(self.names[band] for band in chosen)
        return replace(self, names=names, centres=self.centres[chosen], widths=self.widths[chosen])


DEVIATION = 1 / math.sqrt(8 * math.log(2))
"""Standard deviation of a Gaussian for its width at half of its height."""

EDGE = 8.0
"""How far, in nm, the ends of a known PAN are drawn around the published ones."""

LANDSAT = {"metre": (-3.9, -1.9), "dark": 5000 / 2**16, "exposure": 0.5}
"""Pixels of 15 m and finer ones, which landscapes have more detail for; USGS scales reflectance by 2e-5 and -0.1."""

GENERIC = Optics(
    ("blue", "green", "red", "nir"), np.array([480.0, 545.0, 660.0, 830.0]), np.array([28.0, 28.0, 28.0, 45.0])
)
"""Sensors of very high resolution: four bands, and a PAN of about 450 to 750 ... 900 nm."""


def _read_optics() -> dict[str, Optics]:
    sensors: dict[str, dict[str, Range]] = {}
    with Path(__file__).with_name("bands.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            sensors.setdefault(row["sensor"], {})[row["band"]] = float(row["lower"]), float(row["upper"])
    found = {"generic": GENERIC}
    for sensor, (pan, *bands) in ((name, list(own.items())) for name, own in sensors.items()):
        lower, upper = ((edge - EDGE, edge + EDGE) for edge in pan[1])
        edges = np.array([own for _, own in bands])
        more: dict[str, Any] = LANDSAT if sensor.startswith("landsat") else {}
        names = tuple(name for name, _ in bands)
        found[sensor] = Optics(names, edges.mean(1), DEVIATION * np.diff(edges)[:, 0], lower, upper, **more)
    return found


OPTICS = _read_optics()
"""By sensor, as of :data:`bitpan.models.imagery.degrade.SENSORS`; the bands at half of their height as published by
Maxar, Airbus, CRESDA and USGS."""


def optics(sensor: str = "generic", bands: Sequence[int] | None = None) -> Optics:
    """A sensor's, of these of its bands, from 1, in this order; None: all of them.

    Raises:
        DataError: there is no such sensor, or it has no such band.
    """
    if sensor not in OPTICS:
        raise DataError(f"no spectral responses of a sensor {sensor!r} are known; choose one of {', '.join(OPTICS)}")
    return OPTICS[sensor] if bands is None else OPTICS[sensor].of(bands, sensor)


def suited(bands: int, ratio: int) -> str:
    """A sensor that has so many bands, at such a ratio.

    Raises:
        DataError: there is none.
    """
    known = {(4, 4): "generic", (8, 4): "wv3", (4, 2): "landsat8"}
    if (bands, ratio) not in known:
        raise DataError(f"no sensor here has {bands} bands at ratio {ratio}; bands and ratio are one of {[*known]}")
    return known[bands, ratio]


def cover_spectra() -> Array:
    """All covers on ``WAVELENGTHS``, ``(covers, wavelengths)``."""
    return np.stack([np.interp(WAVELENGTHS, KNOTS, values) for values in COVERS.values()])


def spectral_wobble(count: int, random: np.random.Generator) -> Array:
    """Logarithm of smooth random factors that make each patch's spectrum its own, ``(count, wavelengths)``."""
    knots = random.normal(0, 0.10, (count, len(KNOTS))) + random.normal(0, 0.10, (count, 1)) * (KNOTS - 680) / 300
    return np.stack([np.interp(WAVELENGTHS, KNOTS, row) for row in knots])


def responses(own: Optics, random: np.random.Generator) -> Array:
    """Spectral responses of unit sum, ``(1 + bands, wavelengths)``: PAN first, then the bands.

    The PAN has a slope, so it is no exact sum of the bands, as in real sensors.
    """
    lower, upper = random.uniform(*own.lower), random.uniform(*own.upper)
    slope = random.uniform(-1, 1) * (WAVELENGTHS - 650) / 500
    pan = (1 + slope) / (1 + np.exp((lower - WAVELENGTHS) / 12)) / (1 + np.exp((WAVELENGTHS - upper) / 12))
    bands = len(own.names)
    centres = own.centres + random.normal(0, 6, bands)
    widths = own.widths * random.uniform(0.8, 1.2, bands)
    ms = np.exp(-0.5 * ((WAVELENGTHS - centres[:, None]) / widths[:, None]) ** 2)
    both = np.vstack([pan[None], ms])
    return np.asarray(both / both.sum(axis=1, keepdims=True))
