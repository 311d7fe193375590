"""How fast files are read, prepared, compressed and written, beside GDAL's weighted Brovey with the same options.

    python benchmarks/files.py

The device answers at once what the network has answered before; the scene's parameters are there. In one process,
taking turns, the median of the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median

from peers_written import DEFLATE, brovey

from bitpan.arithmetic import Integers
from bitpan.files.compression import DEFAULT
from bitpan.host.device.devices import Device, Frame
from bitpan.host.fuser import Fuser
from bitpan.model import IntegerModel
from bitpan.operations import Array
from bitpan.shipped import find_model


class Replay(Device):
    """Answers at once what another device has answered the first time."""

    def __init__(self, device: Device) -> None:
        self.largest, self._device = device.largest, device
        self._kept: list[Array] = []

    def load_scene(self, scene: Mapping[str, Integers]) -> None:
        """See :class:`Device`."""
        self._device.load_scene(scene)

    def fuse(self, frames: Iterable[Frame]) -> Iterator[Array]:
        """See :class:`Device`."""
        if not self._kept:
            self._kept = list(self._device.fuse(frames))
            yield from self._kept
            return
        for _, fused in zip(frames, self._kept, strict=True):
            yield fused


def main() -> None:
    """Print Mpixel/s of both, with each compression."""
    parser = argparse.ArgumentParser(description="Measure the files' side of bitpan fuse.")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--side", type=int, default=4096, help="of the scene, PAN pixels (default: %(default)s)")
    own = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
        made = ["synth", "-o", name, "--size", f"{own.side}x{own.side}"]
        subprocess.run([sys.executable, "-m", "bitpan.cli", *made], check=True, stdout=subprocess.DEVNULL)
        ways, pixels = compared(Path(name) / "pan.tif", Path(name) / "ms.tif", Path(name)), own.side**2 / 1e6
        found: dict[str, list[float]] = {way: [] for way in ways}
        for i in range(1 + own.rounds):
            for way, run in ways.items():
                shutil.rmtree(Path(name) / "out", ignore_errors=True)
                (Path(name) / "out").mkdir()
                began = time.perf_counter()
                run()
                if i:
                    found[way].append(pixels / (time.perf_counter() - began))
    rates = {way: median(values) for way, values in found.items()}
    for way, rate in rates.items():
        print(f"{way:24}{rate:8.1f} Mpixel/s")
    for kind in ("deflate", "none"):
        print(f"{kind}: {rates[f'bitpan, {kind}'] / rates[f'GDAL, {kind}']:.2f} times GDAL")


def compared(pan: Path, ms: Path, folder: Path) -> dict[str, Callable[[], object]]:
    """The ways to go from both files to one in ``folder / "out"``."""
    fuser, parameters = Fuser(IntegerModel.load(find_model("s2bnet-flat"))), folder / "whole.scene.json"
    fuser._device, out = Replay(fuser._device), folder / "out" / "fused.tif"
    fuser.fuse(pan, ms, folder / "whole.tif", compression="none")

    def fuse(compression: str) -> Callable[[], object]:
        return lambda: fuser.fuse(pan, ms, out, scene_parameters=parameters, compression=compression)

    return {
        "bitpan, deflate": fuse(DEFAULT),
        "GDAL, deflate": lambda: brovey(pan, ms, out, **DEFLATE),
        "bitpan, none": fuse("none"),
        "GDAL, none": lambda: brovey(pan, ms, out),
    }


if __name__ == "__main__":
    main()
