"""Parts of large images judged as parts of a scene: what `bitpan fuse` makes of the whole, pixel by pixel.

Level, PAN's match and scene parameters are measured once, as `bitpan fuse` does, and a part is fused with its halo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.camera.consistency import reach
from bitpan.host.consistency.restored import Restored
from bitpan.host.consistency.seams import Window
from bitpan.host.device.devices import CpuDevice
from bitpan.host.engine.engine import Engine, make_engine
from bitpan.host.scene.brightness import as_bright_as_trained
from bitpan.host.scene.parameters import compute_scene_parameters
from bitpan.host.scene.scene import Scene, array_scene
from bitpan.host.scene.sharpness import measure_gain
from bitpan.host.scene.tiles import Tile
from bitpan.host.stream import fuse_tiles
from bitpan.model import IntegerModel
from bitpan.models.imagery.degrade import Counts
from bitpan.models.imagery.images import Image
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.quality.judge import REAL, Entry, Method
from bitpan.models.quality.unrounded import unrounded
from bitpan.operations import Array


def as_fused(
    entries: Sequence[Entry], methods: Mapping[str, Method], threads: int, device: str = "cpu"
) -> dict[str, Method]:
    """The methods of binary networks, for which parts of large images are parts of a scene."""
    found: dict[str, Method] = {}
    for entry in entries:
        if not isinstance(entry.network, BinaryNetwork):
            continue
        model = to_integer_model(entry.network)
        fusing = _Fusing(model, threads, device.partition(":")[0])
        engines = {entry.name: None, REAL.format(entry.name): _Unrounded(model)}
        found |= {name: _method(fusing, run, methods[name]) for name, run in engines.items() if name in methods}
    return found


def _method(fusing: _Fusing, engine: Engine | None, small: Method) -> Method:
    """``engine``: that computes the parts; None: the one that measures."""
    return lambda image: (
        small(image) if image.whole is None else fusing.part(image, image.whole, engine or fusing.engine)
    )


class _Unrounded:
    """An engine with real features."""

    threads = side_by_side = 1

    def __init__(self, model: IntegerModel) -> None:
        self.model = model

    def run(self, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers], until: str = "fused") -> Array:
        """See :class:`Engine`; to the end alone."""
        assert until == "fused"
        return unrounded(self.model, inputs, scene)


@dataclass
class _Fusing:
    """A model on images, one after the other; the engine measures and upsamples, any does the rest."""

    model: IntegerModel
    threads: int
    device: str
    last: Image | None = None
    scene: Scene = field(init=False)
    parameters: Mapping[str, Integers] = field(init=False)

    @cached_property
    def engine(self) -> Engine:
        """Made for the first part: most images have none."""
        return make_engine(self.model, self.threads, self.device)

    def part(self, image: Image, whole: Image, engine: Engine) -> Counts:
        """The fused counts ``(B, H, W)`` of a part of an image."""
        model = self.model
        if whole is not self.last:
            own = array_scene(model, whole.pan, whole.ms)
            self.scene = replace(as_bright_as_trained(own, model), gain=measure_gain(own, self.threads))
            self.parameters = compute_scene_parameters(model, self.scene, self.engine)
            self.last = whole
        device = CpuDevice(engine)
        device.load_scene(self.parameters)
        around, sides = reach(image.ratio), zip(image.window, whole.pan.shape[1:], strict=True)
        rows, columns = ((max(own.start - around, 0), min(own.stop + around, size)) for own, size in sides)
        tile = Tile.framed(rows, columns, model.halo(), model.alignment)
        ((_, fused, valid),) = fuse_tiles(self.scene, [tile], device)
        restored, counts = Restored(self.scene, model), np.empty((model.bands, *valid.shape), np.uint16)
        restored.put(fused, counts)
        down, right = (
            slice(own.start - first, own.stop - first)
            for own, (first, _) in zip(image.window, (rows, columns), strict=True)
        )
        return restored.consistent(Window((rows[0], columns[0]), counts, valid, (down, right)))
