"""Progress of a long work: a bar where tqdm is installed, else a line at every tenth."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


class Progress:
    """Counts steps of a known total, on stderr.

    Args:
        total: number of steps.
        what: is being done, e.g. ``fusing``.
        unit: of a step, e.g. ``tile``.
    """

    def __init__(self, total: int, what: str, unit: str) -> None:
        self._total, self._what, self._unit = total, what, unit
        self._done = 0
        self._bar: Any = None
        try:
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=what, unit=unit, leave=False)
        except ImportError:
            pass

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if self._bar is not None:
            self._bar.update()
        elif 10 * self._done // self._total > 10 * (self._done - 1) // self._total:
            print(f"{self._what}: {self._done} of {self._total} {self._unit}s", file=sys.stderr)
