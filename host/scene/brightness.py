"""How bright a scene is: its MS, of which every count is looked at, and PAN beside it, over sample windows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bitpan.errors import ModelError, RadiometryWarning
from bitpan.host.scene.scene import Scene, fill_values
from bitpan.host.scene.tiles import sample_tiles
from bitpan.model import IntegerModel
from bitpan.radiometry import (
    BALANCE,
    BLOCK,
    FEWEST,
    LEAST_FIT,
    MOST_BITS,
    Level,
    PanMatch,
    block_means,
    histograms,
    level_of,
    match_pan,
)

WINDOW = 256  # PAN pixels of a measured window's side
PER_AXIS = 4  # windows in each direction
ROWS = 256  # MS pixels read at a time
FARTHEST_OFF = 2.0  # the mean of a scene for a model that takes counts as they are: beyond it 0.5 dB and more are lost


def as_bright_as_trained(scene: Scene, model: IntegerModel) -> Scene:
    """The scene with level and match measured, as the model wants it."""
    levelled = replace(scene, level=measure_level(scene, model.bits, fill_values(model)[1], balance_in(model)))
    return replace(levelled, match=measure_pan(levelled, model.bits))


def balance_in(model: IntegerModel) -> tuple[float, ...]:
    """The balance of the model's training; none where it is not known.

    Raises:
        ModelError: it is none of the model's bands.
    """
    balance = tuple(model.constants.get(BALANCE, np.zeros(0)).tolist())
    if balance and (len(balance) != model.bands or not all(0 < own < np.inf for own in balance)):
        raise ModelError(
            f"model {model.name}: its bands' balance is {balance}, no {model.bands} positive numbers; export it again"
        )
    return balance


def measure_level(scene: Scene, bits: int, offset: int, balance: Sequence[float] = ()) -> Level:
    """What makes the MS as bright as the training of a network of ``bits`` bits, this offset and balance."""
    (height, width), found = scene.ms.size, np.zeros((1, 1 << MOST_BITS), np.int64)
    for top in range(0, height, ROWS):
        values, valid = scene.ms.read(top, 0, min(ROWS, height - top), width)
        found = found + histograms(values[:, valid])
    mean = float((found @ np.arange(found.shape[1])).sum() / max(found.sum(), 1))
    if mean and offset and not balance and not 1 / FARTHEST_OFF <= mean / offset <= FARTHEST_OFF:
        warnings.warn(
            f"the MS's mean is {mean:.0f}, that of the training was {offset}, and the model takes counts as they are: "
            "the result may be poor; take one that was trained with --level scene",
            RadiometryWarning,
            stacklevel=2,
        )
    return level_of(found, bits, offset, balance)


def measure_pan(scene: Scene, bits: int) -> PanMatch:
    """What makes PAN as bright as the MS at its level, of ``bits`` bits; says so where the two do not go together."""
    side = BLOCK * scene.grid.ratio
    tiles = sample_tiles(scene.grid.height, scene.grid.width, side, 0, PER_AXIS, WINDOW)
    patches = (scene.read(*tile.frame) for tile in tiles)
    means = np.concatenate([block_means(patch.pan, patch.ms, patch.valid) for patch in patches])
    match = match_pan(means, bits, scene.level.black if scene.level else 0.0)
    if len(means) >= FEWEST and match.fit < LEAST_FIT:
        warnings.warn(
            f"PAN and MS hardly go together: the MS's bands explain {match.fit:.0%} of PAN's variance, so the less of "
            "PAN's detail is taken; check that they show one place at one time, --bands, and --shift",
            RadiometryWarning,
            stacklevel=2,
        )
    return match
