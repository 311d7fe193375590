"""What a pattern found, and the checks that turn it into a node's numbers: each stops the build, naming the node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.qonnx.pattern import Array, Match, attributes, is_integral

Read = tuple[dict[str, int], dict[str, Array]]
"""Attributes and constants of a node."""


@dataclass
class Found:
    """A match with the checks its reader needs."""

    name: str
    match: Match
    format: Format

    def require(self, condition: bool, what: str) -> None:
        """Raise :class:`BuildError` naming the node unless ``condition`` holds."""
        if not condition:
            raise BuildError(f"node {self.name}: {what}; export the model again with this bitpan")

    def integers(self, key: str, dtype: type) -> Array:
        """A captured array of integers that fit ``dtype``."""
        array = self.match.arrays[key]
        self.require(is_integral(array), f"its {key} are not integers")
        limits = np.iinfo(dtype)
        self.require(bool(array.min() >= limits.min and array.max() <= limits.max), f"its {key} leave {limits.dtype}")
        return array.astype(dtype)

    def per_channel(self, key: str) -> Array:
        """A captured ``(1, C, 1, 1)`` of integers as ``(C,)`` int32."""
        array = self.integers(key, np.int32)
        self.require(array.shape == (1, array.size, 1, 1), f"its {key} have shape {array.shape}, not one per channel")
        return array.reshape(-1)

    def constants(self, expected: Mapping[str, npt.ArrayLike]) -> None:
        """Captured arrays must hold these numbers, in any shape."""
        for key, value in expected.items():
            same = np.array_equal(self.match.arrays[key].reshape(-1), np.reshape(value, -1))
            self.require(same, f"its {key} differs from the number contract's")

    def scalar(self, key: str) -> float:
        """A captured single number."""
        array = self.match.arrays[key]
        self.require(array.size == 1, f"its {key} is not one number")
        return float(array.reshape(()))

    def shift(self, prefix: str = "") -> int:
        """The shift of a rounding half up: add ``2**(s-1)``, multiply by ``2**-s``, floor."""
        scale, half = self.scalar(f"{prefix}scale"), self.scalar(f"{prefix}half")
        shift = round(-np.log2(scale)) if scale > 0 else 0
        exact = shift >= 1 and scale == 2.0**-shift and half == 2.0 ** (shift - 1)
        self.require(exact, f"adds {half} and multiplies by {scale}, which is no rounding half up")
        return int(shift)

    def clip(self) -> None:
        """The captured limits must be those of the output's format."""
        low, high = self.scalar("min"), self.scalar("max")
        same = (low, high) == (self.format.min, self.format.max)
        self.require(same, f"clips to [{low}, {high}], its format {self.format} to another range")

    def square(self, weights: Array, margin: int, groups: int = 1) -> None:
        """A same-size convolution: odd square kernel, stride 1, ``margin`` of it padded elsewhere."""
        found = attributes(self.match.nodes["conv"])
        kernel = weights.shape[-1]
        self.require(weights.ndim == 4 and weights.shape[-2] == kernel and kernel % 2 == 1, "kernel not odd and square")
        pads = found.get("pads", [0, 0, 0, 0])
        self.require(list(pads) == [kernel // 2 - margin] * 4, f"pads {list(pads)} do not keep the image's size")
        plain = {*found.get("strides", [1]), *found.get("dilations", [1])} == {1} and found.get("group", 1) == groups
        self.require(plain, f"has strides, dilations or not {groups} groups")

    def depthwise(self, node: str, kernel: Array, expected: Array, pad: int = 0) -> None:
        """A convolution of each channel with ``expected``, stride 2, padded or cropped by ``pad``."""
        found = attributes(self.match.nodes[node])
        self.require(found.get("group", 1) == len(kernel), "mixes channels")
        plain = kernel.shape == (len(kernel), 1, *expected.shape) and bool((kernel == expected).all())
        self.require(plain, f"has another kernel than {expected.tolist()}")
        geometry = [*found.get("strides", [1, 1]), *found.get("dilations", [1, 1]), *found.get("pads", [0] * 4)]
        self.require(geometry == [2, 2, 1, 1, *[pad] * 4], "does not halve or double the image's size")
