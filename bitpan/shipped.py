"""The models that come with bitpan."""

from __future__ import annotations

from pathlib import Path

from bitpan.errors import ModelError

PRETRAINED = Path(__file__).parent / "pretrained"
"""Models that come with bitpan, a folder each."""

DEFAULT_MODEL = "s2bnet-flat"


def names() -> list[str]:
    """The models that come with bitpan."""
    return sorted(folder.name for folder in PRETRAINED.glob("*/")) if PRETRAINED.exists() else []


def find_model(name: str) -> Path:
    """The folder of a model: a path, or the name of one that comes with bitpan."""
    for folder in (Path(name), PRETRAINED / name):
        if (folder / "model.json").exists():
            return folder
    raise ModelError(
        f"{name}: no model.json there, and no model of that name comes along ({', '.join(names()) or 'none does'}); "
        "give the folder that bitpan build left"
    )
