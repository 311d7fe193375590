"""Options that several commands have, each written once: ``add(parser, "--ratio", "--bits")``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bitpan import values
from bitpan.errors import BitpanError, DataError
from bitpan.rasters.georeference import ALIGNMENTS
from bitpan.rasters.pair import Handling
from bitpan.rasters.validity import DECLARED

T = TypeVar("T")

HELD_OUT = "fraction of the columns, at the right, of each source, or of its images, the last ones"
"""What is held out of the data."""


def value(reader: Callable[[str], T]) -> Callable[[str], T]:
    """A reader of :mod:`bitpan.values` as argparse wants it."""

    def read(text: str) -> T:
        try:
            return reader(text)
        except DataError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _an(text: str, default: Any = 0, reader: Any = int, metavar: str | None = "N", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"help": text, "default": default, "type": reader, "metavar": metavar, **more}


SOURCES = "PAN.tif,MS.tif, a product's folder or a .mat, .npz, .h5 file; may end in ':key=value[;...]', as sensor=wv2"
BANDS = "MS bands to take, from 1, in this order, as in 3,2,1,4 (default: all)"
SHIFT = "how far the MS lies below and right of where it should, in PAN pixels"

SHARED: dict[str, dict[str, Any]] = {
    "--data": _an(SOURCES, (), str, "SOURCE", nargs="+"),
    "--scene-size": _an("width of synthetic scenes, PAN pixels", 256),
    "--bands": _an(BANDS, None, value(values.band_numbers), "N,N,..."),
    "--bits": _an("unsigned bits of the imagery", 11),
    "--ratio": _an("PAN pixels per MS pixel", 4),
    "--sensor": _an("whose modulation transfer function the imagery has", "generic", str, None),
    "--shift": _an(SHIFT, None, value(values.shift), "DY,DX"),
    "--size": _an("of the scene, PAN pixels", "512x512", value(values.size), "HxW"),
    "--border": _an("pixels to cut from every side first"),
    "--device": _an("cpu or cuda", "cpu", str, "DEVICE"),
    "--threads": _an("of the CPU (default: as many as cores are idle)"),
    "--seed": _an("of all that is drawn at random"),
    "--board": _an("to build for", "pynq-z2", str, None),
    "--json": {"action": "store_true", "help": "print JSON"},
}
"""What argparse is told of each; a command may say otherwise."""


def add(parser: argparse._ActionsContainer, *flags: str, **changes: Any) -> None:  # noqa: ANN401
    """Add shared options, or one with ``changes``; of a default other than nothing the help tells."""
    for flag in flags:
        own = {**SHARED[flag], **changes}
        if flag == "--sensor":
            from bitpan.models.imagery.degrade import SENSORS

            own["choices"] = SENSORS
        parser.add_argument(flag, **_told(own))


def free_cores() -> int:
    """Threads where none are asked for: as many as there are idle cores, one at least.

    On a busy machine two threads wait for each other longer than one needs.
    """
    return max(1, len(os.sched_getaffinity(0)) - round(os.getloadavg()[0]))


def add_measured_shift(parser: argparse.ArgumentParser) -> None:
    """Add ``--shift`` where the shift may be measured: None, ``auto``, or (dy, dx)."""
    reader = value(lambda text: text if text == "auto" else values.shift(text))
    told = f"{SHIFT}; auto: measure it (default: measured, 0,0 where that is not sure)"
    add(parser, "--shift", type=reader, metavar="DY,DX|auto", help=told)


def add_handling(parser: argparse.ArgumentParser) -> None:
    """Add what is known of a pair better than its files say, beside ``--bands``."""
    values_ = "of pixels without data, instead of what the files declare; two of them with a comma: PAN's first"
    parser.add_argument("--nodata", type=value(values.nodata), metavar="VALUE|none[,...]", help=values_)
    rule = "a pixel holds no data where any of its bands is nodata, or where all are (default: %(default)s)"
    parser.add_argument("--nodata-in", choices=("any", "all"), default="any", help=rule)
    ways = "lay the pair over each other by geotransforms, by corners and sizes, or by resampling the MS (%(default)s)"
    parser.add_argument("--align", choices=ALIGNMENTS, default="auto", help=ways)


def handling(arguments: argparse.Namespace) -> Handling:
    """What :func:`add_handling` and ``--bands`` were told."""
    nodata = (DECLARED, DECLARED) if arguments.nodata is None else arguments.nodata
    return Handling(arguments.bands, nodata, arguments.nodata_in == "all", arguments.align)


def add_output(parser: argparse.ArgumentParser, metavar: str, text: str, *more: str, **changes: Any) -> None:  # noqa: ANN401
    """Add ``-o``, ``--output``: a file or folder to write, required unless there is a default."""
    own = {"type": Path, "metavar": metavar, "help": text, "required": "default" not in changes, **changes}
    parser.add_argument("-o", "--output", *more, **_told(own))


def _told(own: dict[str, Any]) -> dict[str, Any]:
    shown = own.get("default") not in (None, 0, (), argparse.SUPPRESS)
    return {**own, "help": own["help"] + " (default: %(default)s)"} if shown else own


def gone(parser: argparse.ArgumentParser, old: str, why: str) -> None:
    """Refuse the option ``old`` of earlier versions."""
    _refused(parser, old, f"there is no {old} since bitpan 0.2.0: {why}")


def renamed(parser: argparse.ArgumentParser, old: str, new: str, why: str) -> None:
    """Refuse the option ``old`` of earlier versions, and name ``new``."""
    _refused(parser, old, f"{old} is called {new} since bitpan 0.2.0: {why}")


def _refused(parser: argparse.ArgumentParser, old: str, said: str) -> None:
    class Refuse(argparse.Action):
        def __call__(self, *_: Any) -> None:  # noqa: ANN401
            raise BitpanError(said)

    parser.add_argument(old, nargs="?", action=Refuse, help=argparse.SUPPRESS)
