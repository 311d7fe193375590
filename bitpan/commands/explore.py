"""``bitpan explore``: rate against resources of a network on boards, before anything is built.

With ``--table`` the fastest accelerators of all networks that ship, of 4 and of 8 bands, on all boards, counted by
Yosys.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from bitpan import values
from bitpan.build.boards import BOARDS, Board, board
from bitpan.build.build import steps
from bitpan.build.explore import Point, draw, explore, table
from bitpan.build.finn.folding import TARGETS
from bitpan.build.table import markdown, row
from bitpan.commands import options
from bitpan.errors import BuildError
from bitpan.files import partial, write_json
from bitpan.host.scene.tiles import delivered_share
from bitpan.model import IntegerModel
from bitpan.shipped import DEFAULT_MODEL, PRETRAINED, find_model

FRAME = "64x496"
"""Strips as a scene is streamed in: just within a power of two with the FIFOs' margin; the height does not matter."""

SCENE = 10_000
"""Side of the scene whose delivered pixels the table counts."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan explore``."""
    parser.add_argument(
        "model", nargs="?", default=DEFAULT_MODEL, help="a model's folder or the name of one (default: %(default)s)"
    )
    size = options.value(values.size)
    frame = "height for the estimate and widest strip, PAN pixels (default: %(default)s)"
    options.add(parser, "--board", default=None, choices=BOARDS, help="one board (default: all)")
    parser.add_argument("--frame", type=size, default=FRAME, metavar="HxW", help=frame)
    parser.add_argument("--cycles-per-pixel", type=int, nargs="+", default=TARGETS, metavar="N", help="rates to try")
    parser.add_argument(
        "--table", action="store_true", help="the table of all networks and boards (an hour; resumable)"
    )
    parser.add_argument("--ms-bands", type=int, nargs="+", default=(4, 8), metavar="N", help="of the table (4 8)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="a picture of the fronts, or the table's JSON"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a table for each board, or the one of all."""
    output: Path | None = arguments.output
    with partial(output) if output else nullcontext() as new:
        _explore(arguments, new)
    if output:
        print(f"\n{output}")
    return 0


def _explore(arguments: argparse.Namespace, output: Path | None) -> None:
    boards = [board(arguments.board)] if arguments.board else list(BOARDS.values())
    if arguments.table:
        _table(boards, arguments.ms_bands, output)
        return
    model = IntegerModel.load(find_model(arguments.model))
    progress = steps()
    found: dict[str, Sequence[Point]] = {}
    for each in boards:
        found[each.name] = explore(model, each, arguments.frame, arguments.cycles_per_pixel, progress)
        print(f"\n{model.name} on {each.name} at {each.clock_mhz} MHz, strips of {arguments.frame[1]}:")
        print(table(found[each.name], each), flush=True)
    if output:
        draw(found, boards, output)


def _table(boards: list[Board], bands: list[int], output: Path | None) -> None:
    """Rows as they come, then all of them; a board that a network does not fit has none."""
    rows: list[dict[str, Any]] = []
    for model in _networks(bands):
        for each in boards:
            try:
                found = row(model, each, steps())
            except BuildError as error:
                print(f"{model.name}, {model.bands} bands, {each.name}: {error}", flush=True)
                continue
            share = delivered_share(model, SCENE, SCENE, found["width"])
            delivered = round(each.clock_mhz / found["cycles"] * share, 2)
            rows.append({**found, "delivered_share": round(share, 4), "delivered": delivered})
            print(markdown(rows[-1:]).splitlines()[-1], flush=True)
    print("\n" + markdown(rows))
    if output:
        write_json(output, rows)


def _networks(bands: list[int]) -> Iterator[IntegerModel]:
    """What ships, and for other numbers of bands the same networks untrained: weights decide no rate."""
    from bitpan.models.networks.binary_network import BinaryNetwork
    from bitpan.models.networks.configuration import Configuration
    from bitpan.models.networks.integers import to_integer_model
    from bitpan.models.networks.registry import NETWORKS

    for count in bands:
        for name in ("s2bnet-flat", "s2bnet", "bnnpan"):
            model = IntegerModel.load(PRETRAINED / name)
            if count != model.bands:
                network = NETWORKS[name](Configuration(bands=count, blocks=NETWORKS[name].default_blocks))
                assert isinstance(network, BinaryNetwork)
                model = to_integer_model(network)
            yield model
