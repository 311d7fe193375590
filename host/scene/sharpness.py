"""The MS's camera, measured over sample windows of a scene."""

from __future__ import annotations

from bitpan.camera.sharpness import Sums, gain_of, gradient_sums
from bitpan.host.scene.scene import Patch, Scene
from bitpan.host.scene.tiles import sample_tiles
from bitpan.host.threads import at_once

SIDES = 128, 64  # PAN pixels of a measured window's side: the largest of which there is one without gaps
PER_AXIS = 4  # windows in each direction


def measure_gain(scene: Scene, threads: int = 1) -> float:
    """The camera's gain at the MS's Nyquist frequency; the scene's shift is known, its counts are its own."""
    grid = scene.grid

    def sums(patch: Patch) -> Sums | None:
        # A gradient across a border of nodata is none of the scene's.
        return gradient_sums(patch.pan, patch.ms, grid.ratio, grid.shift) if patch.valid.all() else None

    found: list[Sums] = []
    for side in SIDES:
        tiles = sample_tiles(grid.height, grid.width, grid.ratio, 0, PER_AXIS, side)
        patches = (scene.read(*tile.frame) for tile in tiles)
        found = found or [*filter(None, at_once(sums, patches, threads))]
    return gain_of(found)
