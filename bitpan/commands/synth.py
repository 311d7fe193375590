"""``bitpan synth``: an invented scene as a satellite would deliver it, with its truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from bitpan.commands import options
from bitpan.errors import DataError
from bitpan.models.imagery.synth import synthesise, write_scene


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan synth``."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument("--size", type=options.size, default=(512, 512), metavar="HxW", help="PAN pixels (512x512)")
    parser.add_argument("--seed", type=int, default=0, help="which scene (0)")
    parser.add_argument("--bands", type=int, default=4, help="MS bands (4: blue, green, red, nir)")
    parser.add_argument("--bits", type=int, default=11, help="depth of the imagery (11)")
    parser.add_argument("--ratio", type=int, default=4, help="PAN pixels per MS pixel (4)")
    parser.add_argument("--border", type=int, default=0, help="margin without data, in PAN pixels (0)")


def run(arguments: argparse.Namespace) -> int:
    """Write one scene and say where."""
    if arguments.seed < 0:
        raise DataError(f"a seed is 0 or more, not {arguments.seed}")
    scene = synthesise(
        arguments.size, arguments.seed, arguments.bands, arguments.bits, arguments.ratio, arguments.border
    )
    for path in write_scene(scene, arguments.output).values():
        print(path)
    return 0
