"""An invented scene as a satellite would deliver it, with its truth.

A landscape is drawn at twice the PAN's resolution, lit, and seen by a sensor: truth (the bands as an MS sensor of PAN
resolution would see them, free of noise), PAN (its own spectral response and MTF, with noise) and MS (the truth through
the MS bands' MTF, decimated to block-aligned pixels, with noise). Everything a real scene varies in is drawn from the
seed: covers, spectra, the sensor's responses, MTF gains, haze, contrast, sun and noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitpan.errors import DataError
from bitpan.files import staged
from bitpan.intake.budget import require_memory
from bitpan.models.imagery import spectra
from bitpan.models.imagery.degrade import Counts, degrade, filter_decimate, gaussian_kernel, to_counts
from bitpan.models.imagery.landscape import Landscape, make_landscape
from bitpan.models.imagery.spectra import GENERIC, WAVELENGTHS, Optics
from bitpan.rasters import create_raster

Float = npt.NDArray[np.float32]

SUPERSAMPLING = 2

PIXEL_BYTES = 100
"""Memory that making a scene takes for each PAN pixel of each band, PAN among them; as measured."""

PIXEL = 0.5
"""PAN pixel of the GeoTIFFs in metres."""

ORIGIN = (500_000.0, 5_000_000.0)
"""Easting and northing of the upper left corner, EPSG:32633."""


@dataclass(frozen=True)
class Scene:
    """A synthetic scene.

    Attributes:
        pan: ``(1, H, W)``.
        ms: ``(B, H/ratio, W/ratio)``; pixel (i, j) covers the PAN block ``ratio*i ... ratio*i + ratio - 1``.
        truth: ``(B, H, W)``, what fusion should give.
        names: band descriptions.
        nodata: value of pixels outside the scene, or None.
        gains: Nyquist gains of the MS bands' MTF with which ``ms`` was made.
    """

    pan: Counts
    ms: Counts
    truth: Counts
    names: tuple[str, ...]
    nodata: int | None
    gains: tuple[float, ...]


def synthesise(
    size: int | tuple[int, int], seed: int, bits: int = 11, ratio: int = 4, border: int = 0, optics: Optics = GENERIC
) -> Scene:
    """Make a scene; the same arguments give the same scene.

    Args:
        size: PAN pixels, one side or (height, width), multiples of ``ratio``.
        seed: 0 or more.
        bits, ratio: depth (8 to 16) and PAN pixels per MS pixel.
        border: width of a margin without data (value 0), in PAN pixels, a multiple of ``ratio``.
        optics: what the sensor's bands see, see :func:`bitpan.models.imagery.spectra.optics`.

    Raises:
        DataError: there is no such scene.
        SizeError: the machine's memory does not suffice for it.
    """
    height, width = (size, size) if isinstance(size, int) else size
    _check(height, width, bits, ratio, border)
    require_memory(f"a scene of {height}x{width}", PIXEL_BYTES * height * width * (1 + len(optics.names)))
    random = np.random.default_rng(seed)
    metre = 2.0 ** random.uniform(*optics.metre) * SUPERSAMPLING
    landscape = make_landscape(random, (SUPERSAMPLING * height, SUPERSAMPLING * width), metre)
    radiance = _counts_above_black(random, _reflect(random, landscape, optics), optics) * 2.0 ** (bits - 11)
    bands = len(optics.names)
    # An MS sensor's MTF at PAN resolution for the truth; the PAN's varies from a real one's to a resampled one's.
    gains = tuple(np.clip(random.uniform(0.22, 0.38) + random.normal(0, 0.02, bands), 0.15, 0.45).tolist())
    sharp = np.stack([_seen(b, g) for b, g in zip(radiance, (random.uniform(0.12, 0.5), *gains), strict=True)])
    truth = to_counts(sharp[1:], bits)
    ms_exact = degrade(truth, ratio, gains)
    level = 10 ** random.uniform(-0.5, 0.6) * 2.0 ** (bits - 11)
    pan, ms = _noisy(random, sharp[:1], level, bits), _noisy(random, ms_exact, 0.5 * level, bits)
    nodata = 0 if border else None
    if border:
        pan, ms, truth = _bordered(pan, border), _bordered(ms, border // ratio), _bordered(truth, border)
    return Scene(pan, ms, truth, optics.names, nodata, gains)


def _check(height: int, width: int, bits: int, ratio: int, border: int) -> None:
    if ratio < 2 or min(height, width) < 4 * ratio or height % ratio or width % ratio:
        raise DataError(f"a size of {height}x{width} must be a multiple of the ratio {ratio}, four MS pixels at least")
    if border < 0 or border % ratio or 2 * border >= min(height, width):
        raise DataError(f"a border of {border} pixels must be a multiple of {ratio} and leave a scene within it")
    if not 8 <= bits <= 16:
        raise DataError(f"imagery of {bits} bits cannot be made: 8 to 16")


def _reflect(random: np.random.Generator, landscape: Landscape, optics: Optics) -> Float:
    """Reflectance in the sun and in the shade, ``(1 + bands, H, W)``, PAN first."""
    mains, others, mixes, amplitudes = (np.array(column) for column in zip(*landscape.palette.labels, strict=True))
    response, covers = spectra.responses(optics, random), spectra.cover_spectra()
    covers = covers * np.exp(random.normal(0, 0.15, (len(covers), 1)))
    jitter = np.exp(random.normal(0, 0.12, (len(mains), 1)) + spectra.spectral_wobble(len(mains), random))
    first, second = ((covers[own] * jitter @ response.T).astype(np.float32) for own in (mains, others))
    skylight = response @ (random.uniform(0.15, 0.35) * (600 / WAVELENGTHS) ** 1.5)
    label = landscape.label
    base, vary = mixes.astype(np.float32).T
    mix = np.clip(base[label] + vary[label] * (landscape.texture[1] + 0.5 * landscape.texture[0]), 0, 1)
    strengths = amplitudes.astype(np.float32).T
    log_gain = sum(a[label] * t for a, t in zip(strengths, landscape.texture, strict=True))
    gain = landscape.gain * np.exp(np.clip(log_gain, -1.2, 1.2))
    out = np.empty((len(response), *label.shape), np.float32)
    for band in range(len(response)):
        own, other = first[label, band], second[label, band]
        shade = 1 - landscape.shadow * np.float32(1 - skylight[band])
        out[band] = (own + mix * (other - own)) * gain * shade
    return out


def _counts_above_black(random: np.random.Generator, reflectance: Float, optics: Optics) -> Float:
    """Counts at 11 bits: the dark's, haze, strongest in the blue, and a gain for the mean that sensors have."""
    centres = np.concatenate([[600], optics.centres])
    haze = optics.exposure * random.uniform(40, 220) * (480 / centres) ** random.uniform(1.5, 3.5)
    spread = np.exp(random.normal(0, 0.12, len(centres)))
    mean = optics.exposure * random.uniform(150, 350) * spread
    black = optics.dark * 2**11 + haze
    gain = mean / np.maximum(reflectance.mean(axis=(1, 2)), 1e-3)
    # Bands share most of their gain, or a scene of water alone would have a bright near infrared.
    gain = 0.25 * gain + 0.75 * spread * np.median(gain)
    # Sensors are set so that little but glint saturates.
    bright = np.percentile(reflectance[:, ::4, ::4], 99.8, axis=(1, 2))
    gain *= min(1.0, ((1900 - black) / (gain * bright)).min())
    return np.asarray(black[:, None, None] + gain[:, None, None] * reflectance, dtype=np.float32)


def _seen(radiance: Float, gain: float) -> npt.NDArray[np.float64]:
    """One band at PAN resolution, through an MTF of that Nyquist gain."""
    kernel = gaussian_kernel(SUPERSAMPLING, gain)
    return filter_decimate(radiance, SUPERSAMPLING, kernel, kernel)


def _noisy(random: np.random.Generator, image: npt.NDArray[np.float64], level: float, bits: int) -> Counts:
    """Read-out and shot noise: variance ``level**2`` in the dark, twice that at a quarter of the range."""
    sigma = level * np.sqrt(1 + np.clip(image, 0, None) / 2 ** (bits - 2))
    return to_counts(image + sigma * random.standard_normal(image.shape), bits)


def _bordered(image: Counts, border: int) -> Counts:
    """Zero outside the border, at least one inside, where zero means no data."""
    inside = np.maximum(image[:, border:-border, border:-border], 1)
    return np.pad(inside, ((0, 0), (border, border), (border, border)))


def write_scene(scene: Scene, folder: Path) -> dict[str, Path]:
    """Write ``pan.tif``, ``ms.tif`` and ``truth.tif``: tiled, deflated, UTM 33N; returns their paths by name."""
    from rasterio.transform import from_origin

    files = {name: f"{name}.tif" for name in ("pan", "ms", "truth")}
    with staged(folder) as new:
        for name, file in files.items():
            image: Counts = getattr(scene, name)
            pixel = PIXEL * scene.pan.shape[1] / image.shape[1]
            where = {"crs": "EPSG:32633", "transform": from_origin(*ORIGIN, pixel, pixel)}
            size = dict(zip(("count", "height", "width"), image.shape, strict=True))
            with create_raster(new / file, dtype="uint16", nodata=scene.nodata, **size, **where) as out:
                out.write(image)
                out.descriptions = ("pan",) if name == "pan" else scene.names
    return {name: folder / file for name, file in files.items()}
