"""``bitpan simulate``: prove a built accelerator bit for bit in Verilator."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from bitpan.build.deploy.verify import TOLERANCE, verify
from bitpan.commands import options
from bitpan.errors import BuildError
from bitpan.package import Package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan simulate``."""
    parser.add_argument("package", type=Path, help="deployment folder made by `bitpan build`")
    parser.add_argument("--frames", type=int, default=10, help="random frames to run (default: %(default)s)")
    options.renamed(parser, "--tiles", "--frames N", "a frame is a tile with its halo")
    parser.add_argument("--stalls", action="store_true", help="stall all streams at random")
    options.add(parser, "--seed")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="write a waveform (VCD); takes much space and time")


def run(arguments: argparse.Namespace) -> int:
    """Simulate and print the verdict."""
    if arguments.frames < 1:
        raise BuildError(f"--frames {arguments.frames}: at least one frame must run")
    if arguments.seed < 0:
        raise BuildError(f"--seed {arguments.seed}: 0 or more")
    package = Package.load(arguments.package)
    tell = partial(print, " ", file=sys.stderr, flush=True)
    verdict = verify(package, arguments.frames, arguments.stalls, arguments.trace, arguments.seed, tell)
    height, width = package.frame
    pixels = height * width
    sizes = " and ".join(f"{columns} x {rows}" for rows, columns in verdict.sizes)
    print(f"{verdict.frames} frames of {sizes}: every bit equals the integer model")
    print(f"digest of all that is in {package.folder}: {package.digest}")
    print(
        f"cycles of a frame alone   {verdict.cycles:>9,}   estimated {verdict.estimate:>9,}   "
        f"{verdict.deviation:+.1%}, {verdict.cycles / pixels:.2f} per PAN pixel"
    )
    if verdict.period and not arguments.stalls:
        print(
            f"cycles from frame to frame{verdict.period:>9,.0f}   estimated {verdict.period_estimate:>9,}   "
            f"{verdict.period / verdict.period_estimate - 1:+.1%}, {verdict.period / pixels:.2f} per PAN pixel"
        )
    print(f"simulated {verdict.speed:,.0f} cycles a second")
    if not verdict.as_estimated:
        print(f"the estimate is off by more than {TOLERANCE:.0%}", file=sys.stderr)
        return 1
    return 0
