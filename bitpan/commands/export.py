"""``bitpan export``: a checkpoint becomes a QONNX model, proved equal to PyTorch and to the integer model."""

from __future__ import annotations

import argparse
from pathlib import Path

from bitpan import values
from bitpan.commands import options
from bitpan.models.export import export


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan export``."""
    parser.add_argument("checkpoint", type=Path, help="what `bitpan train` wrote")
    options.add_output(parser, "MODEL.onnx", "the QONNX model to write")
    frame, size = "a tile and its halo on all sides, PAN pixels (default: %(default)s)", options.value(values.size)
    parser.add_argument("--frame", type=size, default="64x64", metavar="HxW", help=frame)
    options.renamed(parser, "--tile", "--frame HxW", "a frame is a tile with its halo")
    why = "bitpan fuse brings imagery of any depth and gain to the network's"
    options.gone(parser, "--bits", why)
    options.gone(parser, "--gain", why)


def run(arguments: argparse.Namespace) -> int:
    """Run ``bitpan export``."""
    exported, proved = export(arguments.checkpoint, arguments.output, arguments.frame)
    nodes = len(exported.graph.node)
    smaller = ""
    if proved != arguments.frame:
        smaller = " of frames of {}x{} pixels, and for others different in sizes alone".format(*proved)
    print(f"{arguments.output}: {nodes} nodes, equal to PyTorch and to the integer model in every element{smaller}")
    return 0
