"""How bright a scene's PAN is beside its MS, measured over sample windows at full resolution."""

from __future__ import annotations

import warnings

import numpy as np

from bitpan.errors import RadiometryWarning
from bitpan.host.scene.scene import Scene
from bitpan.host.scene.tiles import sample_tiles
from bitpan.radiometry import BLOCK, FEWEST, LEAST_FIT, PanMatch, block_means, match_pan

WINDOW = 256  # PAN pixels of a measured window's side
PER_AXIS = 4  # windows in each direction


def measure_pan(scene: Scene, bits: int) -> PanMatch:
    """What makes PAN as bright as the MS, whose counts have ``bits`` bits; says so where the two do not go together."""
    side = BLOCK * scene.grid.ratio
    tiles = sample_tiles(scene.grid.height, scene.grid.width, side, 0, PER_AXIS, WINDOW)
    patches = (scene.read(*tile.frame) for tile in tiles)
    means = np.concatenate([block_means(patch.pan, patch.ms, patch.valid) for patch in patches])
    match = match_pan(means, bits)
    if len(means) >= FEWEST and match.fit < LEAST_FIT:
        warnings.warn(
            f"PAN and MS hardly go together: the MS's bands explain {match.fit:.0%} of PAN's variance; check that they "
            "show one place at one time, --bands, and --shift",
            RadiometryWarning,
            stacklevel=2,
        )
    return match
