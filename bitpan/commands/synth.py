"""``bitpan synth``: an invented scene as a satellite would deliver it, with its truth."""

from __future__ import annotations

import argparse

from bitpan.commands import options
from bitpan.errors import DataError
from bitpan.models.imagery.synth import synthesise, write_scene


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan synth``."""
    options.add_output(parser, "DIR", "folder to write into")
    options.add(parser, "--size", "--seed")
    options.add(parser, "--bands", type=int, default=4, metavar="N", help="how many MS bands; 4: blue, green, red, nir")
    options.add(parser, "--bits", "--ratio")
    options.add(parser, "--border", help="margin without data, in PAN pixels")


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
