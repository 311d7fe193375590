"""How fast the CPU fuses: the compiled engine and the NumPy reference, measured side by side on the same frames.

    python benchmarks/fuse_cpu.py --model s2bnet-flat --threads 2

The two take turns, so that a busy machine slows both; the best of each counts. The compiled engine has a frame on each
thread. Megapixels are PAN pixels of a frame, its halo included. A network whose weights do not come along is measured
untrained, in its full size: 32 channels.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bitpan.arithmetic import AFFINE_FRACTION, Integers, keys_coefficients
from bitpan.errors import ModelError
from bitpan.model import IntegerModel
from bitpan.shipped import find_model

MODELS = ("s2bnet-flat", "s2bnet", "bnnpan")


def main() -> None:
    """Print the figures of each network."""
    from bitpan.host.threads import default_threads  # here: peers.py has this module beside an older bitpan

    parser = argparse.ArgumentParser(description="Measure the CPU engines.")
    parser.add_argument(
        "--model", nargs="+", default=MODELS, help="as for bitpan fuse, or a network's name (all three)"
    )
    parser.add_argument("--side", type=int, default=552, help="frame of the compiled engine (default: %(default)s)")
    parser.add_argument("--reference-side", type=int, default=128, help="of the reference (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=default_threads(), help="default: all cores")
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{processor()}, NumPy {np.__version__}, Numba {version('numba')}, {time.strftime('%Y-%m-%d')}")
    for name in arguments.model:
        measure(find_or_make(name), arguments)


def measure(model: IntegerModel, arguments: argparse.Namespace) -> None:
    """Print one line of figures per engine, and their ratio."""
    from bitpan.host.engine.engine import CompiledEngine, ReferenceEngine
    from bitpan.host.threads import at_once

    scene, threads = some_scene(model), arguments.threads
    compiled, reference = CompiledEngine(model, threads), ReferenceEngine(model)
    large, small = (random_frame(model, side) for side in (arguments.side, arguments.reference_side))
    if not np.array_equal(compiled.run(small, scene), reference.run(small, scene)):
        raise SystemExit("the engines differ: run the tests")
    fast, slow = [], []
    for _ in range(arguments.repetitions):
        fast.append(seconds(lambda: [*at_once(lambda _: compiled.run(large, scene), range(threads), threads)]))
        slow.append(seconds(lambda: reference.run(small, scene)))
    pixels = threads * arguments.side**2, arguments.reference_side**2
    rates = [count / min(times) / 1e6 for count, times in zip(pixels, (fast, slow), strict=True)]
    weights = "" if model.provenance else ", untrained"
    print(f"\n{model.name}, {model.bands} bands{weights}")
    kinds = (f"compiled, {threads} threads", arguments.side), ("NumPy reference", arguments.reference_side)
    for (name, side), rate in zip(kinds, rates, strict=True):
        print(f"{name:21}{rate:.4f} Mpixel/s (frames of {side} x {side})")
    print(f"{'compiled / NumPy':21}{rates[0] / rates[1]:.0f}")


def find_or_make(name: str) -> IntegerModel:
    """The model that comes along or lies there, else the network of that name without training."""
    try:
        return IntegerModel.load(find_model(name))
    except ModelError:
        from bitpan.models.networks.binary_network import BinaryNetwork
        from bitpan.models.networks.configuration import Configuration
        from bitpan.models.networks.integers import to_integer_model
        from bitpan.models.networks.registry import NETWORKS

        network = NETWORKS.get(name)
        if network is None or not issubclass(network, BinaryNetwork):
            raise
        return to_integer_model(network(Configuration(blocks=network.default_blocks)))


def random_frame(model: IntegerModel, side: int) -> dict[str, Integers]:
    """A frame of noise."""
    rng = np.random.default_rng(0)
    high = 1 << model.bits
    return {name: rng.integers(0, high, model.tensors[name].shape(side, side)) for name in ("pan", "ms")}


def some_scene(model: IntegerModel) -> dict[str, Integers]:
    """Scene parameters that leave the features as they are: thresholds of 0, scales of 1."""
    scene = {p.name: np.zeros(p.shape, np.int64) for p in model.scene}
    for p in model.scene:
        if p.kind == "interpolation":
            scene[p.name] = keys_coefficients(model.ratio)
        elif p.kind == "affine":
            scene[p.name][0] = 1 << AFFINE_FRACTION
    return scene


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
