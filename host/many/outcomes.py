"""What came of each of many scenes: told as it comes, and as a table on the screen and in a file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, as_completed
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TypeVar

from bitpan.errors import BitpanError
from bitpan.files import write_beside
from bitpan.host.many.pairs import Pair
from bitpan.host.many.pools import Pool
from bitpan.host.progress import progress, say

Task = TypeVar("Task")

FUSED, THERE, FAILED, STOPPED = "fused", "was there", "failed", "not finished"


@dataclass(frozen=True)
class Outcome:
    """Of one scene.

    Attributes:
        scene: what it is called.
        state: one of the four above.
        seconds: that it took.
        reason: why it failed, in one line.
        notes: whatever was said meanwhile.
    """

    scene: str
    state: str = STOPPED
    seconds: float = 0.0
    reason: str = ""
    notes: str = ""


class Outcomes:
    """Of many scenes, in their order: those that did not end are :data:`STOPPED`."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._by_scene = {pair.scene: Outcome(pair.scene) for pair in pairs}

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._by_scene.values())

    def add(self, outcome: Outcome) -> None:
        """One has ended."""
        self._by_scene[outcome.scene] = outcome

    def failed(self) -> bool:
        """Whether any did."""
        return any(outcome.state == FAILED for outcome in self)

    def table(self) -> str:
        """For the screen: a line for each scene, and how many came to what."""
        width = max(len(outcome.scene) for outcome in self)
        lines = [f"{'scene':{width}}  {'state':12}  seconds  reason"]
        lines += [f"{own.scene:{width}}  {own.state:12}  {own.seconds:7.1f}  {own.reason}".rstrip() for own in self]
        counts = Counter(outcome.state for outcome in self)
        return "\n".join([*lines, ", ".join(f"{count} {state}" for state, count in counts.items())])

    def write(self, path: Path) -> None:
        """The same as CSV, with what was said of each scene."""
        text = io.StringIO(newline="")
        rows = csv.writer(text)
        rows.writerow(field.name for field in fields(Outcome))
        rows.writerows(astuple(replace(outcome, seconds=round(outcome.seconds, 3))) for outcome in self)
        write_beside(path, text.getvalue().encode())


@contextmanager
def told(pairs: Sequence[Pair], path: Path) -> Iterator[Outcomes]:
    """What the block adds to it is in the file, and on the screen, however the block ends."""
    outcomes = Outcomes(pairs)
    try:
        yield outcomes
    finally:
        outcomes.write(path)
        print(outcomes.table())


def perform_all(pool: Pool, work: Callable[[Task], Outcome], tasks: Mapping[str, Task], outcomes: Outcomes) -> None:
    """Do the work of each scene, and tell of each as it ends; what a pool raises is a scene's failure."""
    futures: dict[Future[Outcome], str] = {pool.submit(work, task): scene for scene, task in tasks.items()}
    with progress(len(futures), "fusing", "scene") as step:
        for future in as_completed(futures):
            outcome = _of(future, futures[future])
            outcomes.add(outcome)
            said = outcome.reason or "; ".join(outcome.notes.splitlines())
            say(f"{outcome.scene}: {outcome.state} in {outcome.seconds:.1f} s{said and ': '}{said}")
            step()


def _of(future: Future[Outcome], scene: str) -> Outcome:
    try:
        return future.result()
    except (Exception, CancelledError) as error:
        return Outcome(scene, FAILED, reason=one_line(error))


def one_line(error: BaseException) -> str:
    """An error as a table has it; of one that nobody expected, its kind too."""
    kind = "" if isinstance(error, BitpanError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())
