"""What a raster is called: a path, or any name that GDAL opens, of some of its bands.

``MS.tif``, ``MS.tif,band=3,band=2``, ``zip://scene.zip!MS.tif``, ``/vsitar/scene.tar.gz/MS.tif``,
``https://host/MS.tif``, ``s3://bucket/MS.tif``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from bitpan.errors import SceneIOError
from bitpan.optional import require

Name = str | PathLike[str]

_BANDS = re.compile(r"(,band=[1-9][0-9]*)+$")
_REMOTE = re.compile(r"/vsi(curl|s3|gs|az|adls|oss|swift)|(^|\+)(https?|ftp|s3|gs|az)://")
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz")


def divided(name: Name) -> tuple[str, tuple[int, ...] | None]:
    """The name alone, and the bands that it chooses, from 1; None: it chooses none."""
    text = fspath(name)
    found = _BANDS.search(text)
    if found is None or Path(text).exists():
        return text, None
    return text[: found.start()], tuple(int(number) for number in re.findall(r"[0-9]+", found[0]))


def joined(names: str) -> list[str]:
    """Names with commas between; ``band=N`` belongs to the name before it."""
    return re.split(r",(?!band=[1-9])", names)


def listed(names: Name | Sequence[Name]) -> list[Name]:
    """The names of an image's files, of which there may be one."""
    return [names] if isinstance(names, str | PathLike) else list(names)


def short(names: Name | Sequence[Name]) -> str:
    """Names without their folders, for people."""
    return ", ".join(re.split(r"[/!]", fspath(name))[-1] for name in listed(names))


def is_virtual(name: Name) -> bool:
    """Whether it is no path of this machine's files, but a name of GDAL's virtual file systems."""
    text = fspath(name)
    return not Path(text).exists() and ("://" in text or text.startswith("/vsi"))


def is_remote(name: Name) -> bool:
    """Whether it leads to another machine."""
    return is_virtual(name) and _REMOTE.search(fspath(name)) is not None


def archive_of(name: Name) -> Path | None:
    """The archive on this machine that a name leads into, if it does."""
    found = re.search(r"(?:/vsi(?:zip|tar|gzip|7z)/|(?:zip|tar)://)([^!]*)", fspath(name))
    path = Path(found[1] if found else "")
    return next((own for own in (path, *path.parents) if own.is_file()), None)


def opened(name: Name) -> str:
    """What GDAL is told: an absolute path, which is no connection string whatever it is called, or GDAL's own name.

    Raises:
        SceneIOError: there is no such file, or it is an archive or a folder.
    """
    text = fspath(name)
    if is_virtual(text):
        # rasterio takes a.zip!b.tif for a host.
        text = re.sub(r"^(?:zip|tar)://(?!/)", lambda scheme: f"{scheme[0]}{Path.cwd()}/", text)
        return str(_of_rasterio("vsi_path")(_of_rasterio("parse_path")(text)))
    path = Path(text)
    if not path.exists():
        raise SceneIOError(f"{text}: there is no such file; check the path")
    if path.is_dir() or text.lower().endswith(_ARCHIVES):
        what, inside = ("a folder", f"{text}/MS.tif") if path.is_dir() else ("an archive", within(path, "MS.tif"))
        raise SceneIOError(f"{text}: is {what}; name a raster in it, as in {inside}")
    return str(path.absolute())


def unparsed(path: str) -> Any:  # noqa: ANN401
    """What :func:`opened` gives, as rasterio's own class takes it: to be told to GDAL as it stands."""
    return _of_rasterio("UnparsedPath")(path)


def _of_rasterio(name: str) -> Any:  # noqa: ANN401
    """What rasterio takes names apart with: private since 1.3, public in 1.2, which Ubuntu 22.04 has."""
    rasterio = require("rasterio")
    return getattr(rasterio._path, f"_{name}") if hasattr(rasterio, "_path") else getattr(rasterio.path, name)


def within(archive: Path, member: str) -> str:
    """The name of a file in an archive."""
    return f"/vsi{'zip' if archive.suffix.lower() == '.zip' else 'tar'}/{archive.absolute()}/{member}"
