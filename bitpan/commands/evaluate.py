"""``bitpan evaluate``: networks and classical methods by quality indices, as tables and pictures."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from bitpan.commands import options
from bitpan.commands.as_fused import as_fused
from bitpan.errors import DataError
from bitpan.files import staged
from bitpan.models.imagery.images import Image, gather_images, require_equal_bands, synthetic_images
from bitpan.models.imagery.sources import parse
from bitpan.models.imagery.spectra import optics
from bitpan.models.imagery.triples import HELD_OUT_SEED, needed_bits
from bitpan.models.networks.configuration import Configuration
from bitpan.models.quality.classical import METHODS
from bitpan.models.quality.judge import Entry, classical_methods, entry_methods, load_entries, require_fit
from bitpan.models.quality.report import cost_facts, document, judge_and_draw, make_rows, notes
from bitpan.models.quality.tables import markdown, write_tables

SAID = ("data", "synthetic", "scene_size", "ratio", "hold_out", "full_resolution", "border")
"""Arguments that table.json repeats."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan evaluate``."""
    add = parser.add_argument
    add("checkpoints", nargs="*", type=Path, metavar="CHECKPOINT", help="what `bitpan train` wrote")
    options.add(parser, "--data")
    add("--synthetic", type=int, default=0, metavar="N", help="N synthetic scenes that no training sees")
    options.add(parser, "--scene-size", "--sensor", "--bands", "--ratio")
    options.add(parser, "--bits", default=0, help="unsigned bits of the imagery (default: as many as its counts need)")
    add("--hold-out", type=float, default=0.3, help=f"{options.HELD_OUT}, to judge; 1 is all (default: 0.3)")
    add("--full-resolution", action="store_true", help="judge the pairs themselves too, without a truth")
    add("--classical", default=",".join(METHODS), metavar="NAMES", help="methods to compare, or none (%(default)s)")
    add("--real-features", action="store_true", help="judge binary networks without rounding too: what integers cost")
    options.add(parser, "--border", "--device", "--threads")
    options.add_output(parser, "DIR", "for table.md, .csv, .json and quicklooks/")


def run(arguments: argparse.Namespace) -> int:
    """Judge everything, then write everything."""
    began = time.monotonic()
    torch.set_num_threads(arguments.threads or options.free_cores())
    entries = load_entries(arguments.checkpoints, arguments.device)
    arguments.bits = arguments.bits or needed_bits(arguments.data, arguments.bands, _depth_of(entries), arguments.ratio)
    chosen = () if arguments.classical == "none" else tuple(arguments.classical.split(","))
    own = entry_methods(entries, arguments.real_features)
    own |= as_fused(entries, own, torch.get_num_threads(), arguments.device)
    methods = own | classical_methods(chosen)
    if not methods:
        raise DataError("there is nothing to judge; give a CHECKPOINT or --classical NAMES")
    images = _images(arguments)
    for entry in entries:
        require_fit(entry.name, entry.network, images)
    with staged(arguments.output) as folder:
        judgements = judge_and_draw(methods, images, arguments.border, folder / "quicklooks")
        settings = {name: getattr(arguments, name) for name in SAID}
        facts = document(settings, entries, images, judgements, began, arguments.device)
        costs = {name: cost_facts(checkpoint["cost"]) for name, checkpoint in facts["checkpoints"].items()}
        rows = make_rows(judgements, images, costs)
        write_tables(folder, "Quality", notes(facts), rows, facts)
    print(markdown(rows))
    drawn = sum(image.drawn for image in images)
    print(f"{arguments.output / 'table.md'}, table.csv, table.json and quicklooks/ of {drawn} images")
    return 0


def _depth_of(entries: Sequence[Entry]) -> int:
    return max((entry.network.configuration.bits for entry in entries), default=Configuration.bits)


def _images(arguments: argparse.Namespace) -> list[Image]:
    own = arguments
    if not 0 < own.hold_out <= 1 or own.border < 0:
        raise DataError(f"--hold-out {own.hold_out} must lie above 0, up to 1, and --border {own.border} not below 0")
    sources = [parse(text, own.bands, own.bits, own.sensor) for text in own.data]
    images = gather_images(sources, own.ratio, own.hold_out, own.full_resolution)
    if own.synthetic:
        kind = own.bits, own.full_resolution, own.ratio, optics(own.sensor, own.bands)
        images += synthetic_images(own.synthetic, own.scene_size, HELD_OUT_SEED, *kind)
    if not images:
        raise DataError("there is nothing to judge on; give --data SOURCE or --synthetic N")
    require_equal_bands(images)
    return images
