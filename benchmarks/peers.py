"""How fast bitpan fuses on the CPU beside what else there is, all on the same cores, taking turns.

    python benchmarks/peers.py --rounds 5

Engines get frames that lie in memory: bitpan, bitpan of a commit before, and the flat network's convolutions in real
numbers with PyTorch and ONNX Runtime. Whole processes get two GeoTIFFs and leave one: `bitpan fuse`, GDAL's weighted
Brovey with each compression, and GSA. Each runs once before the rounds, so that what is compiled is there. The median
of the rounds counts. A picture shows the processes' rates against the PSNR of what they have written.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import IO

import matplotlib as mpl
import rasterio
from matplotlib import pyplot as plt
from peers_served import BLOCKS, CHANNELS, ENGINES, SIDE
from peers_written import WRITERS

from bitpan.models.quality import metrics

ROOT = Path(__file__).parents[1]
OUT = ROOT / "out" / "peers"
BEFORE = "95c4575"
"""The commit that the CPU engine is compared with: the last one that counted bits bytewise, in frames as a whole."""

NETWORKS = ("s2bnet-flat", "s2bnet", "bnnpan")


def main() -> None:
    """Print both tables and draw the picture."""
    parser = argparse.ArgumentParser(description="Compare bitpan's speed on the CPU with that of others.")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of each (default: %(default)s)")
    parser.add_argument("--size", type=int, default=4096, help="of the scene, PAN pixels (default: %(default)s)")
    parser.add_argument("--picture", type=Path, default=OUT / "peers.png", help="(default: %(default)s)")
    own = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    before = checkout()
    print(f"{own.threads} threads, median of {own.rounds} rounds; engines: frames of {SIDE} x {SIDE}, Mpixel/s")
    print(f"in real numbers: {BLOCKS} blocks of {CHANNELS} channels, as s2bnet-flat, without what scales and shifts")
    rates = engines(own.rounds, own.threads, before)
    report(rates, {name: f"{name.rpartition(',')[0]}, before" for name in rates})
    print(f"\nwhole processes: {own.size} x {own.size} PAN pixels from GeoTIFF to GeoTIFF, Mpixel/s")
    rates, quality = processes(own.rounds, own.threads, own.size, before)
    report(rates, {name: f"{name}, before" for name in rates}, quality)
    draw(rates, quality, own.picture)


def report(rates: dict[str, float], earlier: dict[str, str], quality: dict[str, float] | None = None) -> None:
    """A line for each, the fastest first, with its ratio to the flat network's."""
    flat = next(rate for name, rate in rates.items() if name.startswith("s2bnet-flat"))
    for name, rate in sorted(rates.items(), key=lambda entry: -entry[1]):
        old = rates.get(earlier[name]) if earlier[name] != name else None
        gain = f", {rate / old:.2f} times before" if old else ""
        reached = f"   {quality[name]:.2f} dB" if quality else ""
        print(f"{name:30}{rate:8.2f}{reached}   s2bnet-flat / this {flat / rate:6.2f}{gain}")


def checkout() -> Path:
    """A folder to import the commit before from, with its packages as links."""
    sources, folder = OUT / BEFORE, OUT / f"{BEFORE}-packages" / "bitpan"
    if not sources.exists():
        archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, check=True, capture_output=True).stdout
        sources.mkdir(parents=True)
        subprocess.run(["tar", "-x", "-C", str(sources)], input=archive, check=True)
    if not folder.exists():
        folder.mkdir(parents=True)
        parts = [sources / name for name in ("models", "hw", "build", "host")]
        for source in [*(sources / "bitpan").iterdir(), *parts]:
            (folder / source.name).symlink_to(source)
    return folder.parent


def environment(threads: int, packages: Path | None = None) -> dict[str, str]:
    """Of a child process; ``packages`` is looked in before what is installed."""
    found = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    if packages:
        found |= {"PYTHONPATH": str(packages), "NUMBA_CACHE_DIR": str(OUT / "numba")}
    return found


class Served:
    """An engine in a process of its own that measures itself when it is asked to."""

    def __init__(self, engine: str, name: str, threads: int, packages: Path | None) -> None:
        command = [sys.executable, str(Path(__file__).with_name("peers_served.py")), engine, name, str(threads)]
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, env=environment(threads, packages), **options)  # type: ignore[call-overload]
        self.measure()  # its own warming up

    def measure(self) -> float:
        """Mpixel/s now."""
        to_it: IO[str] = self._process.stdin
        to_it.write("now\n")
        to_it.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.wait()


def engines(rounds: int, threads: int, before: Path) -> dict[str, float]:
    """The median rate of each engine."""
    served = {}
    for name in NETWORKS:
        served[f"{name}, bitpan"] = Served("bitpan", name, threads, None)
        served[f"{name}, before"] = Served("bitpan", name, threads, before)
    for engine in ENGINES:
        if engine != "bitpan":
            served[engine] = Served(engine, "", threads, None)
    found: dict[str, list[float]] = {name: [] for name in served}
    for _ in range(rounds):
        for name, each in served.items():
            found[name].append(each.measure())
    for each in served.values():
        each.close()
    return {name: median(rates) for name, rates in found.items()}


def processes(rounds: int, threads: int, size: int, before: Path) -> tuple[dict[str, float], dict[str, float]]:
    """The median rate of each process, its start and end included, and the PSNR of what it has written."""
    scene = OUT / f"scene{size}"
    if not (scene / "ms.tif").exists():
        made = ["synth", "-o", str(scene), "--size", f"{size}x{size}"]
        subprocess.run([sys.executable, "-m", "bitpan.cli", *made], check=True, stdout=subprocess.DEVNULL)
    pair = [str(scene / "pan.tif"), str(scene / "ms.tif")]
    folder, fused = OUT / "fused", OUT / "fused" / "fused.tif"
    program = [sys.executable, "-m", "bitpan.cli"]
    fuse = [*program, "fuse", *pair, "-o", str(fused), "--threads", str(threads)]
    commands = {name: ([*fuse, "--model", name], None) for name in NETWORKS}
    commands |= {f"{name}, before": ([*fuse, "--model", name], before) for name in NETWORKS}
    written = [sys.executable, str(Path(__file__).with_name("peers_written.py")), *pair, str(fused)]
    commands |= {name: ([*written, name], None) for name in WRITERS}
    found: dict[str, list[float]] = {name: [] for name in commands}
    quality = {}
    for i in range(1 + rounds):
        for name, (command, packages) in commands.items():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            began = time.perf_counter()  # in a folder without a bitpan, which python -m would prefer
            subprocess.run(command, check=True, cwd=OUT, env=environment(threads, packages), capture_output=True)
            if i:
                found[name].append(size * size / 1e6 / (time.perf_counter() - began))
            else:
                quality[name] = psnr(fused, scene / "truth.tif")
    return {name: median(rates) for name, rates in found.items()}, quality


def psnr(fused: Path, truth: Path) -> float:
    """Of an image against the truth's maximum, dB."""
    with rasterio.open(fused) as image, rasterio.open(truth) as true:
        return metrics.psnr(image.read(), true.read())


def draw(rates: dict[str, float], quality: dict[str, float], picture: Path) -> None:
    """Rate against quality; a network's arrow begins where it was before."""
    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for marker, (name, rate) in zip("osDv^<>P", ((n, r) for n, r in rates.items() if "before" not in n), strict=False):
        colour = "tab:blue" if name in NETWORKS else "tab:gray"
        axes.plot(rate, quality[name], marker, color=colour, label=f"{name}: {rate:.1f}")
        earlier = f"{name}, before"
        if earlier in rates:
            begin, arrow = (rates[earlier], quality[earlier]), {"arrowstyle": "-", "color": colour, "alpha": 0.5}
            axes.annotate("", (rate, quality[name]), begin, arrowprops=arrow)
    axes.set(xscale="log", xlabel="PAN Mpixel/s, GeoTIFF to GeoTIFF", ylabel="PSNR on this synthetic scene, dB")
    axes.set_xlim(left=1)
    axes.grid(alpha=0.3, which="both")
    figure.legend(loc="outside right upper", fontsize=8, title="Mpixel/s; lines: before")
    figure.savefig(picture, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
