"""Files and folders that appear only when they are complete.

Each is written in a folder of its own, ``.<name>.<random>.partial`` beside its place, and renamed: nobody sees a
half-written one, and two processes that write the same do not meet. A folder of such a name that stays is what a killed
process has left.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bitpan.errors import OutputError


def write_beside(path: Path, content: bytes) -> None:
    """Write a file by :func:`partial`.

    Raises:
        OutputError: the disk is full, the folder cannot be written, ``path`` is a folder.
    """
    try:
        with partial(path) as new:
            new.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); nothing was left behind") from None


def write_json(path: Path, content: Any, indent: int | None = 1) -> None:  # noqa: ANN401
    """Write a JSON file as :func:`write_beside` does."""
    write_beside(path, (json.dumps(content, indent=indent) + "\n").encode())


@contextlib.contextmanager
def partial(path: Path, keep: bool = False) -> Iterator[Path]:
    """Where to write the file, or make the folder, that takes the place of ``path`` when the block ends well.

    Otherwise what was at ``path`` stays and the new one is gone. With ``keep`` a folder that has come there meanwhile
    is left, as in a cache, where it is the same and others may read it.
    """
    with _workspace(path) as work:
        new = work / path.name
        yield new
        try:
            if new.is_dir() and not keep:
                _replace_folder(new, path, work.with_suffix(".old"))
            else:
                new.replace(path)
        except OSError:
            if not (keep and path.is_dir()):
                raise


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder``: what is in it moves there when the block ends well, and is gone otherwise."""
    with _workspace(folder) as work:
        yield work
        for path in sorted(path for path in work.rglob("*") if path.is_file()):
            target = folder / path.relative_to(work)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


@contextlib.contextmanager
def _workspace(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", suffix=".partial", dir=path.parent, ignore_cleanup_errors=True
    ) as work:
        yield Path(work)


def _replace_folder(new: Path, path: Path, old: Path) -> None:
    """What is at ``path`` waits at ``old``, so that even a kill between the two renames leaves it whole."""
    try:
        if path.is_dir():
            path.rename(old)
        new.rename(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.rename(path)
        raise
    finally:
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
