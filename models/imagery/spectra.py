"""Reflectance spectra of land covers, and the sensor's spectral responses that turn them into bands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

KNOTS = np.array([400, 450, 500, 550, 600, 650, 700, 750, 800, 900, 1000])
"""Wavelengths of the spectra below in nm."""

WAVELENGTHS = np.arange(420, 981, 10)
"""Grid on which responses are integrated, in nm."""

COVERS: dict[str, tuple[float, ...]] = {
    "grass": (0.03, 0.04, 0.05, 0.10, 0.07, 0.05, 0.12, 0.38, 0.45, 0.48, 0.48),
    "crop": (0.03, 0.04, 0.05, 0.09, 0.06, 0.05, 0.10, 0.34, 0.41, 0.45, 0.45),
    "forest": (0.02, 0.02, 0.03, 0.05, 0.04, 0.03, 0.07, 0.25, 0.30, 0.32, 0.32),
    "stubble": (0.05, 0.07, 0.10, 0.14, 0.18, 0.20, 0.24, 0.28, 0.31, 0.34, 0.36),
    "soil": (0.06, 0.08, 0.11, 0.15, 0.19, 0.22, 0.24, 0.26, 0.28, 0.31, 0.33),
    "sand": (0.12, 0.16, 0.21, 0.27, 0.32, 0.35, 0.37, 0.39, 0.40, 0.43, 0.45),
    "asphalt": (0.07, 0.08, 0.09, 0.10, 0.11, 0.115, 0.12, 0.125, 0.13, 0.135, 0.14),
    "concrete": (0.15, 0.18, 0.21, 0.24, 0.26, 0.27, 0.28, 0.285, 0.29, 0.30, 0.31),
    "tiles": (0.05, 0.06, 0.08, 0.12, 0.22, 0.29, 0.32, 0.34, 0.35, 0.36, 0.37),
    "slate": (0.11, 0.12, 0.13, 0.14, 0.145, 0.15, 0.15, 0.155, 0.16, 0.16, 0.16),
    "membrane": (0.36, 0.42, 0.47, 0.50, 0.52, 0.53, 0.54, 0.54, 0.54, 0.54, 0.54),
    "painted": (0.14, 0.22, 0.24, 0.20, 0.15, 0.13, 0.14, 0.16, 0.19, 0.22, 0.24),
    "water": (0.06, 0.06, 0.055, 0.05, 0.03, 0.02, 0.012, 0.008, 0.006, 0.004, 0.003),
    "turbid": (0.06, 0.07, 0.09, 0.11, 0.09, 0.07, 0.05, 0.03, 0.025, 0.02, 0.02),
}
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
