"""The forms in which bitpan writes: a file, a folder, files added to a folder, a file of bytes or of JSON."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bitpan.errors import BitpanError, OutputError
from bitpan.files.workspace import beside, occupied, within


@contextlib.contextmanager
def partial(path: Path) -> Iterator[Path]:
    """Where to write the file, or make the folder, that takes the place of ``path`` when the block ends well.

    Otherwise what was at ``path`` stays and the new one is gone. Files beside the new one go with it.

    Raises:
        OutputBusyError: another run is writing it.
    """
    with occupied(beside(path)) as work:
        yield work.new / work.principal


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A new folder: the files in it move to ``folder`` when the block ends well, and are gone otherwise.

    Raises:
        OutputBusyError: another run is writing there.
    """
    with occupied(within(folder)) as work:
        yield work.new


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """A folder in which this run alone works, piece by piece.

    Raises:
        OutputBusyError: another run is working there.
    """
    with occupied(within(folder)):
        yield


@contextlib.contextmanager
def cached(path: Path, again: bool = False) -> Iterator[Path]:
    """As :func:`partial`, but whoever makes the same at the same time is not kept from it, as in a cache.

    A folder that has come there meanwhile is left, for others may be reading it, unless it is made ``again`` because it
    was damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", suffix=".partial", dir=path.parent, ignore_cleanup_errors=True
    ) as work:
        new = Path(work) / path.name
        yield new
        if again:
            shutil.rmtree(path, ignore_errors=True)
        try:
            new.replace(path)
        except OSError:
            if not path.is_dir() or not new.is_dir():
                raise


def write_beside(path: Path, content: bytes) -> None:
    """Write a file by :func:`partial`.

    Raises:
        OutputBusyError: another run is writing it.
        OutputError: the disk is full, the folder cannot be written, ``path`` is a folder.
    """
    try:
        with partial(path) as new:
            new.write_bytes(content)
    except OSError as error:
        if isinstance(error, BitpanError):
            raise
        raise OutputError(f"{path}: cannot be written ({error.strerror}); nothing was left behind") from None


def write_json(path: Path, content: Any, indent: int | None = 1) -> None:  # noqa: ANN401
    """Write a JSON file as :func:`write_beside` does."""
    write_beside(path, (json.dumps(content, indent=indent) + "\n").encode())
