"""``bitpan fuse``: a PAN and an MS GeoTIFF into one sharp MS GeoTIFF."""

from __future__ import annotations

import argparse
import math
import re
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from bitpan.arithmetic import Integers
from bitpan.errors import DataError, DeviceError, ModelError, SceneError, SceneIOError
from bitpan.host.device import devices
from bitpan.host.engine.engine import Engine, make_engine
from bitpan.host.progress import Progress
from bitpan.host.scene.parameters import compute_scene_parameters, load_scene_parameters, save_scene_parameters
from bitpan.host.scene.registration import measure_shift
from bitpan.host.scene.scene import Scene, open_scene
from bitpan.host.scene.tiles import DEFAULT_CORE
from bitpan.host.stream import fuse
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
    parser.add_argument("--tile", type=int, metavar="PIXELS", help=f"side of the CPU's tiles (default: {DEFAULT_CORE})")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of the CPU engine (default: all cores)")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="seconds for a board's frame (10)")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    _check_paths(arguments.output, arguments.pan, arguments.ms)
    if arguments.threads is not None and arguments.threads < 1:
        raise DeviceError(f"--threads {arguments.threads}: at least 1")
    package = Package.load(arguments.package) if arguments.package else None
    if package and arguments.model:
        raise ModelError(f"{arguments.package} holds its own model: leave --model {arguments.model} out")
    model = package.model if package else IntegerModel.load(find_model(arguments.model or DEFAULT_MODEL))
    engine = make_engine(model, arguments.threads)
    began = time.monotonic()
    if arguments.device != "cpu" and (package is None or arguments.tile):
        wrong = (
            "needs the folder that bitpan build left: add --package DIR"
            if package is None
            else (f"has frames of {package.frame} pixels: leave --tile {arguments.tile} out")
        )
        raise DeviceError(f"device {arguments.device} {wrong}")
    with (
        open_scene(arguments.pan, arguments.ms, model, arguments.bands) as scene,
        closing(devices.open_device(arguments.device, package, engine, arguments.timeout)) as device,
    ):
        shift, parameters = _scene_parameters(arguments, model, scene, engine)
        fuse(scene.shifted(shift), arguments.output, model, device, parameters, arguments.tile)
    save_scene_parameters(arguments.output.with_suffix(".scene.json"), model, shift, parameters)
    print(f"{arguments.output}: fused with {model.name} on {arguments.device} in {time.monotonic() - began:.1f} s")
    return 0


def _scene_parameters(
    arguments: argparse.Namespace, model: IntegerModel, scene: Scene, engine: Engine
) -> tuple[Shift, Mapping[str, Integers]]:
    """The misregistration and the scene's integers, computed or read."""
    if arguments.scene_parameters:
        if arguments.shift is not None:
            raise SceneError(f"{arguments.scene_parameters} holds its own shift: leave --shift out")
        return load_scene_parameters(arguments.scene_parameters, model)
    shift: Shift = arguments.shift if isinstance(arguments.shift, tuple) else (0.0, 0.0)
    if arguments.shift == "auto":
        measured, known = measure_shift(scene), scene.grid.shift
        shift = measured[0] - known[0], measured[1] - known[1]
        print(f"measured shift: {shift[0]:g},{shift[1]:g} PAN pixels")
    with Progress(len(model.scene), "scene parameters", "parameter") as bar:
        return shift, compute_scene_parameters(model, scene.shifted(shift), engine, lambda name: bar.step())


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


def _check_paths(output: Path, *inputs: Path) -> None:
    if output.is_dir() or not output.parent.is_dir():
        raise SceneIOError(f"{output}: is a folder or lies in none; give a file in a folder that exists")
    if output.resolve() in [path.resolve() for path in inputs]:
        raise SceneIOError(f"{output}: is an input too; give another name")
