"""What an MS's bands mean: by colour interpretation, wavelength or description, in this order.

Networks take four bands as blue, green, red, near infrared, and eight in WorldView-2's order. Where files say what
their bands are, they are taken in that order; where they say nothing, as they lie.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence

from bitpan.errors import BandWarning, SceneError
from bitpan.rasters.raster import RasterFile

ORDERS = {
    3: ("blue", "green", "red"),
    4: ("blue", "green", "red", "nir"),
    8: ("coastal", "blue", "green", "yellow", "red", "rededge", "nir", "nir2"),
}
"""By the number of bands: what a network takes them for."""

CENTRES = {
    "coastal": (400, 455),
    "blue": (455, 520),
    "green": (520, 590),
    "yellow": (590, 625),
    "red": (625, 695),
    "rededge": (695, 760),
    "nir": (760, 890),
    "nir2": (890, 1050),
}
"""Centre wavelengths in nm, from and below: the bands of WorldView-2 and 3, Pleiades, SPOT, QuickBird, IKONOS,
GeoEye-1, GaoFen-2, Landsat 8 and 9 and PlanetScope have a name each."""

_WORDS = {
    "coastal": r"coastal|coastal.?aerosol",
    "rededge": r"red.?edge",
    "nir2": r"(nir|near.?infra.?red).?2",
    "nir": r"nir.?1?|near.?infra.?red.?1?",
    "blue": r"blue",
    "green": r"green",
    "yellow": r"yellow",
    "red": r"red",
}
"""Of descriptions; the first that is found counts."""

_LETTERS = {"b": "blue", "g": "green", "r": "red", "n": "nir"}
"""Descriptions of one letter, where all bands have one of these."""

_WAVELENGTHS = ("WAVELENGTH", "wavelength", "CENTRAL_WAVELENGTH_UM", "CENTER_WAVELENGTH")
"""Tags of bands, in nm or in um."""


def meanings(raster: RasterFile) -> list[str | None]:
    """What each band read is called in :data:`CENTRES`, None where the files do not say."""
    colours = [own.name for own in raster.described("colorinterp")]
    if set(raster.dtypes) == {"uint8"} and raster.dataset.count in (3, 4):
        colours = [""] * len(colours)  # which GDAL calls red, green, blue and alpha whenever nobody says what they are
    texts = [(text or "").strip().lower().replace("_", " ") for text in raster.described("descriptions")]
    if all(text in _LETTERS for text in texts):
        texts = [_LETTERS[text] for text in texts]
    return [_meaning(*said) for said in zip(colours, texts, raster.band_tags(), strict=True)]


def _meaning(colour: str, text: str, tags: Mapping[str, str]) -> str | None:
    for tag in _WAVELENGTHS:
        if found := re.match(r"\s*[0-9.]+", tags.get(tag, "")):
            value = float(found[0])
            nanometres = 1000 * value if value < 100 else value
            return next((name for name, (low, high) in CENTRES.items() if low <= nanometres < high), None)
    for name, words in _WORDS.items():
        if re.search(rf"(?<![a-z])({words})(?![a-z0-9])", text):
            return name
    return colour if colour in CENTRES else None  # GDAL's colour interpretations are called alike


def in_order(raster: RasterFile, count: int, asked: bool) -> tuple[int, ...] | None:
    """Which of a raster's bands to read for a network of ``count`` bands, from 1; None: as they are.

    Args:
        asked: its bands were asked for; then they are not chosen, but a contradiction is told.

    Raises:
        SceneError: the files say what their bands are, and one that the network takes is not among them.
    """
    wanted, found = ORDERS.get(count), meanings(raster)
    if wanted is None:
        return None
    if count == len(found) and found.count(None) == 1 and len(set(wanted) - set(found)) == 1:
        found[found.index(None)] = (set(wanted) - set(found)).pop()  # the one that is left
    if not asked and all(found.count(name) == 1 for name in wanted):
        chosen = tuple(raster.bands[found.index(name)] for name in wanted)
        return None if chosen == raster.bands else chosen
    if len(found) == count:
        pairs = zip(raster.bands, found, wanted, strict=True)
        if wrong := [(band, own, name) for band, own, name in pairs if own not in (None, name)]:
            band, own, name = wrong[0]
            warnings.warn(
                f"{raster.name}: band {band} says {own} where the network takes {name}; choose {', '.join(wanted)} "
                "with --bands",
                BandWarning,
                stacklevel=4,
            )
    elif all(found) and (missing := [name for name in wanted if name not in found]):
        raise SceneError(
            f"{raster.name}: its bands are {', '.join(str(name) for name in found)}, none of them {missing[0]}, which "
            f"a network of {count} bands takes; choose bands with --bands, or a model made for these"
        )
    return None


def named(bands: Sequence[int]) -> str:
    """A choice of bands, for people."""
    return f"MS bands {','.join(map(str, bands))} are taken: {', '.join(ORDERS[len(bands)])}, as the file says"
