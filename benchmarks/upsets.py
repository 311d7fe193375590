"""What a flipped bit of a parameter does to the fused image, by the kind of parameter and by its place in the word.

    python benchmarks/upsets.py --model s2bnet-flat

Parameters are counted as the accelerator holds them: constants in as many bits as those of their unit need, a sign in
one, scene words in their format's, one bank of two. A small synthetic scene is fused with the scene parameters that
were computed for it; then again with each bit of a seeded sample flipped, alone. Damage is the ERGAS of that image
against the one without upsets. The sample has as many bits of each place in a kind's words, each weighted by how many
it stands for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import AFFINE, AFFINE_SCALE, BORDER, COEFFICIENT_BITS, Integers, interpolate
from bitpan.formats import Format
from bitpan.host.engine.engine import CompiledEngine
from bitpan.host.progress import progress
from bitpan.host.scene.parameters import compute_scene_parameters
from bitpan.host.scene.scene import array_scene
from bitpan.host.threads import default_threads
from bitpan.hw.operators.base import signed_bits
from bitpan.model import IntegerModel
from bitpan.models.imagery.spectra import optics, suited
from bitpan.models.imagery.synth import synthesise
from bitpan.models.quality.metrics import ergas
from bitpan.operations import OPERATIONS, Array
from bitpan.shipped import find_model

SCENE_WORDS = {"interpolation": "interpolation coefficients", "srm": "thresholds", "affine": "scales and offsets"}
SLOPES, BIASES = "RPReLU slopes", "RPReLU biases"
BRANCHES = {"slope_above": SLOPES, "slope_below": SLOPES, "bias_above": BIASES, "bias_below": BIASES}

WORST = (0.01, 0.035)
"""Shares of all bits whose part of the damage is told."""


@dataclass(frozen=True)
class Words:
    """An array of parameters, or a part of it, whose words have so many bits: ``first`` to ``first + count - 1``."""

    kind: str
    array: str
    bits: int
    first: int
    count: int


@dataclass(frozen=True)
class Bit:
    """One of an array's bits, ``place`` 0 the lowest, and how many bits of its kind and place it stands for."""

    words: Words
    index: int
    place: int
    weight: float


@dataclass(frozen=True)
class Upset:
    """A bit, and what it did to the image."""

    bit: Bit
    damage: float


def wrapped(values: npt.ArrayLike, bits: int) -> Integers:
    """The lowest ``bits`` bits, read as two's complement."""
    half = 1 << (bits - 1)
    return (np.asarray(values, np.int64) + half & (1 << bits) - 1) - half


def flipped(value: int, bits: int, place: int) -> int:
    """A word with one bit the other way; a word of one bit is a sign, +1 or -1."""
    return -value if bits == 1 else int(wrapped(value ^ 1 << place, bits))


def parameters(model: IntegerModel) -> Iterator[Words]:
    """All that the accelerator holds, the scene's words first."""
    for own in model.scene:
        formats = [AFFINE_SCALE, AFFINE] if own.kind == "affine" else [own.format]
        count = int(np.prod(own.shape)) // len(formats)
        for number, fmt in enumerate(formats):
            yield Words(SCENE_WORDS[own.kind], own.name, fmt.bits, number * count, count)
    for node in model.nodes:
        kinds = {key: kind_of(node.op, node.name, key) for key in OPERATIONS[node.op].needed(node.scene)}
        for key, kind in kinds.items():
            alike = [model.constant(node, other) for other in kinds if kinds[other] == kind]
            bits = 1 if node.op == "binary_conv" else max(map(signed_bits, alike))
            yield Words(kind, f"{node.name}.{key}", bits, 0, model.constant(node, key).size)


def kind_of(op: str, node: str, key: str) -> str:
    """What a node's constants are called: the few integer convolutions each by its name."""
    if op == "binary_conv":
        return "binary weights"
    return f"{node} {key}" if op == "conv" else BRANCHES.get(key, f"{'RPReLU' if op == 'rprelu' else op} {key}s")


def draw(words: Sequence[Words], most: int, seed: int) -> list[Bit]:
    """At most ``most`` bits of each kind, or all there are, as many of each place in its words, by a seed."""
    random, bits = np.random.default_rng(seed), []
    for _, alike in groupby(sorted(words, key=lambda own: own.kind), key=lambda own: own.kind):
        same = list(alike)
        places = max(own.bits for own in same)
        for place in range(places):
            having = [own for own in same if own.bits > place]
            ends = np.cumsum([own.count for own in having])
            chosen = random.choice(ends[-1], min(-(-most // places), ends[-1]), replace=False)
            for number in np.sort(chosen):
                which = int(np.searchsorted(ends, number, side="right"))
                own = having[which]
                index = own.first + int(number - ends[which] + own.count)
                bits.append(Bit(own, index, place, ends[-1] / len(chosen)))
    return bits


def interpolated(ms: Array, rows: Integers, columns: Integers, fmt: Format) -> Integers:
    """The upsampled MS as the accelerator has it, ``fmt`` wide after each pass: wrong coefficients leave that range."""
    whole = np.eye(1, 2 * BORDER + 1, BORDER, dtype=np.int64) << COEFFICIENT_BITS
    across, along = ((0, 0), (0, 0), (BORDER, BORDER)), ((0, 0), (BORDER, BORDER), (0, 0))
    tall = wrapped(interpolate(np.pad(ms, across), rows, whole), fmt.bits)
    return wrapped(interpolate(np.pad(tall, along), whole, columns), fmt.bits)


class Scene:
    """A synthetic scene that a model fuses in one frame, with any of its parameters replaced."""

    def __init__(self, model: IntegerModel, side: int, seed: int, threads: int) -> None:
        self.model = replace(model, constants=dict(model.constants))
        self.engine = CompiledEngine(self.model, threads)
        made = synthesise(side, seed, model.bits, model.ratio, optics=optics(suited(model.bands, model.ratio)))
        scene = array_scene(model, made.pan, made.ms)
        self.words: dict[str, Array] = dict(compute_scene_parameters(model, scene, self.engine))
        frame = scene.read(0, 0, side, side, border=BORDER)
        self.pan, self.ms = frame.pan, frame.ms
        (self.upsample,) = (node for node in model.nodes if node.op == "interpolate")
        self.lms = self._lms()
        self.truth, self.whole = made.truth, self.fused()

    def _lms(self) -> Integers:
        rows, columns = (self.words[name] for name in self.upsample.scene)
        return interpolated(self.ms, rows, columns, self.model.tensors[self.upsample.output].format)

    def fused(self) -> Array:
        """The image, ``(B, H, W)``."""
        return self.engine.run({"pan": self.pan, self.upsample.output: self.lms}, self.words)

    def damage(self, bit: Bit) -> float:
        """Of the image when this bit is flipped."""
        name = bit.words.array
        held: dict[str, Array] = self.words if name in self.words else self.model.constants
        right, lms = held[name], self.lms
        held[name] = right.copy()
        held[name].flat[bit.index] = flipped(int(right.flat[bit.index]), bit.words.bits, bit.place)
        try:
            if name in self.upsample.scene:
                self.lms = self._lms()
            return ergas(self.fused(), self.whole, self.model.ratio)
        finally:
            held[name], self.lms = right, lms


def table(words: Sequence[Words], upsets: Sequence[Upset]) -> list[str]:
    """Lines of figures, the kind with the most damage first, and means by place below."""
    kinds = sorted({own.kind for own in words}, key=lambda kind: -total(of_kind(upsets, kind)))
    every = sum(own.bits * own.count for own in words)
    lines = [f"{'':27}{'bits':>8}{'of all':>8}{'tried':>7}{'mean':>8}{'worst':>8}  of the damage  of its squares"]
    for kind in kinds:
        found, bits = of_kind(upsets, kind), sum(own.bits * own.count for own in words if own.kind == kind)
        linear, square = (total(found, power) / total(upsets, power) for power in (1, 2))
        lines.append(
            f"{kind:27}{bits:8,}{bits / every:8.1%}{len(found):7,}{total(found) / bits:8.4f}"
            f"{max(each.damage for each in found):8.3f}{linear:15.1%}{square:16.1%}"
        )
    lines += [f"{'all':27}{every:8,}{1:8.0%}{len(upsets):7,}{total(upsets) / every:8.4f}", ""]
    for share in WORST:
        linear, square = (worst_part(upsets, share, power) for power in (1, 2))
        lines.append(f"the worst {share:.1%} of all bits: {linear:.0%} of the damage, {square:.0%} of its squares")
    lines += ["", "mean damage by the place of the bit in its word, the lowest first"]
    for kind in kinds:
        lines.append(f"{kind:27}" + " ".join(f"{mean:.3f}" for mean in means(of_kind(upsets, kind))))
    return lines


def of_kind(upsets: Sequence[Upset], kind: str) -> list[Upset]:
    """Those of one kind of parameter."""
    return [each for each in upsets if each.bit.words.kind == kind]


def total(upsets: Sequence[Upset], power: int = 1) -> float:
    """Damage, or a power of it, of all the bits that these stand for."""
    return sum(each.bit.weight * each.damage**power for each in upsets)


def worst_part(upsets: Sequence[Upset], share: float, power: int = 1) -> float:
    """The part of all damage, or of a power of it, that the worst bits do, a ``share`` of all bits."""
    ordered = sorted(upsets, key=lambda each: -each.damage)
    weights, damage = np.array([(each.bit.weight, each.damage**power) for each in ordered]).T
    before = np.cumsum(weights) - weights
    taken = np.clip(share * weights.sum() - before, 0, weights)
    return float(taken @ damage / (weights @ damage))


def means(upsets: Sequence[Upset]) -> list[float]:
    """Damage by the place in the word, the lowest first."""
    places = sorted({each.bit.place for each in upsets})
    return [float(np.mean([each.damage for each in upsets if each.bit.place == place])) for place in places]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure what flipped bits of parameters do.")
    parser.add_argument("--model", default="s2bnet-flat", help="as for bitpan fuse (default: %(default)s)")
    parser.add_argument("--bits", type=int, default=1000, help="tried of each kind (default: %(default)s)")
    parser.add_argument("--side", type=int, default=128, help="of the scene, PAN pixels (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=default_threads(), help="default: all cores")
    own = parser.parse_args()
    model = IntegerModel.load(find_model(own.model))
    words = list(parameters(model))
    scene, bits = Scene(model, own.side, own.seed, own.threads), draw(words, own.bits, own.seed)
    upsets = []
    with progress(len(bits), "flipping", "bit") as step:
        for bit in bits:
            upsets.append(Upset(bit, scene.damage(bit)))
            step()
    truth = ergas(scene.whole, scene.truth, model.ratio)
    print(f"{model.name}, {own.side} x {own.side} PAN pixels, ERGAS {truth:.3f} to the truth without upsets")
    print("damage: ERGAS to the image without upsets", *table(words, upsets), sep="\n")


if __name__ == "__main__":
    main()
