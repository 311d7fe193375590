"""Checkpoints: a network with its configuration, and where it is still being trained the state to go on from."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from pickletools import genops
from typing import Any
from zipfile import ZipFile

import torch

from bitpan.errors import ModelError
from bitpan.files import write_beside
from bitpan.intake.arrays import UNREADABLE, members
from bitpan.models.networks.arms import BEFORE
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.pansharpener import PanSharpener
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.training.allocation import Bounded

VERSION = 1
"""Version of the file; a reader refuses any other."""

KIND = "bitpan checkpoint"

PARTS = {"network": str, "configuration": dict, "state": dict, "provenance": dict, "training": dict | None}
"""Of a checkpoint, and what each is."""

_MADE_OF = re.compile(r"collections OrderedDict|torch\._utils _rebuild_(tensor_v2|parameter)|torch (\w+Storage|Size)")
"""The pickled types of a checkpoint: PyTorch would load others, and some of them take as much memory as they say."""


def save_checkpoint(
    path: Path, network: PanSharpener, provenance: Mapping[str, Any], training: Mapping[str, Any] | None = None
) -> None:
    """Write ``path``, beside and then renamed, the weights as on the CPU.

    The provenance is plain facts (command, seed, data, metrics); ``training`` holds optimiser, stage and iteration to
    resume from, and is None for a finished network.
    """
    document = {
        "kind": KIND,
        "version": VERSION,
        "network": network.name,
        "configuration": network.configuration.to_json(),
        "state": {key: value.detach().cpu() for key, value in network.state_dict().items()},
        "provenance": dict(provenance),
        "training": None if training is None else dict(training),
    }
    stored = io.BytesIO()
    torch.save(document, stored)
    write_beside(path, stored.getvalue())


def _line(error: Exception) -> str:
    """The first line, and of an announcement that ends in a colon what it announces first."""
    lines = [line.strip() for line in str(error).splitlines()] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


def _require_plain(archive: ZipFile, size: int) -> None:
    """Raise :class:`ValueError` unless its sizes can be, and its document is of plain types and tensors."""
    for member in members(archive, size):
        if member.filename.endswith("/data.pkl"):
            for opcode, argument, _ in genops(archive.read(member)):
                if opcode.name == "STACK_GLOBAL" or (opcode.name == "GLOBAL" and not _MADE_OF.fullmatch(str(argument))):
                    raise ValueError(f"it holds {argument or 'types by computed names'}")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The document in ``path``; raise :class:`ModelError` unless it is a checkpoint of this version."""
    try:
        with ZipFile(path) as stored:
            _require_plain(stored, path.stat().st_size)
            torn = stored.testzip()  # torch.load reads past a wrong checksum
        document = None if torn else torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such checkpoint; `bitpan train --out DIR` writes one") from None
    except (*UNREADABLE, UnpicklingError) as error:
        raise ModelError(f"{path}: not a checkpoint ({_line(error)})") from None
    if torn:
        raise ModelError(f"{path}: damaged, its checksums are wrong; take another copy")
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise ModelError(f"{path}: a PyTorch file, but not a bitpan checkpoint")
    if document.get("version") != VERSION:
        raise ModelError(
            f"{path}: checkpoint version {document.get('version')}, this bitpan reads {VERSION}; train it again"
        )
    for key, kinds in PARTS.items():
        if not isinstance(document.get(key, ...), kinds):
            raise ModelError(f"{path}: a damaged checkpoint without its {key}; train it again")
    return document


def network_of(document: Mapping[str, Any], path: Path) -> PanSharpener:
    """The network a checkpoint's document holds; ``path`` is for the message of a :class:`ModelError`."""
    name = document["network"]
    if name not in NETWORKS:
        raise ModelError(f"{path}: holds a network {name!r}; this bitpan knows {', '.join(NETWORKS)}")
    try:
        with Bounded(document["state"]):
            network: PanSharpener = NETWORKS[name](Configuration(**{**BEFORE, **document["configuration"]}))
        network.load_state_dict(document["state"])
    except UNREADABLE as error:
        raise ModelError(f"{path}: does not fit the network {name} ({_line(error)}); train it again") from None
    return network


def load_network(path: Path) -> tuple[PanSharpener, dict[str, Any]]:
    """Network and provenance of the checkpoint ``path``."""
    document = read_checkpoint(path)
    return network_of(document, path).eval(), document["provenance"]
