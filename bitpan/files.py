"""Files that appear only when they are complete."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bitpan.errors import OutputError


def write_beside(path: Path, content: bytes) -> None:
    """Write ``content`` beside ``path`` and rename it, so that a failure leaves what was there.

    Raises:
        OutputError: the disk is full, the folder cannot be written, ``path`` is a folder.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); nothing was left behind") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder``: what is in it moves there when the block ends well, and is gone otherwise."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as name:
        beside = Path(name)
        yield beside
        for path in sorted(path for path in beside.rglob("*") if path.is_file()):
            target = folder / path.relative_to(beside)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


@contextlib.contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder`` that takes its place when the block ends well, and is gone otherwise.

    What was there waits beside it under a hidden name, so that even a kill between the two renames leaves it whole.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    new, old = beside / "new", beside / "old"
    new.mkdir()
    try:
        yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
