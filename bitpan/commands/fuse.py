"""``bitpan fuse``: a PAN and an MS GeoTIFF into one sharp MS GeoTIFF; or many such pairs."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from bitpan.commands import options
from bitpan.commands.fusing import quicklook, stac
from bitpan.errors import DeviceError, ModelError, SceneError
from bitpan.files import compression
from bitpan.host.device import devices
from bitpan.host.fuser import PARAMETERS, Fuser
from bitpan.host.scene.tiles import DEFAULT_ROWS, FRAME_COLUMNS
from bitpan.model import IntegerModel
from bitpan.package import Package, installed
from bitpan.rasters.products import product_of
from bitpan.shipped import DEFAULT_MODEL, find_model, member

ARRAYS = (".mat", ".npz", ".h5", ".hdf5")
"""Files that hold PAN and MS as arrays."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    one = "panchromatic image, one band; or a product's folder or archive, or a .mat, .npz or .h5 file, that has both"
    parser.add_argument("pan", nargs="?", metavar="PAN.tif", help=one)
    parser.add_argument("ms", nargs="*", metavar="MS.tif", help="multi-spectral image of the same place, or its bands")
    options.add_output(parser, "OUT.tif", "fused image; with --list the folder of the fused images")
    parser.add_argument(
        "--model",
        metavar="FOLDER|NAME",
        help=f"integer model, or one that comes along, for the pair's bands and ratio (default: {DEFAULT_MODEL})",
    )
    options.add(parser, "--device", choices=devices.NAMES, metavar=None, help="what computes")
    parser.add_argument("--package", type=Path, metavar="DIR|NAME", help="what bitpan build left, or its wheel's name")
    options.add(parser, "--bands")
    options.add_handling(parser)
    options.add_measured_shift(parser)
    parser.add_argument(
        "--scene-parameters", type=Path, metavar="FILE", help="OUT.scene.json of an earlier run, instead of computing"
    )
    parser.add_argument(
        "--tile",
        type=int,
        metavar="PIXELS",
        help=f"side of the CPU's tiles, without halo (default: {DEFAULT_ROWS} high, some {FRAME_COLUMNS} wide)",
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE.html|.json", help="say how well the scene went, as a page or as JSON"
    )
    parser.add_argument("--quicklook", type=Path, metavar="FILE.html", help="a page to compare MS, PAN and result with")
    parser.add_argument("--stac", type=Path, metavar="FILE.json", help="a STAC item of the fused image")
    taken = "when the PAN was taken, for --stac, where its file does not say (UTC where no zone is named)"
    parser.add_argument("--acquired", type=stac.moment, metavar="YYYY-MM-DDTHH:MM:SSZ", help=taken)
    sensor = "whose modulation transfer function the report supposes (default: %(default)s)"
    parser.add_argument("--sensor", default="generic", help=sensor)
    compressions = f"of the output: {', '.join(compression.NAMES)}; with a level as in zstd:9 (default: %(default)s)"
    parser.add_argument("--compress", metavar="NAME[:LEVEL]", default=compression.DEFAULT, help=compressions)
    parser.add_argument("--restart", action="store_true", help="begin anew, whatever an earlier run has finished")
    options.add(parser, "--threads", default=None, help="of the CPU (default: all)")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="seconds for a board's frame (10)")
    many = parser.add_argument_group("many scenes")
    many.add_argument("--list", type=Path, metavar="FILE|DIR", help="CSV file of pan,ms[,output], or a folder of pairs")
    many.add_argument("--jobs", type=int, default=1, metavar="N", help="scenes at a time, a process each (1)")
    many.add_argument("--one-scene", action="store_true", help="they are tiles of one: the same scene parameters")
    many.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="fuse on the workers of this Dask cluster")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.package and not arguments.package.exists():
        arguments.package = installed(str(arguments.package)) or arguments.package
    if arguments.list:
        from bitpan.commands.fusing import listed

        return listed.run(arguments)
    if arguments.one_scene or arguments.scheduler or arguments.jobs != 1:
        raise SceneError("--jobs, --scheduler and --one-scene are of many scenes: name them with --list")
    if not arguments.pan or (not arguments.ms and not Path(arguments.pan).exists()):
        raise SceneError("give PAN.tif and MS.tif, or many of them with --list")
    if not arguments.ms and Path(arguments.pan).suffix.lower() in ARRAYS:
        from bitpan.commands.fusing import arrays  # wants more than a board has

        return arrays.run(arguments)
    arguments.pan, arguments.ms = product_of(arguments.pan, arguments.ms)
    require_possible(arguments)
    arguments.model = model_for(arguments)
    began = time.monotonic()
    with open_fuser(arguments) as fuser:
        if fuse_pair(fuser, arguments):
            seconds = time.monotonic() - began
            model = arguments.model or fuser.model.name
            print(f"{arguments.output}: fused with {model} on {arguments.device} in {seconds:.1f} s")
        report(fuser.model, arguments)
    return 0


def model_for(arguments: argparse.Namespace) -> str | None:
    """The model for the pair that the arguments name; None where a package holds it."""
    own = arguments
    return own.model if own.package else member(own.model or DEFAULT_MODEL, own.pan, own.ms, own.bands)


def open_fuser(arguments: argparse.Namespace) -> Fuser:
    """The model on the device that the arguments name; the device is the caller's to close.

    Raises:
        ModelError, DeviceError: they name none, or contradict each other.
    """
    package = Package.load(arguments.package) if arguments.package else None
    if package and arguments.model:
        raise ModelError(f"{arguments.package} holds its own model: leave --model {arguments.model} out")
    if package and arguments.device in devices.ACCELERATORS and arguments.tile:
        width, tile = package.frame[1], arguments.tile
        raise DeviceError(f"device {arguments.device} has strips {width} pixels wide: leave --tile {tile} out")
    model = package.model if package else IntegerModel.load(find_model(arguments.model or DEFAULT_MODEL))
    return Fuser(model, arguments.device, package, arguments.threads, arguments.timeout)


def fuse_pair(fuser: Fuser, arguments: argparse.Namespace) -> bool:
    """Fuse the pair that the arguments name; False where the output was there already."""
    before = _written(arguments.output)
    own = {name: getattr(arguments, name) for name in ("shift", "scene_parameters", "tile", "restart")}
    own |= vars(options.handling(arguments))
    fuser.fuse(arguments.pan, arguments.ms, arguments.output, compression=arguments.compress, **own)
    return _written(arguments.output) != before


def _written(path: Path) -> tuple[int, int] | None:
    """Tells one writing of a file from another."""
    if not path.exists():
        return None
    state = path.stat()
    return state.st_ino, state.st_mtime_ns


def require_possible(arguments: argparse.Namespace) -> None:
    """Raise an error, before anything is computed, unless what is asked for beside the image can be written."""
    if arguments.report:
        from bitpan.commands import fusion_report  # wants more than a board has

        inputs, output = map(Path, (arguments.pan, *arguments.ms)), arguments.output
        others = [*inputs, output, output.with_suffix(PARAMETERS)]
        fusion_report.require_place(arguments.report, arguments.sensor, others)
    if arguments.quicklook:
        quicklook.require_place(arguments.quicklook)
    if arguments.stac:
        stac.require_possible(arguments.stac, arguments.pan, arguments.acquired)


def report(model: IntegerModel, arguments: argparse.Namespace) -> None:
    """Write what is asked for beside the image."""
    files = arguments.pan, arguments.ms, arguments.output
    if arguments.report:
        from bitpan.commands import fusion_report

        document = fusion_report.document(*files, model, options.handling(arguments), arguments.sensor)
        fusion_report.write(arguments.report, document)
        print(f"{arguments.report}: how well it went")
    if arguments.quicklook:
        quicklook.write(arguments.quicklook, *files, model, options.handling(arguments))
        print(f"{arguments.quicklook}: MS, PAN and result to look at")
    if arguments.stac:
        beside = filter(None, (arguments.report, arguments.quicklook))
        stac.write(arguments.stac, *files, model, arguments.acquired, beside)
        print(f"{arguments.stac}: its STAC item")
