"""``bitpan evaluate``: networks and classical methods by quality indices, as tables and pictures."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bitpan.errors import DataError
from bitpan.files import staged
from bitpan.models.imagery.images import Image, gather_images, require_equal_bands, synthetic_images
from bitpan.models.imagery.sources import HELD_OUT_HELP, SOURCE_HELP, argument, parse
from bitpan.models.imagery.triples import HELD_OUT_SEED
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.networks.cost import cost
from bitpan.models.networks.pansharpener import PanSharpener
from bitpan.models.quality.classical import METHODS
from bitpan.models.quality.judge import (
    Judgement,
    Method,
    classical_methods,
    network_method,
    require_fit,
    unrounded_method,
)
from bitpan.models.quality.provenance import origin, provenance
from bitpan.models.quality.report import cost_facts, image_facts, judge_and_draw, make_rows
from bitpan.models.quality.tables import markdown, write_tables
from bitpan.models.training import distributed
from bitpan.models.training.checkpoint import load_network


@dataclass(frozen=True)
class Entry:
    """One checkpoint: its name in the table, file, network and provenance."""

    name: str
    path: Path
    network: PanSharpener
    history: Mapping[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan evaluate``."""
    add = parser.add_argument
    add("checkpoints", nargs="*", type=Path, metavar="CHECKPOINT", help="what `bitpan train` wrote")
    add("--data", nargs="+", default=(), metavar="SOURCE", help=SOURCE_HELP)
    add("--synthetic", type=int, default=0, metavar="N", help="N synthetic scenes that no training sees")
    add("--scene-size", type=int, default=256, help="their width in PAN pixels (256)")
    add("--sensor", default="generic", help="whose MTF degrades pairs without a truth (generic)")
    add("--bands", type=argument("bands"), help="MS bands to use, from 1, as in 1,2,3,5")
    add("--bits", type=int, default=11, help="unsigned bits of the imagery (11)")
    add("--ratio", type=int, default=4, help="PAN pixels per MS pixel (4)")
    add("--hold-out", type=float, default=0.3, help=f"{HELD_OUT_HELP}, to judge; 1 is all (0.3)")
    add("--full-resolution", action="store_true", help="judge the pairs themselves too, without a truth")
    add("--classical", default=",".join(METHODS), metavar="NAMES", help="methods to compare, or none (%(default)s)")
    add("--real-features", action="store_true", help="judge binary networks without rounding too: what integers cost")
    add("--border", type=int, default=0, help="pixels cut from every side first (0)")
    add("--device", default="cpu", help="cpu or cuda")
    add("--threads", type=int, default=0, help="of the CPU; 0 leaves PyTorch's choice")
    add("-o", "--output", type=Path, required=True, metavar="DIR", help="for table.md, .csv, .json and quicklooks/")


def run(arguments: argparse.Namespace) -> int:
    """Judge everything, then write everything."""
    began = time.monotonic()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    entries = load_entries(arguments.checkpoints, arguments.device)
    chosen = () if arguments.classical == "none" else tuple(arguments.classical.split(","))
    methods = {entry.name: network_method(entry.network) for entry in entries}
    if arguments.real_features:
        methods |= _unrounded(entries)
    methods |= classical_methods(chosen)
    if not methods:
        raise DataError("there is nothing to judge; give a CHECKPOINT or --classical NAMES")
    images = _images(arguments)
    for entry in entries:
        require_fit(entry.name, entry.network, images)
    with staged(arguments.output) as folder:
        judgements = judge_and_draw(methods, images, arguments.border, folder / "quicklooks")
        facts = {entry.name: cost_facts(entry.network) for entry in entries}
        rows = make_rows(judgements, images, facts)
        document = _document(arguments, entries, images, judgements, began)
        write_tables(folder, "Quality", _notes(document), rows, document)
    print(markdown(rows))
    print(f"{arguments.output / 'table.md'}, table.csv, table.json and quicklooks/ of {len(images)} images")
    return 0


def _unrounded(entries: Sequence[Entry]) -> dict[str, Method]:
    binary = {entry.name: entry.network for entry in entries if isinstance(entry.network, BinaryNetwork)}
    if not binary:
        raise DataError("--real-features: no checkpoint is of a network with integers; leave it out")
    return {f"{name}, real features": unrounded_method(network) for name, network in binary.items()}


def load_entries(paths: Sequence[Path], device: str) -> list[Entry]:
    """The checkpoints, named after their networks, and after their files too where two have the same network."""
    loaded = [(path, *load_network(path)) for path in paths]
    names = Counter(network.name for _, network, _ in loaded)
    entries = []
    for path, network, history in loaded:
        name = network.name if names[network.name] == 1 else f"{network.name} {path}"
        entries.append(Entry(name, path, network.to(distributed.device(device)), history))
    if len({entry.name for entry in entries}) < len(entries):
        raise DataError("a checkpoint is given twice; give each once")
    return entries


def _images(arguments: argparse.Namespace) -> list[Image]:
    own = arguments
    if not 0 < own.hold_out <= 1 or own.border < 0:
        raise DataError(f"--hold-out {own.hold_out} must lie above 0, up to 1, and --border {own.border} not below 0")
    sources = [parse(text, own.bands, own.bits, own.sensor) for text in own.data]
    images = gather_images(sources, own.ratio, own.hold_out, own.full_resolution)
    images += synthetic_images(own.synthetic, own.scene_size, HELD_OUT_SEED, own.bits, own.full_resolution)
    if not images:
        raise DataError("there is nothing to judge on; give --data SOURCE or --synthetic N")
    require_equal_bands(images)
    return images


def _document(
    arguments: argparse.Namespace,
    entries: Sequence[Entry],
    images: Sequence[Image],
    judgements: Sequence[Judgement],
    began: float,
) -> dict[str, Any]:
    """Everything that table.json says beside the table."""
    asked = ("data", "synthetic", "scene_size", "ratio", "hold_out", "full_resolution", "border")
    checkpoints = {
        entry.name: {
            "file": str(entry.path),
            "configuration": entry.network.configuration.to_json(),
            "cost": cost(entry.network).to_json(),
            "trained": entry.history,
        }
        for entry in entries
    }
    return {
        **provenance(began, arguments.device),
        "settings": {name: getattr(arguments, name) for name in asked},
        "checkpoints": checkpoints,
        **image_facts(images, judgements),
    }


def _notes(document: Mapping[str, Any]) -> list[str]:
    own = document["settings"]
    where = (
        "whole images"
        if own["hold_out"] == 1
        else f"the right {own['hold_out']:.0%} of the columns of every source, or the last images of several"
    )
    cut = f", {own['border']} pixels cut from every side" if own["border"] else ""
    return [
        f"Mean ± standard deviation over images: {where}{cut}. PSNR in dB against the truth's maximum, SAM in degrees. "
        "Parameters: full precision + binary/32. MACs per PAN pixel.",
        f"Images: {', '.join(image['name'] for image in document['images'])}.",
        origin(document),
    ]
