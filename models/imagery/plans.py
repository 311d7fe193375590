"""Plans: repeating drawings of fields, of town blocks and of works, made of rectangles.

Lengths are in pixels of the map; ``metre`` says how many of them a metre takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bitpan.models.imagery.spectra import COVERS

Random = np.random.Generator
Float = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
Box = tuple[int, int, int, int]
"""Top, left, bottom, right; the last two excluded."""

TEXTURES = ("smooth", "rough", "grain", "canopy")
PLAN = 1024
"""Side of a plan, in pixels; it repeats."""


@dataclass
class Palette:
    """What each label of the map means; labels are handed out by ``add``."""

    random: Random
    labels: list[tuple[int, int, tuple[float, float], tuple[float, ...]]] = field(default_factory=list)
    """Main and second cover, mix and its variation, amplitudes of the textures."""

    def add(self, cover: str, second: str | None = None, mix: float = 0.0, vary: float = 0.0, **textures: float) -> int:
        """A new label.

        Args:
            cover: its main cover, a key of ``COVERS``.
            second: a cover mixed into it by the fraction ``mix``, which varies in space by ``vary``.
            textures: amplitude of each of ``TEXTURES`` in the logarithm of the brightness.
        """
        names, strength = list(COVERS), self.random.uniform(0.5, 1.5)
        amplitude = tuple(strength * textures.get(name, 0.0) for name in TEXTURES)
        self.labels.append((names.index(cover), names.index(second or cover), (mix, vary), amplitude))
        return len(self.labels) - 1


@dataclass
class Plan:
    """A repeating drawing: label, height (in pixels) and brightness of each point."""

    label: Labels
    height: Float
    gain: Float

    @classmethod
    def filled(cls, label: int, shape: tuple[int, int] = (PLAN, PLAN)) -> Plan:
        """A plan of one cover, flat."""
        return cls(np.full(shape, label, np.int32), np.zeros(shape, np.float32), np.ones(shape, np.float32))

    def paint(self, box: Box, label: int, height: float = 0.0) -> tuple[slice, slice]:
        """Fill the box and say where it is."""
        where = (slice(box[0], box[2]), slice(box[1], box[3]))
        self.label[where], self.height[where], self.gain[where] = label, height, 1.0
        return where


def split(random: Random, box: Box, largest: float, gap: int = 0) -> list[Box]:
    """Cut a box into parcels of sides below about ``largest``, ``gap`` pixels apart."""
    top, left, bottom, right = box
    sides = (bottom - top, right - left)
    if max(sides) < largest * random.uniform(0.6, 1.6) or min(sides) < 4:
        return [box]
    across = sides[1] > sides[0] * random.uniform(0.8, 1.25)
    place = int((left if across else top) + random.uniform(0.3, 0.7) * sides[across])
    near, far = place - gap // 2, place + gap - gap // 2
    first = (top, left, bottom, near) if across else (top, left, near, right)
    second = (top, far, bottom, right) if across else (far, left, bottom, right)
    return [piece for part in (first, second) for piece in split(random, part, largest, gap)]


def _inset(box: Box, margin: float) -> Box:
    m = round(margin)
    return box[0] + m, box[1] + m, box[2] - m, box[3] - m


def fields(random: Random, palette: Palette, metre: float) -> Plan:
    """Parcels of crops, grass, stubble and bare soil, with plough lines, paths and hedges between them."""
    plan = Plan.filled(palette.add(str(random.choice(["grass", "soil", "stubble"])), "soil", 0.3, 0.2, rough=0.1))
    hedge = palette.add("forest", canopy=0.2)
    for box in split(random, (0, 0, PLAN, PLAN), random.uniform(60, 200) * metre, round(random.uniform(0, 5) * metre)):
        cover = str(random.choice(["crop", "crop", "grass", "stubble", "soil", "soil", "sand"]))
        other = str(random.choice(["soil", "soil", "grass", "stubble"]))
        mix = random.uniform(0, 0.7)
        for part in split(random, box, random.uniform(20, 150) * metre):
            label = palette.add(cover, other, mix + random.normal(0, 0.1), 0.15, smooth=0.04, rough=0.06, grain=0.04)
            where = plan.paint(part, label)
            lines = np.arange(part[0], part[2])[:, None] if random.random() < 0.5 else np.arange(part[1], part[3])
            period = random.uniform(3, 14) * max(metre, 0.6)
            plan.gain[where] *= 1 + random.uniform(0, 0.1) * np.sin(2 * np.pi * lines / period)
        if random.random() < 0.3:
            plan.paint((box[0], box[1], box[2], box[1] + max(1, round(4 * metre))), hedge, 5 * metre)
    return plan


def _building(random: Random, plan: Plan, box: Box, labels: list[int], height: float) -> None:
    """A roof: flat with a few structures, or two slopes of which one faces the sun."""
    if min(box[2] - box[0], box[3] - box[1]) < 2:
        return
    plan.paint(box, int(random.choice(labels)), height)
    middle, slope = (box[0] + box[2]) // 2, random.uniform(0, 0.35)
    plan.gain[box[0] : middle, box[1] : box[3]] *= 1 + slope
    plan.gain[middle : box[2], box[1] : box[3]] *= 1 - slope


def _roofs(palette: Palette, covers: list[str]) -> list[int]:
    chosen = palette.random.choice(covers, 24)
    return [palette.add(str(cover), "concrete", palette.random.uniform(0, 0.5), 0.05, grain=0.04) for cover in chosen]


def town(random: Random, palette: Palette, metre: float) -> Plan:
    """Blocks between streets: houses with gardens, terraces, car parks and parks."""
    plan = Plan.filled(palette.add("asphalt", "concrete", random.uniform(0, 0.5), 0.1, rough=0.04, grain=0.05))
    roofs = _roofs(palette, ["tiles", "tiles", "slate", "slate", "concrete", "membrane"])
    paving = palette.add("concrete", "asphalt", 0.5, 0.2, grain=0.06)
    plot, street = random.uniform(14, 32) * metre, max(3, round(random.uniform(7, 14) * metre))
    for block in split(random, (0, 0, PLAN, PLAN), random.uniform(60, 140) * metre, street):
        plan.paint(block, paving)
        green = palette.add("grass", "soil", random.uniform(0, 0.5), 0.2, rough=0.12, grain=0.1)
        if random.random() < 0.12:
            plan.paint(_inset(block, 2 * metre), green)
            continue
        for part in split(random, _inset(block, 1.5 * metre), plot):
            plan.paint(part, green if random.random() < 0.7 else paving)
            _building(random, plan, _inset(part, random.uniform(0.5, 5) * metre), roofs, random.uniform(3, 14) * metre)
    return plan


def _clutter(random: Random, plan: Plan, box: Box) -> None:
    """Skylights and ventilation on a roof: small darker and brighter spots."""
    for _ in range(int(random.integers(0, 8))):
        y, x = (int(place) for place in random.integers(box[:2], (box[2] + 1, box[3] + 1)))
        plan.gain[y : y + 2, x : x + 3] *= random.uniform(0.5, 1.8)


def _car_park(random: Random, plan: Plan, box: Box, cars: list[int], metre: float) -> None:
    """Rows of parked cars, half of the places taken."""
    length, width = max(1, round(4 * metre)), max(1, round(1.8 * metre))
    for y in range(box[0], box[2] - length, max(3, round(6 * metre))):
        for x in range(box[1], box[3] - width, max(2, round(2.8 * metre))):
            if random.random() < 0.5:
                plan.paint((y, x, y + length, x + width), int(random.choice(cars)), 1.5 * metre)


def works(random: Random, palette: Palette, metre: float) -> Plan:
    """Large flat roofs, yards and rows of parked cars."""
    plan = Plan.filled(palette.add("asphalt", "concrete", 0.3, 0.2, rough=0.06, grain=0.05))
    roofs = _roofs(palette, ["membrane", "painted", "concrete", "slate", "tiles"])
    cars = [palette.add(cover) for cover in ("membrane", "asphalt", "painted", "tiles", "slate")]
    for block in split(random, (0, 0, PLAN, PLAN), random.uniform(120, 260) * metre, round(12 * metre)):
        yard = str(random.choice(["concrete", "asphalt", "soil", "grass"]))
        plan.paint(block, palette.add(yard, rough=0.08, grain=0.05))
        for part in split(random, _inset(block, 4 * metre), random.uniform(40, 110) * metre):
            if random.random() < 0.65:
                hall = _inset(part, random.uniform(3, 9) * metre)
                _building(random, plan, hall, roofs, random.uniform(5, 16) * metre)
                _clutter(random, plan, part)
            else:
                _car_park(random, plan, part, cars, metre)
    return plan
