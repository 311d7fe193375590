"""``bitpan fuse``: a PAN and an MS GeoTIFF into one sharp MS GeoTIFF."""

from __future__ import annotations

import argparse
import math
import re
import time
from pathlib import Path

from bitpan.errors import DataError, DeviceError, ModelError
from bitpan.host.device import devices
from bitpan.host.fuser import Fuser
from bitpan.host.scene.tiles import DEFAULT_TILE
from bitpan.model import IntegerModel
from bitpan.package import Package
from bitpan.rasters import band_numbers
from bitpan.shipped import DEFAULT_MODEL, find_model

Shift = tuple[float, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    # argparse takes "-2.25,2.5" for an option unless told that such numbers are values; it offers no public way.
    parser._negative_number_matcher = re.compile(r"^-[\d.]+(,-?[\d.]+)?$")
    parser.add_argument("pan", type=Path, metavar="PAN.tif", help="panchromatic image, one band")
    parser.add_argument("ms", type=Path, metavar="MS.tif", help="multi-spectral image of the same place")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.tif", help="fused image")
    parser.add_argument(
        "--model", metavar="FOLDER|NAME", help=f"integer model, or one that comes along (default: {DEFAULT_MODEL})"
    )
    parser.add_argument("--device", choices=devices.NAMES, default="cpu", help="what computes (default: cpu)")
    parser.add_argument("--package", type=Path, metavar="DIR", help="what bitpan build left, for rtl and fpga")
    parser.add_argument(
        "--bands",
        type=_bands,
        metavar="N,N,...",
        help="the MS file's bands, from 1, in the model's order, as in 3,2,1,4; the output has them so (default: all)",
    )
    parser.add_argument(
        "--shift",
        type=_shift,
        metavar="DY,DX|auto",
        help="how far the MS lies below and right of where the files say, PAN pixels; auto: measure it (default: 0,0)",
    )
    parser.add_argument(
        "--scene-parameters", type=Path, metavar="FILE", help="OUT.scene.json of an earlier run, instead of computing"
    )
    parser.add_argument(
        "--tile", type=int, metavar="PIXELS", help=f"side of the CPU's tiles, without halo (default: {DEFAULT_TILE})"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads of the CPU engine (default: all cores)")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="seconds for a board's frame (10)")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    package = Package.load(arguments.package) if arguments.package else None
    if package and arguments.model:
        raise ModelError(f"{arguments.package} holds its own model: leave --model {arguments.model} out")
    if package and arguments.device != "cpu" and arguments.tile:
        frame, tile = package.frame, arguments.tile
        raise DeviceError(f"device {arguments.device} has frames of {frame} pixels: leave --tile {tile} out")
    model = package.model if package else IntegerModel.load(find_model(arguments.model or DEFAULT_MODEL))
    began, device = time.monotonic(), arguments.device
    with Fuser(model, device, package, arguments.threads, arguments.timeout) as fuser:
        fuser.fuse(
            arguments.pan,
            arguments.ms,
            arguments.output,
            bands=arguments.bands,
            shift=arguments.shift,
            scene_parameters=arguments.scene_parameters,
            tile=arguments.tile,
        )
    print(f"{arguments.output}: fused with {model.name} on {device} in {time.monotonic() - began:.1f} s")
    return 0


def _shift(text: str) -> Shift | str:
    if text == "auto":
        return text
    try:
        dy, dx = (float(part) for part in text.split(","))
        if not math.isfinite(dy + dx):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither DY,DX in PAN pixels nor auto") from None
    return dy, dx


def _bands(text: str) -> tuple[int, ...]:
    try:
        return band_numbers(text)
    except DataError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
