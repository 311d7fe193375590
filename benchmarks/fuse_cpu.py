"""How fast the CPU fuses: the compiled engine and the NumPy reference, measured side by side on the same frames.

    python benchmarks/fuse_cpu.py --model s2bnet-flat --threads 2

The two take turns, so that a busy machine slows both; the best of each counts. Megapixels are PAN pixels of a frame,
its halo included.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bitpan.arithmetic import Integers, keys_coefficients
from bitpan.host.engine import CompiledEngine, ReferenceEngine, default_threads
from bitpan.host.fuse import DEFAULT_MODEL, find_model
from bitpan.model import IntegerModel


def main() -> None:
    """Print one line of figures per engine, and their ratio."""
    parser = argparse.ArgumentParser(description="Measure the CPU engines.")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="as for bitpan fuse (default: %(default)s)")
    parser.add_argument("--side", type=int, default=552, help="frame of the compiled engine (default: %(default)s)")
    parser.add_argument("--reference-side", type=int, default=128, help="of the reference (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=default_threads(), help="default: all cores")
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    model = IntegerModel.load(find_model(arguments.model))
    scene = random_scene(model)
    compiled, reference = CompiledEngine(model, arguments.threads), ReferenceEngine(model)
    large, small = (random_frame(model, side) for side in (arguments.side, arguments.reference_side))
    if not np.array_equal(compiled.run(small, scene), reference.run(small, scene)):
        raise SystemExit("the engines differ: run the tests")
    fast, slow = [], []
    for _ in range(arguments.repetitions):
        fast.append(seconds(lambda: compiled.run(large, scene)))
        slow.append(seconds(lambda: reference.run(small, scene)))
    rates = [side**2 / min(times) / 1e6 for side, times in ((arguments.side, fast), (arguments.reference_side, slow))]
    print(f"{model.name}, {model.bands} bands, {processor()}, {time.strftime('%Y-%m-%d')}")
    engines = (f"compiled, {arguments.threads} threads", arguments.side), ("NumPy reference", arguments.reference_side)
    for (name, side), rate in zip(engines, rates, strict=True):
        print(f"{name:21}{rate:.4f} Mpixel/s (frames of {side} x {side})")
    print(f"{'compiled / NumPy':21}{rates[0] / rates[1]:.0f}")


def random_frame(model: IntegerModel, side: int) -> dict[str, Integers]:
    """A frame of noise."""
    rng, coarse = np.random.default_rng(0), side // model.ratio
    high = 1 << model.bits
    return {"pan": rng.integers(0, high, (1, side, side)), "ms": rng.integers(0, high, (model.bands, coarse, coarse))}


def random_scene(model: IntegerModel) -> dict[str, Integers]:
    """Some scene parameters; the time does not depend on them."""
    return {
        p.name: keys_coefficients(model.ratio) if p.kind == "interpolation" else np.zeros(p.shape, np.int64)
        for p in model.scene
    }


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor() -> str:
    """The processor's name, where the system tells it."""
    source = Path("/proc/cpuinfo")
    lines = source.read_text().splitlines() if source.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
