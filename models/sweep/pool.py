"""A sweep's trainings in processes of their own, and the choice of a rate among them."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from multiprocessing.connection import wait

from tqdm import tqdm

from bitpan.errors import ModelError
from bitpan.models.sweep.file import Arm, Rate
from bitpan.models.sweep.run import Run, perform, rate_name, validation_psnr


def choose(arm: Arm, searches: Sequence[Run]) -> Rate:
    """The rate with the best PSNR on the validation strips, of equals the first; the only one without a search."""
    if len(arm.rates) == 1:
        return arm.rates[0]
    quality = [validation_psnr(run) for run in searches]
    if max(quality) == -math.inf:
        raise ModelError(
            f"arm {arm.name!r}: diverges at every rate of {', '.join(map(rate_name, arm.rates))}; add a lower one"
        )
    return arm.rates[quality.index(max(quality))]


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
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
        os.environ.update(before)
