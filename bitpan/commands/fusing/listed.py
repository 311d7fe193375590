"""``bitpan fuse --list``: many pairs, in processes of this machine or on a Dask cluster.

Each scene is fused as if it were the only one: an interrupted list goes on where each of its scenes has stopped.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from bitpan import __version__
from bitpan.cache import alone, remembered
from bitpan.commands import options
from bitpan.commands.fuse import fuse_pair, model_for, open_fuser, report, require_possible
from bitpan.errors import BitpanError, BitpanWarning, DataError, ProcessError, naming
from bitpan.files import claimed
from bitpan.host.engine.engine import code_folder
from bitpan.host.fuser import Fuser
from bitpan.host.many.mosaic import open_mosaic
from bitpan.host.many.outcomes import FAILED, FUSED, STOPPED, THERE, Outcome, one_line, perform_all, told
from bitpan.host.many.pairs import Pair, read_pairs
from bitpan.host.many.pools import Processes, dask_workers
from bitpan.host.scene.calibration import is_of, save_calibration
from bitpan.host.scene.scene import Scene, open_scene
from bitpan.host.scene.tiles import ahead
from bitpan.host.threads import default_threads
from bitpan.intake.documents import digest
from bitpan.model import IntegerModel
from bitpan.rasters.pair import Handling
from bitpan.rasters.products import product_of
from bitpan.signals import interrupting

SUMMARY = "summary.csv"
"""The table of scenes, in the folder of the outputs."""

SHARED = "scene-parameters.json"
"""The scene parameters that all share, in the same folder."""

BESIDE = ("report", "quicklook", "stac")
"""Options that name files which are written beside the image."""

PLACE = "{scene}"
"""Stands for a scene's name in what is written beside its image."""

DEVICE = "BITPAN_DEVICE"
"""What a worker of a cluster has instead of the ``--device`` that was asked for."""


def run(arguments: argparse.Namespace) -> int:
    """Fuse all; 1 if any scene failed."""
    if arguments.pan is not None:
        raise DataError(f"--list names the scenes: leave {arguments.pan} out")
    if arguments.jobs < 1:
        raise DataError(f"--jobs {arguments.jobs}: at least 1")
    if arguments.one_scene and arguments.scene_parameters:
        raise DataError(f"{arguments.scene_parameters} holds the parameters: leave --one-scene out")
    folder = arguments.output
    pairs = read_pairs(arguments.list, folder)
    threads = arguments.threads
    if not (threads or arguments.scheduler):
        threads = max(1, default_threads() // arguments.jobs)
    with claimed(folder), told(pairs, folder / SUMMARY) as outcomes:
        if arguments.one_scene:
            arguments = _of_one_scene(arguments, pairs)
        tasks = {pair.scene: _task(pair, arguments, threads) for pair in pairs}
        scheduler = arguments.scheduler
        pool = dask_workers(scheduler) if scheduler else Processes(arguments.jobs, threads)
        with pool as workers:
            perform_all(workers, perform, tasks, outcomes)
    print(f"{folder / SUMMARY}: the same as a file")
    return int(outcomes.failed())


def _of_one_scene(arguments: argparse.Namespace, pairs: Sequence[Pair]) -> argparse.Namespace:
    """The arguments with a file of the scene parameters that all share, which is made anew only for other tiles."""
    path, shift = arguments.output / SHARED, arguments.shift
    arguments.model = _model_of(pairs, arguments)
    here = _but(arguments, device="cpu")  # which there is everywhere, the same bits
    with open_fuser(here) as fuser, naming(arguments.list):
        model = fuser.model
        handling = options.handling(arguments)
        tiles = [partial(_open, pair, model, handling) for pair in pairs]
        mosaic, state = open_mosaic(tiles, model)
        job = digest([__version__, model.digest(), state, str(handling), str(shift)])
        if not is_of(path, job=job):
            with alone("compiling"):
                save_calibration(path, model, fuser.calibration(mosaic, shift), job=job)
    return _but(arguments, scene_parameters=path, shift=None)


def _open(pair: Pair, model: IntegerModel, handling: Handling) -> AbstractContextManager[Scene]:
    return open_scene(*product_of(pair.pan, pair.ms), model, handling)


def _model_of(pairs: Sequence[Pair], arguments: argparse.Namespace) -> str | None:
    """The model for the first pair that can be opened, and so for all."""
    for pair in pairs:
        with suppress(BitpanError):
            pan, ms = product_of(pair.pan, pair.ms)
            return model_for(_but(arguments, pan=pan, ms=ms))
    model: str | None = arguments.model
    return model


def _but(arguments: argparse.Namespace, **changes: Any) -> argparse.Namespace:  # noqa: ANN401
    return argparse.Namespace(**{**vars(arguments), **changes})


def _task(pair: Pair, arguments: argparse.Namespace, threads: int | None) -> argparse.Namespace:
    """A scene's own arguments, as any process of any machine with the same files understands them."""
    own = _but(arguments, version=__version__, scene=pair.scene, output=pair.output, threads=threads)
    own.pan, own.ms = pair.pan, pair.ms
    for name in ("output", "package", "scene_parameters", *BESIDE):
        if getattr(own, name) is not None:
            path = str(getattr(own, name)).replace(PLACE, pair.scene)
            setattr(own, name, Path(os.path.abspath(path)))
    if own.model and Path(own.model).is_dir():
        own.model = os.path.abspath(own.model)
    return own


_one_at_a_time = Lock()  # what is said is the process's, and so is a device
_opened: dict[str, Fuser] = {}
"""This process's fuser, by what it was opened with: kept from scene to scene."""


def perform(task: argparse.Namespace) -> Outcome:
    """Fuse one scene, in a worker; whatever goes wrong is its failure."""
    began = time.monotonic()
    with _one_at_a_time, _heard() as said:
        try:
            with interrupting():
                state, reason = _fuse(task), ""
        except Exception as error:
            state, reason = FAILED, one_line(error)
        except KeyboardInterrupt:
            state, reason = STOPPED, "interrupted; the same command goes on with it"
    return Outcome(task.scene, state, time.monotonic() - began, reason, "\n".join(said))


def _fuse(task: argparse.Namespace) -> str:
    if task.version != __version__:
        raise ProcessError(f"bitpan {__version__} is on the worker, {task.version} here: install one version on both")
    task.output.parent.mkdir(parents=True, exist_ok=True)
    task.pan, task.ms = product_of(task.pan, task.ms)
    require_possible(task)
    task.model = model_for(task)
    fuser = _fuser(task)
    state = FUSED if fuse_pair(fuser, task) else THERE
    asked = [path for name in BESIDE if (path := getattr(task, name))]
    if state == FUSED or not all(path.exists() for path in asked):
        report(fuser.model, task)
    return state


def _fuser(task: argparse.Namespace) -> Fuser:
    """This process's, on its device, its code compiled by one process of a machine alone."""
    task.device = os.environ.get(DEVICE, task.device)
    asked = repr([task.model, task.package, task.device, task.threads, task.timeout])
    if asked not in _opened:
        while _opened:
            _opened.popitem()[1].close()
        fuser = open_fuser(task)
        if task.device == "cpu":
            _compile(fuser)
        _opened[asked] = fuser
    return _opened[asked]


def _compile(fuser: Fuser) -> None:
    """Make the engine's machine code, on a small scene, unless it is known to be made: nobody waits then."""
    model, side = fuser.model, 64

    def make() -> str:
        rows = np.arange(1, side + 1, dtype=np.uint16)[:, None]  # not black, which needs less
        ms = np.broadcast_to(rows, (model.bands, side, side))
        with alone("compiling"):
            for tile in (None, ahead(model.ratio)):  # parts of an image lie otherwise than whole ones
                fuser.fuse(ms[0].repeat(model.ratio, 0).repeat(model.ratio, 1), ms, shift=(0.0, 0.0), tile=tile)
        return model.name

    remembered("compiled", digest([code_folder(), model.digest()]), make)


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What is printed and warned of in the block, a line each once; bars of progress and others' warnings are not."""
    said: list[str] = []
    with (
        warnings.catch_warnings(record=True) as warned,
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()),
    ):
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", BitpanWarning)
        try:
            yield said
        finally:
            said += dict.fromkeys([*out.getvalue().splitlines(), *(f"warning: {each.message}" for each in warned)])
