"""One rule for the signals that end a run: SIGTERM and SIGHUP interrupt it as Ctrl-C does, and it cleans up.

A signal that is ignored, as SIGHUP under ``nohup``, stays so. Python handles signals in the main thread alone:
elsewhere nothing here has an effect.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end a run."""

Handler = Callable[[int, FrameType | None], object]


class Ended(KeyboardInterrupt):
    """A signal other than Ctrl-C told the process to end; ``number`` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """As shells count: 128 and the signal's number."""
    return 128 + (interrupt.number if isinstance(interrupt, Ended) else signal.SIGINT)


@contextmanager
def interrupting() -> Iterator[None]:
    """SIGTERM and SIGHUP raise :class:`Ended` in the block, where they would kill.

    Schedulers repeat them: while the process cleans up after one, another changes nothing.
    """

    def end(number: int, frame: FrameType | None) -> None:
        if _interrupt_behind(sys.exc_info()[1]) is None:
            raise Ended(number)

    mine = {each for each in ENDING if each != signal.SIGINT and signal.getsignal(each) == signal.SIG_DFL}
    with _handled({each: end for each in mine}):
        yield


@contextmanager
def uncovered() -> Iterator[None]:
    """Where what was interrupted raises an error of its own over that, as argparse and rasterio do: the interrupt."""
    try:
        yield
    except Exception as error:
        if interrupt := _interrupt_behind(error):
            raise interrupt from None
        raise


def _interrupt_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error


@contextmanager
def held() -> Iterator[list[int]]:
    """Signals wait until the end of the block, which must not be torn, and are listed meanwhile.

    A second Ctrl-C is impatience and interrupts at once.
    """
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and number in noted:
            signal.default_int_handler(number, frame)
        noted.append(number)

    mine = {each for each in ENDING if signal.getsignal(each) not in (signal.SIG_IGN, None)}
    try:
        with _handled({each: note for each in mine}):
            yield noted
    finally:
        if noted:
            signal.raise_signal(noted[0])


@contextmanager
def _handled(handlers: dict[signal.Signals, Handler]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
