"""``bitpan synth``: an invented scene as a satellite would deliver it, with its truth."""

from __future__ import annotations

import argparse

from bitpan.commands import options
from bitpan.errors import DataError
from bitpan.models.imagery.spectra import optics
from bitpan.models.imagery.synth import synthesise, write_scene


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan synth``."""
    options.add_output(parser, "DIR", "folder to write into")
    options.add(parser, "--size", "--seed")
    options.add(parser, "--sensor", help="whose spectral bands it has")
    options.add(parser, "--bands", help="which of the sensor's, from 1, in this order, as in 2,3,5,7 (default: all)")
    options.add(parser, "--bits", "--ratio")
    options.add(parser, "--border", help="margin without data, in PAN pixels")


def run(arguments: argparse.Namespace) -> int:
    """Write one scene and say where."""
    if arguments.seed < 0:
        raise DataError(f"a seed is 0 or more, not {arguments.seed}")
    own = optics(arguments.sensor, arguments.bands)
    scene = synthesise(arguments.size, arguments.seed, arguments.bits, arguments.ratio, arguments.border, own)
    for path in write_scene(scene, arguments.output).values():
        print(path)
    return 0
