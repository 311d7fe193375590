"""Adapting a finished network to a scene."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from bitpan.errors import DataError, ModelError
from bitpan.models.networks.configuration import Configuration
from bitpan.models.training.checkpoint import load_network
from bitpan.models.training.settings import Settings
from bitpan.models.training.training import Training

FINETUNING = {"iterations": 300, "lr": 5e-3, "hold_out": 0.2, "validate_every": 100}
"""Defaults of a fine-tuning. Little is held out: the pair to be fused is all there is to learn from."""


def finetune(path: Path, given: dict[str, Any]) -> Training:
    """A training that starts from the weights and the configuration in the finished checkpoint ``path``.

    What is not among the ``given`` settings is the checkpoint's, or :data:`FINETUNING`'s. A full head may become
    another; images of any depth are brought to the network's, as they are when a scene is fused. With ``transfer`` the
    bands are the images', ratio and bits the given ones.

    Raises:
        ModelError: if a given setting contradicts the checkpoint.
        DataError: if the data do not fit it.
    """
    network, _ = load_network(path)
    own = network.configuration
    names = ({f.name for f in fields(Settings)} & {f.name for f in fields(Configuration)}) - {"bands", "seed"}
    free = {"ratio", "bits"} if given.get("transfer") else set()
    fixed = {name: getattr(own, name) for name in sorted(names - free)} | {"network": network.name}
    if own.head == "full":
        fixed["head"] = given.get("head", "full")
    for name, value in fixed.items():
        if given.get(name, value) != value:
            raise ModelError(
                f"{path}: its {name} is {value}, which --{name.replace('_', '-')} {given[name]} contradicts; "
                "leave it out, or train anew"
            )
    try:
        defaults = FINETUNING | {name: getattr(own, name) for name in free}
        return Training(Settings(**{**defaults, **given, **fixed, "finetune": str(path)}), network)
    except (DataError, ModelError) as error:
        made_for = f"{path} is for {own.bands} bands at ratio {own.ratio}"
        raise type(error)(f"{error} ({made_for})") from None
