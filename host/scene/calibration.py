"""All that a scene's fused image depends on besides its counts and the model, saved beside it and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bitpan.arithmetic import Integers
from bitpan.errors import FormatError, SceneError, SceneIOError
from bitpan.files import write_json
from bitpan.model import IntegerModel
from bitpan.radiometry import PanMatch

SCHEMA = 2


@dataclass(frozen=True)
class Calibration:
    """What was measured of a scene, and the integers computed from it.

    Attributes:
        shift: misregistration (dy, dx) that the scene was opened with, PAN pixels.
        match: what makes PAN as bright as the MS.
        parameters: the model's scene parameters by name.
    """

    shift: tuple[float, float]
    match: PanMatch
    parameters: Mapping[str, Integers]


def save_calibration(path: Path, model: IntegerModel, calibration: Calibration) -> None:
    """Write a scene's calibration as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    document = {
        "schema": SCHEMA,
        "model": model.name,
        "fingerprint": model.digest()[:16],
        "shift": list(calibration.shift),
        "pan": {"gain": calibration.match.gain, "offset": calibration.match.offset, "fit": calibration.match.fit},
        "parameters": {name: np.asarray(value).tolist() for name, value in calibration.parameters.items()},
    }
    write_json(path, document, indent=None)


def load_calibration(path: Path, model: IntegerModel) -> Calibration:
    """Read what :func:`save_calibration` wrote.

    Raises:
        SceneError: the file is not that, or is for another model.
    """
    try:
        document = json.loads(path.read_text())
        made = "model {model} {fingerprint}, schema {schema}".format(**document)
        if made != (own := f"model {model.name} {model.digest()[:16]}, schema {SCHEMA}"):
            raise SceneError(f"{path}: made for {made}, not for {own}; fuse the scene without it")
        (dy, dx), pan = document["shift"], document["pan"]
        match = PanMatch(model.bits, int(pan["gain"]), int(pan["offset"]), float(pan["fit"]))
        parameters = {name: np.array(value, dtype=np.int64) for name, value in document["parameters"].items()}
    except OSError as error:
        raise SceneIOError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SceneError(f"{path}: not a file of scene parameters ({error}); fuse the scene without it") from None
    try:
        model.check_scene(parameters)
    except FormatError as error:
        raise SceneError(f"{path}: {error}") from None
    return Calibration((float(dy), float(dx)), match, parameters)
