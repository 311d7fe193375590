"""The roofline of a whole system, simulated: pixels a second against what the memory moves.

    python benchmarks/system.py s2bnet-flat --board pynq-z2 -o docs/system.svg

The accelerator is built, and its driver runs it with its DMA before memories of several rates, all answering as late as
the board's is supposed to. Each point is the time from frame to frame, every bit compared. Below its knee the memory
decides, above it the accelerator.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from bitpan.build.boards import board
from bitpan.build.build import build
from bitpan.build.deploy.roofline import traffic
from bitpan.compare import random_case, require_equal
from bitpan.host.device.fpga import FpgaDevice
from bitpan.hw.simulate.system import System, memory_of
from bitpan.model import IntegerModel, execute
from bitpan.package import Package
from bitpan.qonnx.write import to_qonnx
from bitpan.shipped import find_model

FRAME = 32, 128
RATES = 32, 64, 128, 256, 512, 1024, 2048
"""Of the memory, bus words in 1024 clocks both ways."""

FRAMES = 4
_SIZE, _EDGE = (560, 360), (60, 20, 20, 44)  # left, right, top, bottom


@dataclass(frozen=True)
class Point:
    """Of the roofline: bytes a second that the memory moves at most, pixels a second, both in millions."""

    memory: float
    pixels: float


def period(package: Package, system: System) -> float:
    """Clocks from frame to frame; the first one, which fills the accelerator, does not count."""
    cases = [random_case(package.model, *FRAME, seed) for seed in range(FRAMES)]
    _, scene = cases[0]
    device, ended = FpgaDevice(package, system, math.inf), []
    device.load_scene(scene)
    for (images, _), result in zip(cases, device.fuse((i["pan"], i["ms"]) for i, _ in cases), strict=True):
        ended.append(system.simulation.cycle)
        require_equal("simulating the system", "fused", execute(package.model, images, scene), np.asarray(result))
    return (ended[-1] - ended[0]) / (FRAMES - 1)


def measure(package: Package, rates: Sequence[int]) -> tuple[list[Point], Point]:
    """A point for each rate, and the one of the board's own memory."""
    with System(package) as system:
        word, own = system.simulation.bits("m_axi_read_rdata") // 8, system.behaviour
    hertz, pixels, points = package.clock_mhz, math.prod(FRAME), []
    for rate in (*rates, own.rate):
        with System(package, replace(memory_of(package, word), rate=rate)) as system:
            points.append(Point(rate / 1024 * word * hertz, pixels / period(package, system) * hertz))
        print(f"{points[-1].memory:8,.0f} MB/s {points[-1].pixels:8.2f} Mpixel/s", flush=True)
    return points[:-1], points[-1]


def draw(points: Sequence[Point], own: Point, moved: float, compute: float, title: str) -> str:
    """As SVG, both axes logarithmic; ``moved``: bytes a pixel, ``compute``: the accelerator's own Mpixel/s."""
    (width, height), (left, right, top, bottom) = _SIZE, _EDGE
    low, high = min(p.memory for p in points) / 1.5, max(p.memory for p in points) * 1.5
    floor, roof = low / moved, 2 * compute

    def place(memory: float, pixels: float) -> str:
        x = left + (width - left - right) * math.log(memory / low) / math.log(high / low)
        y = height - bottom - (height - top - bottom) * math.log(pixels / floor) / math.log(roof / floor)
        return f"{x:.1f},{y:.1f}"

    def text(memory: float, pixels: float, shift: tuple[int, int], anchor: str, what: str) -> str:
        x, y = map(float, place(memory, pixels).split(","))
        return f'<text x="{x + shift[0]:.1f}" y="{y + shift[1]:.1f}" text-anchor="{anchor}">{what}</text>'

    knee = moved * compute
    parts = [f'<polyline points="{place(low, floor)} {place(knee, compute)} {place(high, compute)}" class="roof"/>']
    for point in points:
        x, y = place(point.memory, point.pixels).split(",")
        parts.append(f'<circle cx="{x}" cy="{y}" r="4"/>')
        parts.append(text(point.memory, floor, (0, 16), "middle", f"{point.memory:,.0f}"))
    x, y = place(own.memory, own.pixels).split(",")
    parts.append(f'<circle cx="{x}" cy="{y}" r="7" class="own"/>')
    parts.append(text(own.memory, own.pixels, (0, 24), "end", f"the board's memory: {own.pixels:.2f}"))
    parts += [text(low, value, (-6, 4), "end", f"{value:g}") for value in _ticks(floor, roof)]
    parts.append(f'<text x="{(left + width) / 2}" y="{height - 8}" text-anchor="middle">memory, MB/s, both ways</text>')
    parts.append(f'<text x="{left + 8}" y="{top + 4}">Mpixel/s: {title}</text>')
    style = "text{font:11px sans-serif;fill:#445}.roof{fill:none;stroke:#5d6b7a}circle{fill:#0a7ea4}"
    style += ".own{fill:none;stroke:#c8553d;stroke-width:2}"
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{style}</style>\n'
    return head + f'<rect width="{width}" height="{height}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    return [step * 10.0**decade for decade in decades for step in (1, 2, 5) if low < step * 10.0**decade < high]


def main() -> None:
    """Build, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", nargs="?", default="s2bnet-flat")
    parser.add_argument("--board", default="pynq-z2")
    parser.add_argument("-o", type=Path, default=Path("docs/system.svg"), metavar="FILE.svg", dest="output")
    arguments = parser.parse_args()
    model, target = IntegerModel.load(find_model(arguments.model)), board(arguments.board)
    with tempfile.TemporaryDirectory() as work:
        onnx.save(to_qonnx(model, *FRAME), Path(work) / "model.onnx")
        build(Path(work) / "model.onnx", Path(work) / "package", target, quiet=True)
        package = Package.load(Path(work) / "package")
        points, own = measure(package, RATES)
    compute = math.prod(package.frame) / package.period * package.clock_mhz
    title = f"{model.name} on {target.name}, {package.clock_mhz:g} MHz"
    arguments.output.write_text(draw(points, own, traffic(model), compute, title))


if __name__ == "__main__":
    main()
