"""How a GeoTIFF's blocks are compressed, as a user says it: ``deflate``, ``zstd:9``, ``none``."""

from __future__ import annotations

from typing import Any

from bitpan.errors import SceneIOError

DEFAULT = "deflate:1"
"""Effort 1: imagery of 16 bits hardly shrinks further, and time is the operator's."""

_LEVELS = {"none": ("", 0), "lzw": ("", 0), "deflate": ("zlevel", 9), "zstd": ("zstd_level", 22)}
_LEVELS["lerc_zstd"] = _LEVELS["zstd"]
"""GDAL's word for how hard it tries, and the most."""

NAMES = tuple(_LEVELS)


def creation_options(compression: str) -> dict[str, Any]:
    """GDAL's options for it; all are lossless.

    Raises:
        SceneIOError: there is no such compression, or no such level of it.
    """
    name, colon, level = compression.partition(":")
    word, most = _LEVELS.get(name, ("", 0))
    if name not in _LEVELS or (colon and not (level.isdecimal() and 1 <= int(level) <= most)):
        raise SceneIOError(
            f"there is no compression {compression!r}: give one of {', '.join(NAMES)}; deflate may have a level, from "
            "1 to 9, and zstd one from 1 to 22, as in zstd:9"
        )
    if name == "none":
        return {}
    options: dict[str, Any] = {"compress": name}
    if level:
        options[word] = int(level)
    return options | ({"max_z_error": 0} if name.startswith("lerc") else {"predictor": 2})
