"""Equality of two stages, element by element: a difference stops the build and says where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import MismatchError
from bitpan.model import IntegerModel, execute
from bitpan.operations import SCENE_KINDS, Array

Inputs = tuple[dict[str, Integers], dict[str, Integers]]
"""Images by tensor name, scene parameters by name."""

Stage = Callable[[Mapping[str, Array]], Mapping[str, Array]]
"""Gives every tensor of a network by name, from images and scene parameters by name; images are ``(1, C, H, W)``."""


@dataclass(frozen=True)
class Compared:
    """A step that changed no number: how many tensors of how many frames it was compared by, element by element."""

    step: str
    tensors: int
    frames: int


def require_equal(step: str, node: str, expected: npt.ArrayLike, actual: npt.ArrayLike) -> None:
    """Raise :class:`MismatchError` naming ``step``, ``node`` and the first element that differs."""
    expected, actual = np.asarray(expected), np.asarray(actual)
    if expected.shape != actual.shape:
        raise MismatchError(f"{step}, node {node}: shape {actual.shape}, expected {expected.shape}")
    wrong = np.argwhere(expected != actual)
    if len(wrong):
        index = tuple(int(i) for i in wrong[0])
        raise MismatchError(
            f"{step}, node {node}: {len(wrong)} of {expected.size} elements differ, "
            f"first at {index}: {actual[index]}, expected {expected[index]}"
        )


def require_equal_stages(
    model: IntegerModel, case: Inputs, stages: Mapping[str, Stage], names: Mapping[str, str]
) -> None:
    """Compare every tensor that ``stages`` compute with the integer model's, by its name for people."""
    inputs, scene = case
    feeds = {name: np.asarray(image)[None] for name, image in inputs.items()} | scene
    found = {stage: run(feeds) for stage, run in stages.items()}

    def compare(tensor: str, value: Integers) -> None:
        for stage, tensors in found.items():
            require_equal(stage, names[tensor], value, tensors[tensor][0])

    execute(model, inputs, scene, watch=compare)


def random_case(model: IntegerModel, height: int, width: int, seed: int) -> Inputs:
    """Random images and scene parameters, "always" and "never" among the thresholds."""
    rng = np.random.default_rng(seed)
    high = 1 << model.bits
    inputs = {name: rng.integers(0, high, model.tensors[name].shape(height, width)) for name in ("pan", "ms")}
    scene = {}
    for parameter in model.scene:
        source = model.tensors[parameter.measures].format if parameter.measures else None
        scene[parameter.name] = SCENE_KINDS[parameter.kind].draw(rng, parameter.shape, source, model.ratio)
    return inputs, scene


def cases(model: IntegerModel, height: int, width: int, random: int = 2) -> Iterator[Inputs]:
    """Test inputs: random ones, then the extremes black, white and a checkerboard of both."""
    for seed in range(random):
        yield random_case(model, height, width, seed)
    inputs, scene = random_case(model, height, width, random)
    high = (1 << model.bits) - 1
    yield {name: np.zeros_like(image) for name, image in inputs.items()}, scene
    yield {name: np.full_like(image, high) for name, image in inputs.items()}, scene
    yield {name: high * (np.indices(image.shape).sum(axis=0) % 2) for name, image in inputs.items()}, scene
