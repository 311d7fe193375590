"""The ``bitpan`` command. A subcommand is imported only when asked for."""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from bitpan import __version__
from bitpan.errors import BitpanError, BitpanWarning
from bitpan.optional import missing
from bitpan.signals import exit_code, interrupting, uncovered

COMMANDS = {
    "synth": "make a synthetic, georeferenced PAN/MS pair with its truth",
    "train": "train a binary pan-sharpening network",
    "evaluate": "judge networks and classical methods by quality indices",
    "sweep": "train and judge the networks of a file at one budget",
    "export": "turn a checkpoint into a QONNX model",
    "build": "compile a QONNX model into an accelerator and a deployment folder",
    "wheel": "pack a finished deployment folder for pip and PYNQ",
    "explore": "show rate against resources of a network on boards",
    "area": "say what a unit of the accelerator costs, or make the table of units anew",
    "simulate": "prove a built accelerator bit for bit in Verilator",
    "fuse": "fuse a PAN and an MS GeoTIFF into one sharp MS GeoTIFF",
    "metrics": "say how good a fused image is, with a truth or without",
    "demo": "run the whole line once on a synthetic scene",
}
"""Subcommand: one line of help. Each is a module of :mod:`bitpan.commands` with ``add_arguments`` and ``run``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; errors become one line on stderr and exit code 1, a signal 128 and its number."""
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
    _set_up()
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            module = importlib.import_module(f"bitpan.commands.{chosen.command}")
            parser = argparse.ArgumentParser(prog=f"bitpan {chosen.command}", description=COMMANDS[chosen.command])
            # argparse takes "-2.25,2.5" and "-3.4e+38" for options unless told otherwise; there is no public way.
            parser._negative_number_matcher = re.compile(r"^-(\.?\d|inf)")
            module.add_arguments(parser)
            with uncovered():
                arguments = parser.parse_intermixed_args(chosen.rest)  # options may stand anywhere
                with interrupting():  # not before: imports try what there is, and swallow it
                    return int(module.run(arguments))
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("bitpan"):
                raise
            print(f"bitpan {chosen.command}: {missing(error.name)}", file=sys.stderr)
        except BitpanError as error:
            print(f"bitpan {chosen.command}: {error}", file=sys.stderr)
        except OSError as error:
            print(f"bitpan {chosen.command}: {_reason(error)}", file=sys.stderr)
        except KeyboardInterrupt as interrupt:
            print(f"bitpan {chosen.command}: interrupted; nothing was half-written", file=sys.stderr)
            return exit_code(interrupt)
    return 1


def _set_up() -> None:
    """Before anything large is imported: what costs time and brings nothing here."""
    gc.set_threshold(50_000)  # the default goes through all that imports leave, again and again
    atexit.register(gc.freeze)  # and so does the interpreter at its end
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads wait for the next product at full speed


def _reason(error: OSError) -> str:
    """One line for what the system refused: a full disk, a folder that cannot be written."""
    what = " ".join((error.strerror or str(error)).split())
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{what}; check the path, its permissions and the space on the disk"


def _show_warning(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:  # noqa: ANN401
    own = issubclass(category, BitpanWarning)
    text = f"warning: {message}\n" if own else warnings.formatwarning(message, category, *where[:2])
    print(text, end="", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
