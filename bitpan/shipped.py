"""The models that come with bitpan."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from bitpan.errors import ModelError, naming
from bitpan.package import installed

if TYPE_CHECKING:
    from bitpan.rasters.raster import Names

PRETRAINED = Path(__file__).parent / "pretrained"
"""Models that come with bitpan, a folder each: a family's name alone for 4 bands at ratio 4, ``-8b4`` behind it for 8
bands at ratio 4, and so on."""

DEFAULT_MODEL = "s2bnet-flat"


def names() -> list[str]:
    """The models that come with bitpan."""
    return sorted(folder.name for folder in PRETRAINED.glob("*/")) if PRETRAINED.exists() else []


def find_model(name: str) -> Path:
    """The folder of a model: a path, the name of one that comes with bitpan, or of an accelerator from a wheel."""
    for folder in (Path(name), PRETRAINED / name, installed(name)):
        if folder and (folder / "model.json").exists():
            return folder
    raise ModelError(
        f"{name}: no model.json there, and no model of that name comes along ({', '.join(names()) or 'none does'}); "
        "give the folder that bitpan build left"
    )


def member(family: str, pan: Names, ms: Names, bands: Sequence[int] | None = None) -> str:
    """The model of a family that comes with bitpan for this pair: of as many bands, at its ratio.

    Args:
        family: any other model's name or folder is given back, and so is this where the family has no such member.
        pan, ms: the files.
        bands: which of the MS's are to be fused, from 1; None: all but an alpha band.

    Raises:
        SceneIOError, SceneError: a file cannot be opened, or has no such band.
    """
    if (Path(family) / "model.json").exists() or family not in names():
        return family
    return member_of(family, *kind(pan, ms, bands))


def member_of(family: str, bands: int, ratio: int) -> str:
    """The model of a family for so many bands at this ratio; the family's name itself where it has no such member."""
    found = f"{family}-{bands}b{ratio}"
    return found if found in names() else family


def kind(pan: Names, ms: Names, bands: Sequence[int] | None = None) -> tuple[int, int]:
    """How many bands a pair of files has, and how many PAN pixels to an MS pixel, to the nearest whole number.

    The geotransforms tell, or the sizes where there are none; arguments and errors as of :func:`member`.
    """
    from bitpan.rasters import RasterFile, relative_transform

    with (
        closing(RasterFile(pan)) as fine,
        closing(RasterFile(ms, bands)) as coarse,
        naming(f"{fine.name} and {coarse.name}"),
    ):
        own, its = fine.dataset.transform, coarse.dataset.transform
        if own.is_identity or its.is_identity:
            return len(coarse.bands), round(fine.size[1] / coarse.size[1])
        a, b, _, d, e, _ = relative_transform(own, its)
        return len(coarse.bands), round(abs(a * e - b * d) ** -0.5)
