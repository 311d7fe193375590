"""``bitpan sweep``: the networks of a file trained and judged at one budget, beside the classical methods.

For every arm each candidate rate is trained once and the best on the validation strips is chosen, never on the test
strips; with it every seed is trained at the full budget and judged on the test strips.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from multiprocessing.connection import wait
from pathlib import Path

from tqdm import tqdm

from bitpan.errors import DataError, ModelError
from bitpan.models.sweep_file import Arm, Rate, Sweep, read_sweep
from bitpan.models.sweep_report import write_report
from bitpan.models.sweep_run import Run, perform, plan, rate_name, test_images, validation_psnr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bitpan sweep``."""
    add = parser.add_argument
    add("file", type=Path, metavar="FILE.toml", help="what to compare; docs/sweeps/ has examples")
    add("--root", type=Path, default=Path(), metavar="DIR", help="folder of the file's sources (here)")
    add("--jobs", type=int, default=1, metavar="N", help="trainings at a time, of one thread each (1)")
    add("-o", "--output", type=Path, required=True, metavar="DIR", help="tables, pictures and runs/; goes on in it")


def run(arguments: argparse.Namespace) -> int:
    """Choose rates, train seeds, write the table; what is finished is not done again."""
    began, out, jobs = time.monotonic(), arguments.output, arguments.jobs
    if jobs < 1:
        raise DataError(f"--jobs {jobs}: at least 1")
    sweep = read_sweep(arguments.file, arguments.root, shlex.join(["bitpan", *sys.argv[1:]]))
    images = test_images(sweep)
    searches = {arm.name: [plan(sweep, out, arm, rate, arm.seeds[0], True) for rate in arm.rates] for arm in sweep.arms}
    _refuse_contradictions(sweep, out, searches)
    with workers(jobs) as pool:
        perform_all([each for runs in searches.values() if len(runs) > 1 for each in runs], pool, "choosing rates")
        rates = {arm.name: choose(arm, searches[arm.name]) for arm in sweep.arms}
        seeds = {
            arm.name: [plan(sweep, out, arm, rates[arm.name], seed, False) for seed in arm.seeds] for arm in sweep.arms
        }
        perform_all([each for runs in seeds.values() for each in runs], pool, "training seeds")
    print(write_report(sweep, out, images, searches, seeds, began))
    print(f"{out / 'table.md'}, table.csv, table.json and quicklooks/ of {len(seeds)} arms")
    return 0


def _refuse_contradictions(sweep: Sweep, out: Path, searches: Mapping[str, Sequence[Run]]) -> None:
    """Compare whatever the folder remembers with the file, before anything is done."""
    for arm in sweep.arms:
        full = [plan(sweep, out, arm, rate, seed, False) for rate in arm.rates for seed in arm.seeds]
        for each in (*full, *searches[arm.name]):
            each.require_same()


def choose(arm: Arm, searches: Sequence[Run]) -> Rate:
    """The rate with the best PSNR on the validation strips, of equals the first; the only one without a search."""
    if len(arm.rates) == 1:
        return arm.rates[0]
    best = max(range(len(searches)), key=lambda i: validation_psnr(searches[i]))
    if validation_psnr(searches[best]) == -math.inf:
        raise ModelError(
            f"arm {arm.name!r}: diverges at every rate of {', '.join(map(rate_name, arm.rates))}; add a lower one"
        )
    return arm.rates[best]


@contextmanager
def workers(jobs: int) -> Iterator[ProcessPoolExecutor | None]:
    """``jobs`` fresh processes, told by their environment to be of one thread; None for one job.

    However this process ends, they save the state of what they train and end too.

    Raises:
        ModelError: one of them was killed.
    """
    if jobs == 1:
        yield None
        return
    with _environment(OMP_NUM_THREADS="1"):  # they start when there is something to do
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_end_with_parent)
        try:
            yield pool
        except KeyboardInterrupt:  # which they have not heard of where a signal went to this process alone
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        except BrokenProcessPool:
            raise ModelError("a training's process was killed, for memory perhaps; go on with fewer --jobs") from None
        finally:
            pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Tell this process to stop as soon as the one that started it is gone, killed perhaps."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # a worker has one

    def watch() -> None:
        wait([parent.sentinel])
        while True:  # a training hears the first and saves its state; between trainings one ends the process
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)

    threading.Thread(target=watch, daemon=True).start()


def perform_all(runs: Sequence[Run], pool: ProcessPoolExecutor | None, title: str) -> None:
    """Perform the runs that have no result yet, in the processes of ``pool`` or here.

    Raises:
        BitpanError: what the first of them raised; the others are not begun.
        KeyboardInterrupt: when those in progress have saved their state.
    """
    missing = [run for run in runs if run.result() is None]
    done = len(runs) - len(missing)
    with tqdm(total=len(runs), initial=done, desc=title, unit="run", dynamic_ncols=True) as bar:
        if pool is None:
            for run in missing:
                bar.write(run.title)
                perform(run)
                bar.update()
        else:
            waiting = {pool.submit(_perform_quietly, run): run for run in missing}
            for future in as_completed(waiting):
                future.result()
                bar.write(f"finished {waiting[future].title}")
                bar.update()


_stopped = threading.Event()
"""This worker was interrupted; what its pool had handed it in advance must not begin."""


def _perform_quietly(run: Run) -> None:
    """What it prints, its progress too, goes to the run's ``log.txt``."""
    if _stopped.is_set():
        raise KeyboardInterrupt
    run.folder.mkdir(parents=True, exist_ok=True)
    with open(run.folder / "log.txt", "a", buffering=1) as log, redirect_stdout(log), redirect_stderr(log):
        try:
            perform(run)
        except KeyboardInterrupt:
            _stopped.set()
            raise


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
