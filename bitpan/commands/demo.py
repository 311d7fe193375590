"""``bitpan demo``: the whole line once, on a synthetic scene, with a network and weights that come along.

Makes a scene, exports the network where its QONNX file does not come along, builds an accelerator, fuses the scene,
proves one whole frame from PyTorch to the PYNQ driver, and leaves the fused scene, a picture and a report.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bitpan import cli, shipped
from bitpan.commands import options
from bitpan.errors import BuildError
from bitpan.files import claimed, write_json
from bitpan.host.device.devices import CpuDevice, Device, RtlDevice
from bitpan.host.device.system import SystemDevice
from bitpan.host.engine.engine import make_engine
from bitpan.host.scene.calibration import load_calibration
from bitpan.model import IntegerModel, execute
from bitpan.models.imagery.spectra import suited
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.quality.classical import METHODS
from bitpan.models.quality.metrics import ergas, psnr, sam
from bitpan.models.quality.quicklook import quicklook
from bitpan.models.training.checkpoint import load_network
from bitpan.operations import Array
from bitpan.package import Package
from bitpan.qonnx.exported import node_by_node
from bitpan.qonnx.read import load_qonnx
from bitpan.rasters import RasterFile, read_picture

Images = Mapping[str, Array]

LEAST_TILE = 16
"""PAN pixels that frames of a demo leave within the halo, at least: small frames are quick in Verilator."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan demo``."""
    options.add_output(parser, "DIR", "what is left", default="out/demo")
    told = "of those that come along (default: %(default)s)"
    parser.add_argument("--network", choices=shipped.names(), default=shipped.DEFAULT_MODEL, help=told)
    options.add(parser, "--size", "--board")
    options.add(parser, "--seed", default=20_261_120)


def run(arguments: argparse.Namespace) -> int:
    """Run every step; exit code 1 if any stage differs from another in any bit."""
    with claimed(arguments.output):
        return _run(arguments, arguments.output)


def _run(arguments: argparse.Namespace, out: Path) -> int:
    began = time.monotonic()
    network = shipped.find_model(arguments.network)
    scene, accelerator, fused = out / "scene", out / "accelerator", out / "fused.tif"
    pair = [str(scene / "pan.tif"), str(scene / "ms.tif")]
    own = IntegerModel.load(network)
    kind = ["--sensor", suited(own.bands, own.ratio), "--ratio", str(own.ratio), "--bits", str(own.bits)]
    size = ["--size", "x".join(map(str, arguments.size)), "--seed", str(arguments.seed)]
    _command("synth", "-o", str(scene), *kind, *size)
    qonnx = _exported(network, out)
    _command("build", str(qonnx), "--board", arguments.board, "--luts", "-o", str(accelerator))
    _command("fuse", *pair, "-o", str(fused), "--package", str(accelerator), "--device", "cpu")
    print("\nProof of one whole frame: every stage against PyTorch, every bit", flush=True)
    package = Package.load(accelerator)
    exact = _prove_frame(package, scene, out / "fused.scene.json", network, qonnx)
    quality = _quality(package.model, scene, fused, out / "quicklook.png")
    estimates = json.loads((accelerator / "estimates.json").read_text())
    report = {
        "network": package.model.name,
        "bit_exact": exact,
        "quality": quality,
        "cycles_per_pixel": round(package.period / math.prod(package.frame), 3),
        "luts": round(estimates["yosys"]["totals"]["LUT"]),
        "seconds": round(time.monotonic() - began, 1),
    }
    write_json(out / "report.json", report)
    _print(report, out)
    return 0 if all(exact.values()) else 1


def _command(*words: str) -> None:
    print("\n$ bitpan " + " ".join(words), flush=True)
    if cli.main(words):
        raise BuildError(f"the demo stopped at `bitpan {' '.join(words)}`")


def _exported(network: Path, out: Path) -> Path:
    """The network's QONNX file: the one that comes along, or a new one of small frames."""
    known, exported = network / "model.onnx", out / "model.onnx"
    if known.is_file():
        return known
    frame = "x".join([str(_frame_side(IntegerModel.load(network)))] * 2)
    _command("export", str(network / "checkpoint.pt"), "--frame", frame, "-o", str(exported))
    return exported


def _frame_side(model: IntegerModel) -> int:
    """PAN pixels: the least multiple of 32 that leaves a tile within the halo."""
    grid = math.lcm(32, model.alignment)
    return -(-(2 * model.halo() + LEAST_TILE) // grid) * grid


def _prove_frame(package: Package, folder: Path, parameters: Path, network: Path, qonnx: Path) -> dict[str, bool]:
    """The scene's middle frame through every stage; which of them equal PyTorch in every bit."""
    calibration = load_calibration(parameters, package.model)
    frame = dict(_middle_frame(folder, package.frame, package.model))
    frame["pan"] = calibration.match.apply(frame["pan"])
    scene = dict(calibration.parameters)
    expected = _pytorch(network, frame, scene)
    exact = {}
    for stage, fuse in _stages(qonnx).items():
        began = time.monotonic()
        print(f"  {stage:8}", end="", flush=True)
        fused = fuse(package, frame, scene)
        wrong = int(np.count_nonzero(fused != expected)) if fused.shape == expected.shape else expected.size
        exact[stage] = wrong == 0
        print(f"{wrong} of {expected.size} elements differ  {time.monotonic() - began:6.1f} s", flush=True)
    return exact


def _middle_frame(folder: Path, size: tuple[int, int], model: IntegerModel) -> Images:
    with closing(RasterFile(folder / "pan.tif")) as pan, closing(RasterFile(folder / "ms.tif")) as ms:
        corner = [(whole - side) // 2 // model.ratio for whole, side in zip(pan.size, size, strict=True)]
        frame = {}
        for name, image in (("pan", pan), ("ms", ms)):
            tensor = model.tensors[name]
            top, left = (model.ratio // tensor.stride * place - tensor.border for place in corner)
            _, rows, columns = tensor.shape(*size)
            frame[name] = image.read(top, left, rows, columns)[0].astype(np.int64)
        return frame


def _pytorch(folder: Path, frame: Images, scene: Images) -> npt.NDArray[np.int64]:
    network, _ = load_network(folder / "checkpoint.pt")
    assert isinstance(network, BinaryNetwork)  # the demo's own
    pan, ms = (torch.from_numpy(frame[name][None]).float() for name in ("pan", "ms"))
    given = {name: torch.from_numpy(value).float() for name, value in scene.items()}
    with torch.no_grad():
        fused = network.tensors(pan, ms, given)["fused"]
    return np.asarray(fused[0].numpy(), np.int64)


def _qonnx(file: Path, frame: Images, scene: Images) -> Array:
    images = {name: image[None] for name, image in frame.items()}
    found = node_by_node(load_qonnx(file), images | dict(scene))
    return np.asarray(found["fused"][0])


def _on_device(device: Device, frame: Images, scene: Images) -> Array:
    with closing(device):
        device.load_scene(scene)
        (fused,) = device.fuse([(frame["pan"], frame["ms"])])
        return fused


def _stages(qonnx: Path) -> dict[str, Callable[[Package, Images, Images], Array]]:
    """What is compared with PyTorch, in the order in which data goes through them."""
    return {
        "qonnx": lambda package, frame, scene: _qonnx(qonnx, frame, scene),
        "graph": lambda package, frame, scene: execute(package.model, frame, scene),
        "cpu": lambda package, frame, scene: _on_device(CpuDevice(make_engine(package.model)), frame, scene),
        "rtl": lambda package, frame, scene: _on_device(RtlDevice(package, stalls="bursts"), frame, scene),
        "driver": lambda package, frame, scene: _on_device(SystemDevice(package), frame, scene),
    }


def _quality(model: IntegerModel, folder: Path, fused_file: Path, picture: Path) -> dict[str, dict[str, float]]:
    """Metrics of the network, EXP and GSA against the truth, and the picture of it all."""
    files = (folder / "pan.tif", folder / "ms.tif", folder / "truth.tif", fused_file)
    pan, ms, truth, fused = (read_picture(path).image for path in files)
    ratio, bits = model.ratio, model.bits
    rivals = {name: METHODS[name](pan, ms, ratio, bits) for name in ("EXP", "GSA")}
    quicklook(picture, pan=pan, ms=ms, fused=fused, truth=truth)
    return {
        name: {
            "PSNR": round(float(psnr(image, truth)), 3),
            "SAM": round(float(sam(image, truth)), 4),
            "ERGAS": round(float(ergas(image, truth, ratio)), 4),
        }
        for name, image in ({model.name: fused} | rivals).items()
    }


def _print(report: Mapping[str, Any], out: Path) -> None:
    print(f"\n{'':14}{'PSNR dB':>9}{'SAM deg':>9}{'ERGAS':>9}")
    for name, row in report["quality"].items():
        print(f"{name:14}{row['PSNR']:9.2f}{row['SAM']:9.3f}{row['ERGAS']:9.3f}")
    stages = ", ".join(f"{stage} {'yes' if same else 'NO'}" for stage, same in report["bit_exact"].items())
    print(f"\nequal to PyTorch in every bit: {stages}")
    print(f"{report['cycles_per_pixel']} cycles per pixel, {report['luts']:,} LUTs (Yosys, summed unit by unit)")
    print(f"{out}/fused.tif, quicklook.png and report.json after {report['seconds']:.0f} s")
