"""``bitpan train``: train a network on PAN/MS data or on synthetic scenes, or fine-tune one to a scene."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import warnings
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from bitpan.errors import BitpanWarning, ModelError
from bitpan.models.imagery.degrade import SENSORS
from bitpan.models.imagery.sources import HELD_OUT_HELP, SOURCE_HELP, argument
from bitpan.models.layers.kernels import compile_kernels
from bitpan.models.networks.arms import ARMS
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.quality import judge as evaluate
from bitpan.models.training import distributed
from bitpan.models.training.finetune import FINETUNING, finetune
from bitpan.models.training.settings import Settings
from bitpan.models.training.training import Training, resume


def _reals(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers, as in 0.15,0.1,0.75") from None


def _rates(text: str) -> float | tuple[float, ...]:
    rates = _reals(text)
    return rates if len(rates) > 1 else rates[0]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan train``."""
    # argparse takes "-2.25,2.5" for an option unless told that such numbers are values; it offers no public way.
    parser._negative_number_matcher = re.compile(r"^-[\d.]+(,-?[\d.]+)?$")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt and last.pt")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", type=Path, metavar="LAST.PT", help="go on from it, with its settings")
    start.add_argument(
        "--finetune",
        type=Path,
        metavar="CHECKPOINT",
        help="adapt this finished network to --data; defaults become "
        + ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in FINETUNING.items()),
    )
    _add_data(_adder(parser, "data"))
    _add_network(_adder(parser, "network"))
    _add_schedule(_adder(parser, "training"))


def _adder(parser: argparse.ArgumentParser, title: str) -> Callable[..., None]:
    """Adds settings to a group; what is not given is absent, so that defaults can depend on what is."""
    group, default = parser.add_argument_group(title), Settings()

    def add(flag: str, text: str, **options: Any) -> None:  # noqa: ANN401
        value = getattr(default, flag[2:].replace("-", "_"))
        shown = f" (default: {value})" if value and not isinstance(value, tuple) else ""
        group.add_argument(flag, default=argparse.SUPPRESS, help=text + shown, **options)

    return add


def _add_data(add: Callable[..., None]) -> None:
    add("--data", SOURCE_HELP, nargs="+", metavar="SOURCE")
    add("--synthetic", "train on N synthetic scenes", type=int, metavar="N")
    add("--scene-size", "their width in PAN pixels", type=int)
    add("--bands", "MS bands to use, from 1, as in 1,2,3,5", type=argument("bands"))
    add("--bits", "unsigned bits of the imagery", type=int)
    add("--ratio", "PAN pixels per MS pixel", type=int)
    add("--sensor", "whose MTF degrades pairs without a truth", choices=SENSORS)
    add("--shift", "the pairs' misregistration, as for `bitpan fuse`", type=argument("shift"), metavar="DY,DX")
    add("--reserve", f"{HELD_OUT_HELP}, left out for tests", type=float)
    add("--hold-out", "fraction of the others kept for validation", type=float)


def _add_network(add: Callable[..., None]) -> None:
    add("--network", "what to train", choices=NETWORKS)
    add("--blocks", "depth; the network's own where it is not given", type=int)
    add("--channels", "of the features", type=int)
    for arm, choices in ARMS.items():
        add(f"--{arm.replace('_', '-')}", "arm for ablation", choices=choices)


def _add_schedule(add: Callable[..., None]) -> None:
    add("--iterations", "of all stages", type=int)
    add("--batch", "patches of an iteration, of all processes", type=int)
    add("--patch", "PAN pixels", type=int)
    add("--stages", "the stages' shares of the iterations, as in 0.15,0.1,0.75", type=_reals, metavar="SHARE,...")
    add("--lr", "learning rate, or one per stage", type=_rates, metavar="RATE[,...]")
    add("--seed", "of weights and patches", type=int)
    add("--validate-every", "iterations between validations", type=int, metavar="ITERATIONS")
    add("--save-every", "between writings of last.pt: what a crash may cost", type=float, metavar="SECONDS")
    add("--device", "cpu or cuda", metavar="DEVICE")
    add("--threads", "of the CPU; 0 leaves PyTorch's choice", type=int)
    add("--compile", "fuse elementwise operations; needs a C++ compiler", action="store_true")
    add("--amp", "bf16 where the network computes in floating point", action="store_true")


def _training(arguments: argparse.Namespace) -> Training:
    given = {f.name: getattr(arguments, f.name) for f in fields(Settings) if hasattr(arguments, f.name)}
    path = given.pop("finetune")
    if arguments.resume is not None:
        if given:
            raise ModelError(f"--resume takes its settings from {arguments.resume}: leave {_option(min(given))} out")
        return resume(arguments.resume)
    given |= {"data": tuple(given.get("data", ())), "command": shlex.join(["bitpan", *sys.argv[1:]])}
    return Training(Settings(**given)) if path is None else finetune(path, given)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _train(arguments: argparse.Namespace) -> None:
    training = _training(arguments)
    own, first = training.settings, distributed.rank() == 0
    if own.compile:
        compile_kernels()
    if own.threads:
        torch.set_num_threads(own.threads)
    if first and own.finetune and training.held_out and not training.iteration:
        print(
            f"before, on what is held out:\n{evaluate.as_text(evaluate.quality(training.network, training.held_out))}"
        )
    quality = training.run(arguments.out)
    if not first:
        return
    if training.table:
        print(evaluate.as_text(training.table))
    judged = (
        f"validation PSNR {quality:.2f} dB of the full range"
        if training.held_out
        else "nothing was held out to validate with,"
    )
    print(f"{arguments.out / 'checkpoint.pt'}: {judged} after {training.seconds:.0f} s")


def run(arguments: argparse.Namespace) -> int:
    """Run ``bitpan train``."""
    with distributed.processes():
        if distributed.rank() > 0:  # the first process warns for all
            warnings.simplefilter("ignore", BitpanWarning)
        try:
            _train(arguments)
        except KeyboardInterrupt:
            if distributed.rank() == 0:  # which says so for all
                raise
            return 130
    return 0
