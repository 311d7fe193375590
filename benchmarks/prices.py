"""What the arms of a sweep cost in hardware.

    python benchmarks/prices.py docs/sweeps/planes.toml --board zcu104 --cycles-per-pixel 4 8

Each arm is estimated as `bitpan explore` does, untrained, since weights decide no rate: resources at each number of
clocks per PAN pixel, for strips of 496. Arms in floating point have no price.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bitpan.build.boards import BOARDS, board
from bitpan.build.explore import explore
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.networks.cost import cost
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.sweep.file import read_sweep

BANDS = 4
FRAME = 64, 496
LINE = "{:<36} {:>8} {:>7} {:>9} {:>8} {:>5} {:>7} {:>5}"
RESOURCES = ("LUT", "DSP", "BRAM_18K", "URAM")


def main() -> None:
    """Print a line for each arm and rate."""
    parser = argparse.ArgumentParser(description="Estimate what the arms of a sweep cost in hardware.")
    parser.add_argument("sweep", type=Path, help="a file of docs/sweeps")
    parser.add_argument("--board", default="zcu104", choices=BOARDS, help="(default: %(default)s)")
    parser.add_argument("--cycles-per-pixel", type=int, nargs="+", default=(4, 8), metavar="N", help="rates (4 8)")
    arguments = parser.parse_args()
    target = board(arguments.board)
    head = ("arm", "XNORs", "clocks", "Mpixel/s", "LUT", "DSP", "BRAM18", "URAM")
    print(f"{target.name}, {target.clock_mhz} MHz, strips of {FRAME[1]}", LINE.format(*head), sep="\n", flush=True)
    for arm in read_sweep(arguments.sweep, Path()).arms:
        network = NETWORKS[arm.settings.network](arm.settings.configuration(BANDS))
        if not isinstance(network, BinaryNetwork):
            continue
        xnors = f"{cost(network).binary_macs:,.0f}"
        for point in explore(to_integer_model(network), target, FRAME, arguments.cycles_per_pixel):
            used = [f"{point.used[key]:,.0f}" for key in RESOURCES]
            line = LINE.format(arm.name, xnors, f"{point.cycles:.2f}", f"{point.megapixels:.1f}", *used)
            print(line + " does not fit" * bool(point.lacking), flush=True)


if __name__ == "__main__":
    main()
