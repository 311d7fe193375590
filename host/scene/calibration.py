"""All that a scene's fused image depends on besides its counts and the model, saved beside it and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bitpan.arithmetic import Integers
from bitpan.errors import ModelError, SceneError
from bitpan.files import write_beside
from bitpan.intake.arrays import UNREADABLE
from bitpan.intake.documents import read_sealed, sealed
from bitpan.model import IntegerModel
from bitpan.radiometry import Level, PanMatch

SCHEMA = 7


@dataclass(frozen=True)
class Calibration:
    """What was measured of a scene, and the integers computed from it.

    Attributes:
        shift: misregistration (dy, dx) that the scene was opened with, PAN pixels.
        level: what makes the MS as bright as the model's training.
        match: what makes PAN as bright as the MS.
        gain: of the MS's camera at its Nyquist frequency.
        parameters: the model's scene parameters by name.
    """

    shift: tuple[float, float]
    level: Level
    match: PanMatch
    gain: float
    parameters: Mapping[str, Integers]


def to_document(model: IntegerModel, calibration: Calibration) -> dict[str, Any]:
    """A scene's calibration as JSON holds it."""
    return {
        "schema": SCHEMA,
        "model": model.name,
        "fingerprint": model.digest()[:16],
        "shift": list(calibration.shift),
        "ms": {
            "gains": list(calibration.level.gains),
            "offset": calibration.level.offset,
            "camera": calibration.gain,
        },
        "pan": {"gain": calibration.match.gain, "offset": calibration.match.offset, "fit": calibration.match.fit},
        "parameters": {name: np.asarray(value).tolist() for name, value in calibration.parameters.items()},
    }


def of_document(document: Mapping[str, Any], model: IntegerModel) -> Calibration:
    """What :func:`to_document` made a document of."""
    (dy, dx), pan = document["shift"], document["pan"]
    level = Level(model.bits, tuple(document["ms"]["gains"]), document["ms"]["offset"])
    if len(level.gains) != model.bands:
        raise ValueError(f"{len(level.gains)} gains of {model.bands} bands")
    match = PanMatch(model.bits, pan["gain"], pan["offset"], float(pan["fit"]))
    parameters = {name: np.array(value) for name, value in document["parameters"].items()}
    model.check_scene(parameters)
    if not 0 < (gain := float(document["ms"]["camera"])) < 1:
        raise ValueError(f"a camera of gain {gain}")
    return Calibration((float(dy), float(dx)), level, match, gain, parameters)


def sealed_bytes(model: IntegerModel, calibration: Calibration, **of: str) -> bytes:
    """A scene's calibration as its file holds it, with digests of what it is ``of``, for :func:`is_of`."""
    return json.dumps(sealed({**to_document(model, calibration), "of": of})).encode() + b"\n"


def save_calibration(path: Path, model: IntegerModel, calibration: Calibration, **of: str) -> None:
    """Write :func:`sealed_bytes`.

    Raises:
        OutputError: the file cannot be written.
    """
    write_beside(path, sealed_bytes(model, calibration, **of))


def is_of(path: Path, **of: str) -> bool:
    """Whether a calibration of just this is in the file; where there is none it is not."""
    try:
        return bool(read_sealed(path, SCHEMA, "").get("of") == of)
    except ModelError:
        return False


def load_calibration(path: Path, model: IntegerModel) -> Calibration:
    """Read what :func:`save_calibration` wrote.

    Raises:
        SceneError: the file is not that, was changed since, or is for another model.
    """
    cure, own = "fuse the scene without it", model.digest()[:16]
    try:
        document = read_sealed(path, SCHEMA, cure)
    except ModelError as error:
        raise SceneError(str(error)) from None
    if document.get("fingerprint") != own:
        made = f"model {document.get('model')} {document.get('fingerprint')}"
        raise SceneError(f"{path}: made for {made}, not for model {model.name} {own}; {cure}")
    try:
        return of_document(document, model)
    except UNREADABLE as error:
        raise SceneError(f"{path}: not a file of scene parameters ({error}); {cure}") from None
