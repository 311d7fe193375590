"""What computes scenes beside each other: processes of this machine, or the workers of a Dask cluster.

Both are a :class:`Pool`: a function is submitted with its argument, a future comes back. Whatever ends the process that
computes it is an error of that future alone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Protocol, TypeVar

from bitpan.errors import ProcessError
from bitpan.optional import require

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Pool(Protocol):
    """What scenes are submitted to."""

    def submit(self, work: Callable[[Argument], Result], argument: Argument, /) -> Future[Result]:
        """The future of ``work(argument)``, both of which can be pickled."""


class Processes(AbstractContextManager["Processes"]):
    """``jobs`` fresh processes of this machine, each of so many ``threads``.

    Ctrl-C is not theirs: they are told to end, by SIGTERM, when the block does, and end with this process however that
    ends. Each has a thread here that waits for it, so that it is known which scene a killed one was at.
    """

    def __init__(self, jobs: int, threads: int) -> None:
        self._threads = threads
        self._ended = False
        self._starting = threading.Lock()
        self._own = threading.local()
        resource_tracker.ensure_running()  # whose start unblocks Ctrl-C in the thread that starts it
        self._lanes = ThreadPoolExecutor(jobs, initializer=_without_interrupts)
        self._started: list[ProcessPoolExecutor] = []

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._starting:
            self._ended = True
        if kind:
            for process in multiprocessing.active_children():
                process.terminate()
        self._lanes.shutdown(cancel_futures=True)
        for pool in self._started:
            pool.shutdown()

    def submit(self, work: Callable[[Argument], Result], argument: Argument, /) -> Future[Result]:
        """See :class:`Pool`; :class:`ProcessError` says that the process was killed."""
        return self._lanes.submit(self._perform, work, argument)

    def _perform(self, work: Callable[[Argument], Result], argument: Argument) -> Result:
        """In this thread's process."""
        try:
            with self._starting:
                if self._ended:
                    raise ProcessError("was not begun")
                if not hasattr(self._own, "pool"):
                    self._own.pool = self._new()
                future: Future[Result] = self._own.pool.submit(work, argument)
            return future.result()
        except BrokenProcessPool:
            del self._own.pool  # the next scene gets another
            raise ProcessError("its process was killed, for memory perhaps; go on with fewer --jobs") from None

    def _new(self) -> ProcessPoolExecutor:
        """One process."""
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(self._threads,))
        self._started.append(pool)
        return pool


def _without_interrupts() -> None:
    """Ctrl-C is for the process that was started; those that this thread starts inherit its mask of signals."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _begin(threads: int) -> None:
    """In a new process: so many threads for NumPy too, and no life after that of the process that started it."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    parent = multiprocessing.parent_process()
    assert parent is not None  # this process has one

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)  # at once, so that whoever goes on finds nobody at work

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def dask_workers(address: str) -> Iterator[Pool]:
    """The workers of the Dask cluster whose scheduler has this address, as in ``tcp://10.0.0.1:8786``.

    A scene whose worker is killed is done by another; scenes that are under way when the block ends are finished.

    Raises:
        MissingDependencyError: Dask is not installed.
        ProcessError: no scheduler answers there.
    """
    distributed = require("distributed")
    try:
        client = distributed.Client(address, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ProcessError(
            f"no Dask scheduler answers at {address} ({error}); start one (dask scheduler), or check the address"
        ) from None
    with client:
        pool = client.get_executor(pure=False)
        try:
            yield pool
        finally:
            pool.shutdown(wait=False)
