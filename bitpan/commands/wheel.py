"""``bitpan wheel``: a finished deployment folder as a wheel, which pip installs and PYNQ finds."""

from __future__ import annotations

import argparse
from pathlib import Path

from bitpan.build.deploy.wheel import write_wheel
from bitpan.commands import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan wheel``."""
    parser.add_argument("folder", type=Path, help="deployment folder with its bitstream")
    parser.add_argument("--name", help="what PYNQ and bitpan call it (default: the folder's name)")
    options.add_output(parser, "DIR", "folder to write the wheel into")


def run(arguments: argparse.Namespace) -> int:
    """Write it, and say how it is used."""
    name = arguments.name or arguments.folder.resolve().name
    path = write_wheel(arguments.folder, name, arguments.output)
    print(f"{path}: pip installs it on the board; bitpan fuse --package {name} and pynq.Overlay('{name}.bit') find it")
    return 0
