"""An invented landscape: fields, towns, works, woods, waters and roads, as maps of what lies where.

Districts look up one of the plans at their own rotation and offset; woods, waters and winding roads are laid over by
level sets of 1/f noise. Trees and buildings have heights, and cast shadows. Lengths are in pixels of the map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfftfreq
from scipy.ndimage import gaussian_filter

from bitpan.models.imagery.plans import PLAN, Float, Labels, Palette, Plan, Random, fields, town, works


@dataclass
class Landscape:
    """Maps of one landscape, all ``(H, W)``; ``texture`` is ``(4, H, W)`` of unit variance."""

    palette: Palette
    label: Labels
    gain: Float
    shadow: Float
    texture: Float


def noise(random: Random, shape: tuple[int, int], exponent: float, finest: float = 0.0) -> Float:
    """Gaussian noise of power spectrum ``f**-exponent``, of unit variance, smooth below ``finest`` pixels."""
    height, width = (next_fast_len(size, real=True) for size in shape)
    y, x = np.fft.fftfreq(height).astype(np.float32)[:, None], rfftfreq(width).astype(np.float32)[None]
    squared = y * y + x * x
    squared[0, 0] = 1.0  # the mean goes below
    amplitude = squared ** np.float32(-exponent / 4) * np.exp(-squared * np.float32(finest**2))
    spectrum = amplitude * np.exp(2j * np.pi * random.random(amplitude.shape, dtype=np.float32)).astype(np.complex64)
    wave = irfft2(spectrum, (height, width))[: shape[0], : shape[1]]
    return np.asarray((wave - wave.mean()) / wave.std(), dtype=np.float32)


def districts(random: Random, shape: tuple[int, int], plans: list[Plan], metre: float) -> Plan:
    """Voronoi cells of wavering border, each a plan at its own rotation and offset."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    waver = [noise(random, shape, 3.5, 6) * np.float32(random.uniform(0, 8) * metre) for _ in range(2)]
    seeds = random.uniform(0, 1, (random.integers(3, 13), 2)) * shape
    nearest = np.full(shape, np.inf, np.float32)
    cell = np.zeros(shape, np.int32)
    for i, (row, column) in enumerate(seeds.astype(np.float32)):
        distance = (y + 4 * waver[0] - row) ** 2 + (x + 4 * waver[1] - column) ** 2
        cell[distance < nearest] = i
        np.minimum(nearest, distance, out=nearest)
    out = Plan.filled(0, shape)
    weights = random.dirichlet((2.0, 1.0, 0.7))
    for i in range(len(seeds)):
        which = random.choice(len(plans), p=weights)
        plan, angle, offset = plans[which], random.uniform(0, np.pi), random.integers(0, PLAN, 2)
        bend = 1 if which == 0 else 0  # only fields follow the land
        rows, columns = np.nonzero(cell == i)
        v, u = y[rows, columns] + bend * waver[0][rows, columns], x[rows, columns] + bend * waver[1][rows, columns]
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        p = (cosine * v - sine * u).astype(np.int32) + offset[0]
        q = (sine * v + cosine * u).astype(np.int32) + offset[1]
        at = (p % PLAN, q % PLAN)
        out.label[rows, columns], out.height[rows, columns] = plan.label[at], plan.height[at]
        out.gain[rows, columns] = plan.gain[at]
    return out


def _ribbon(level: Float, width: float) -> npt.NDArray[np.bool_]:
    """Points within ``width / 2`` pixels of a level set."""
    slope = np.hypot(*np.gradient(level)) + 1e-6
    return np.asarray(np.abs(level) < width / 2 * slope)


def _lay(ground: Plan, where: npt.NDArray[np.bool_], label: int, height: float | Float = 0.0) -> None:
    ground.label[where], ground.gain[where] = label, 1.0
    ground.height[where] = height[where] if isinstance(height, np.ndarray) else height


def overlays(random: Random, ground: Plan, palette: Palette, canopy: Float, metre: float) -> None:
    """Woods, single trees, waters and winding roads, in this order."""
    shape = ground.label.shape
    crowns = np.clip(canopy + 1.5, 0, None) * np.float32(3 * metre)
    for cover in ("forest", "grass"):
        woods = noise(random, shape, random.uniform(2, 3))
        part = max(0.0, random.uniform(-0.15, 0.35 if cover == "forest" else 0.12))
        label = palette.add(cover, "soil", 0.05, 0.1, canopy=0.28, rough=0.06)
        _lay(ground, woods > np.quantile(woods[::8, ::8], 1 - part), label, crowns if cover == "forest" else 0.0)
    trees = (canopy > random.uniform(1.2, 2.6)) & (noise(random, shape, 2.5) > random.uniform(-0.5, 2))
    label = palette.add("forest", "grass", random.uniform(0, 0.7), 0.1, canopy=0.15)
    _lay(ground, trees & (ground.height == 0), label, crowns)
    water = palette.add(str(random.choice(["water", "turbid"])), "turbid", random.uniform(0, 0.5), 0.15, smooth=0.06)
    level = noise(random, shape, 3.6)
    part = max(0.0, random.uniform(-0.25, 0.2))
    _lay(ground, level > np.quantile(level[::8, ::8], 1 - part), water)
    if random.random() < 0.25:
        river = noise(random, shape, 4.5, 60)
        _lay(ground, _ribbon(river, random.uniform(8, 60) * metre), water)
    for _ in range(random.integers(0, 3)):
        road = noise(random, shape, 5, 150) - np.float32(random.normal(0, 0.7))
        width = random.uniform(5, 22) * metre
        cover = str(random.choice(["asphalt", "asphalt", "concrete", "sand"]))
        _lay(ground, _ribbon(road, width), palette.add(cover, "asphalt", random.uniform(0, 0.6), 0.1, grain=0.04))
        if width > 12 * metre:
            _lay(ground, _ribbon(road, 1.5 * metre), palette.add("grass", "concrete", 0.5, 0.3))


def cast_shadows(height: Float, azimuth: float, elevation: float, reach: int) -> Float:
    """1 where something towards the sun stands higher than the ray, else 0."""
    shadow = np.zeros(height.shape, bool)
    for step in range(1, reach + 1):
        dy, dx = round(step * np.cos(azimuth)), round(step * np.sin(azimuth))
        shadow |= np.roll(height, (dy, dx), (0, 1)) > height + np.float32(step * np.tan(elevation) + 0.25)
    return shadow.astype(np.float32)


def make_landscape(random: Random, shape: tuple[int, int], metre: float) -> Landscape:
    """Everything at once, ``shape`` in pixels of the map, ``metre`` pixels per metre."""
    palette = Palette(random)
    crown = random.uniform(1.2, 3.0) * max(metre, 0.5)
    white = random.standard_normal(shape, dtype=np.float32)
    canopy = gaussian_filter(white, crown) - gaussian_filter(white, 2 * crown)
    canopy /= canopy.std()
    ground = districts(random, shape, [plan(random, palette, metre) for plan in (fields, town, works)], metre)
    overlays(random, ground, palette, canopy, metre)
    azimuth, elevation = random.uniform(0, 2 * np.pi), np.radians(random.uniform(30, 70))
    reach = int(min(30, 14 * metre / np.tan(elevation)))
    shadow = cast_shadows(ground.height, azimuth, elevation, reach)
    relief = noise(random, shape, 3.5, 15)
    towards = np.array([np.cos(azimuth), np.sin(azimuth)], np.float32)

    def lit(surface: Float) -> Float:
        dy, dx = np.gradient(surface)
        slope = -(dy * towards[0] + dx * towards[1])
        return np.asarray(slope / slope.std(), dtype=np.float32)

    rough = [noise(random, shape, 2.6), noise(random, shape, random.uniform(1.2, 2))]
    texture = np.stack([*rough, white, 0.7 * lit(canopy) + 0.5 * canopy])
    gain = ground.gain * np.exp(lit(relief) * np.float32(random.uniform(0, 0.08)))
    return Landscape(palette, ground.label, gain, shadow, texture)
