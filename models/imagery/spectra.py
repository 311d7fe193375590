"""Reflectance spectra of land covers, and the sensor's spectral responses that turn them into bands."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

WAVELENGTHS = np.arange(420, 981, 10)
"""Grid on which responses are integrated, in nm."""

with Path(__file__).with_name("covers.csv").open(newline="") as _file:
    _header, *_rows = csv.reader(_file)
KNOTS = np.array(_header[1:], dtype=np.float64)
"""Wavelengths of the spectra below in nm."""

COVERS = {name: tuple(map(float, values)) for name, *values in _rows}
"""Reflectance of each cover at ``KNOTS``: rounded, typical figures, not measurements of any one place."""

CENTRES = {4: (480, 545, 660, 830), 8: (425, 480, 545, 605, 660, 725, 835, 950)}
NAMES = {
    4: ("blue", "green", "red", "nir"),
    8: ("coastal", "blue", "green", "yellow", "red", "red_edge", "nir", "nir2"),
}


def band_names(bands: int) -> tuple[str, ...]:
    """Band descriptions: the sensors' own for 4 and 8 bands, numbers otherwise."""
    return NAMES.get(bands, tuple(f"band{i + 1}" for i in range(bands)))


def band_centres(bands: int) -> Array:
    """Central wavelengths in nm."""
    return np.asarray(CENTRES.get(bands, np.linspace(450, 900, bands)), dtype=np.float64)


def cover_spectra() -> Array:
    """All covers on ``WAVELENGTHS``, ``(covers, wavelengths)``."""
    return np.stack([np.interp(WAVELENGTHS, KNOTS, values) for values in COVERS.values()])


def spectral_wobble(count: int, random: np.random.Generator) -> Array:
    """Logarithm of smooth random factors that make each patch's spectrum its own, ``(count, wavelengths)``."""
    knots = random.normal(0, 0.10, (count, len(KNOTS))) + random.normal(0, 0.10, (count, 1)) * (KNOTS - 680) / 300
    return np.stack([np.interp(WAVELENGTHS, KNOTS, row) for row in knots])


def responses(bands: int, random: np.random.Generator) -> Array:
    """Spectral responses of unit sum, ``(1 + bands, wavelengths)``: PAN first, then the bands.

    The PAN covers about 450 to 750 ... 900 nm with a slope, so it is no exact sum of the bands, as in real sensors.
    """
    lower, upper = random.uniform(440, 500), random.uniform(730, 910)
    slope = random.uniform(-1, 1) * (WAVELENGTHS - 650) / 500
    pan = (1 + slope) / (1 + np.exp((lower - WAVELENGTHS) / 12)) / (1 + np.exp((WAVELENGTHS - upper) / 12))
    centres = band_centres(bands) + random.normal(0, 6, bands)
    widths = np.where(centres < 700, 28, 45) * random.uniform(0.8, 1.2, bands)
    ms = np.exp(-0.5 * ((WAVELENGTHS - centres[:, None]) / widths[:, None]) ** 2)
    both = np.vstack([pan[None], ms])
    return np.asarray(both / both.sum(axis=1, keepdims=True))
