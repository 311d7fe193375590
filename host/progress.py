"""Progress of a long work: a bar where tqdm is installed, else a line at every tenth."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def progress(total: int, what: str, unit: str) -> Iterator[Callable[[], object]]:
    """Tells on stderr of ``total`` steps, as in ``progress(9, "fusing", "tile")``; call what it yields after each."""
    if find_spec("tqdm"):
        from tqdm import tqdm

        with tqdm(total=total, desc=what, unit=unit, leave=False) as bar:
            yield bar.update
        return
    count = itertools.count(1)

    def step() -> None:
        done = next(count)
        if 10 * done // total > 10 * (done - 1) // total:
            print(f"{what}: {done} of {total} {unit}s", file=sys.stderr)

    yield step


def say(text: str) -> None:
    """A line on stdout, above the bar if there is one."""
    if find_spec("tqdm"):
        from tqdm import tqdm

        tqdm.write(text)
    else:
        print(text)
