"""What a sweep's folder remembers: ``runs.jsonl``, a line of JSON for each training that was begun.

It says ``arm``, ``run`` (the name among the arm's), ``settings`` and ``result``, which is empty until there is one.
"""

from __future__ import annotations

import fcntl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from bitpan.errors import DataError
from bitpan.files import write_beside
from bitpan.intake.documents import parsed
from bitpan.models.quality.tables import strict_json

NAME = "runs.jsonl"

Record = Mapping[str, Any]


def remembered(folder: Path) -> Mapping[tuple[str, str], Record]:
    """Settings and result by arm and run; half a last line is passed over.

    Raises:
        DataError: another line cannot be read, or a bitpan of before there was this file has worked here.
    """
    path = folder / NAME
    if path.exists():
        state = path.stat()
        return _read(path, state.st_ino, state.st_size, state.st_mtime_ns)
    for former in folder.glob("runs/*/*/settings.json"):
        raise DataError(f"{former}: of bitpan 0.1.0, before {NAME}; go on with that, or give another -o")
    return {}


@lru_cache(maxsize=1)
def _read(path: Path, *state: int) -> Mapping[tuple[str, str], Record]:
    """``state`` tells when to read again."""
    records = {}
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        try:
            record = parsed(line)
            records[record["arm"], record["run"]] = {part: dict(record[part]) for part in ("settings", "result")}
        except (ValueError, LookupError, TypeError) as error:
            if line.endswith(b"\n"):
                raise DataError(
                    f"{path}, line {number}: cannot be read ({error}); delete the line to train that run again"
                ) from None
    return records


def remember(folder: Path, arm: str, run: str, settings: Record, result: Record) -> None:
    """Write a run's line, its former one or a new one; processes do so one at a time."""
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    with open(folder / "runs" / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        records = {**remembered(folder), (arm, run): {"settings": settings, "result": result}}
        lines = [strict_json({"arm": a, "run": r, **record}, indent=None) for (a, r), record in records.items()]
        write_beside(folder / NAME, b"".join(lines))
