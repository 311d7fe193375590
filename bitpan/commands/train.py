"""``bitpan train``: train a network on PAN/MS data or on synthetic scenes, or fine-tune one to a scene."""

from __future__ import annotations

import argparse
import shlex
import sys
import warnings
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from bitpan import values
from bitpan.commands import options
from bitpan.errors import BitpanWarning, ModelError
from bitpan.models.imagery.degrade import SENSORS
from bitpan.models.layers.kernels import compile_kernels
from bitpan.models.networks.arms import ARMS
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.quality import judge as evaluate
from bitpan.models.training import distributed
from bitpan.models.training.finetune import FINETUNING, finetune
from bitpan.models.training.settings import LEVELS, Settings
from bitpan.models.training.training import Training, resume


def _rates(text: str) -> float | tuple[float, ...]:
    rates = values.reals(text)
    return rates if len(rates) > 1 else rates[0]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan train``."""
    options.add_output(parser, "DIR", "folder for checkpoint.pt and last.pt", "--out")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", type=Path, metavar="LAST.PT", help="go on from it, with its settings")
    start.add_argument(
        "--finetune",
        type=Path,
        metavar="CHECKPOINT",
        help="adapt this finished network to --data; defaults become "
        + ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in FINETUNING.items()),
    )
    transfer = "of --finetune: for other bands or another ratio than the checkpoint's, whose inner layers are kept"
    parser.add_argument("--transfer", action="store_true", default=argparse.SUPPRESS, help=transfer)
    _add_data(_adder(parser, "data"))
    _add_network(_adder(parser, "network"))
    _add_schedule(_adder(parser, "training"))


def _adder(parser: argparse.ArgumentParser, title: str) -> Callable[..., None]:
    """Adds settings to a group; what is not given is absent, so that defaults can depend on what is."""
    group, default = parser.add_argument_group(title), Settings()

    def add(flag: str, text: str = "", **own: Any) -> None:  # noqa: ANN401
        value = getattr(default, flag[2:].replace("-", "_"))
        shared = options.SHARED.get(flag, {})
        shown = f" (default: {value})" if value and not isinstance(value, tuple) else ""
        own["help"] = (text or shared["help"]) + shown
        group.add_argument(flag, **{**shared, **own, "default": argparse.SUPPRESS})

    return add


def _add_data(add: Callable[..., None]) -> None:
    add("--synthetic", "train on N synthetic scenes", type=int, metavar="N")
    add("--sensor", choices=SENSORS)
    for shared in ("--data", "--scene-size", "--bands", "--bits", "--ratio", "--shift"):
        add(shared)
    add("--reserve", f"{options.HELD_OUT}, left out for tests", type=float)
    add("--hold-out", "fraction of the others kept for validation", type=float)


def _add_network(add: Callable[..., None]) -> None:
    add("--network", "what to train", choices=NETWORKS)
    add("--blocks", "depth; the network's own where it is not given", type=int)
    add("--channels", "of the features", type=int)
    for arm, choices in ARMS.items():
        add(f"--{arm.replace('_', '-')}", "arm for ablation", choices=choices)
    add("--level", "each scene at one level, or its counts as they are: for one sensor alone", choices=LEVELS)


def _add_schedule(add: Callable[..., None]) -> None:
    shares, rates = options.value(values.reals), options.value(_rates)
    add("--iterations", "of all stages", type=int)
    add("--batch", "patches of an iteration, of all processes", type=int)
    add("--patch", "PAN pixels", type=int)
    add("--vary-bands", "give the bands of patches random gains and offsets", action="store_true")
    add("--stages", "the stages' shares of the iterations, as in 0.15,0.1,0.75", type=shares, metavar="SHARE,...")
    add("--lr", "learning rate, or one per stage", type=rates, metavar="RATE[,...]")
    add("--seed")
    add("--validate-every", "iterations between validations", type=int, metavar="ITERATIONS")
    add("--save-every", "between writings of last.pt: what a crash may cost", type=float, metavar="SECONDS")
    add("--device")
    add("--threads")
    add("--compile", "fuse elementwise operations; needs a C++ compiler", action="store_true")
    add("--amp", "bf16 where the network computes in floating point", action="store_true")


def _training(arguments: argparse.Namespace) -> Training:
    given = {f.name: getattr(arguments, f.name) for f in fields(Settings) if hasattr(arguments, f.name)}
    path = given.pop("finetune")
    if arguments.resume is not None:
        if given:
            raise ModelError(f"--resume takes its settings from {arguments.resume}: leave {_option(min(given))} out")
        return resume(arguments.resume)
    given["threads"] = given.get("threads") or options.free_cores()  # stored, since the last bits depend on it
    given |= {"data": tuple(given.get("data", ())), "command": shlex.join(["bitpan", *sys.argv[1:]])}
    return Training(Settings(**given)) if path is None else finetune(path, given)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _train(arguments: argparse.Namespace) -> None:
    training = _training(arguments)
    own, first = training.settings, distributed.rank() == 0
    if own.compile:
        compile_kernels()
    torch.set_num_threads(own.threads or options.free_cores())
    quality = training.run(arguments.output)
    if not first:
        return
    if training.table:
        print(evaluate.as_text(training.table))
    judged = (
        f"validation PSNR {quality:.2f} dB of the full range"
        if training.held_out
        else "nothing was held out to validate with,"
    )
    if training.kept:
        print(_kept(training.kept.iteration, own.iterations))
    print(f"{arguments.output / 'checkpoint.pt'}: {judged} after {training.seconds:.0f} s")


def _kept(iteration: int, iterations: int) -> str:
    if not iteration:
        return "no iteration was better on what is held out: the weights are those it started from"
    return f"the weights are those after iteration {iteration} of {iterations}, the best on what is held out"


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
