"""How new files take their places: at any moment each is whole, and what belongs together is of one run.

What is new lies in the folder ``new`` of a workspace. One file, or one folder, takes its place in one atomic step.
Several cannot, so ``new`` is called ``ready`` first. Before that nothing has changed; after it whoever opens the
workspace next finishes what a kill broke off (:func:`finish`), and until then nobody sees a mixture: the files that go
with the *principal* are taken away before it is replaced, and the new ones come after it. Files reach the disk before
they are renamed, and folders after it, so that all this holds for a power cut too.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

NEW, READY = "new", "ready"

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2

SYNCED = 8 << 20
"""Bytes by which a file grows before it is brought to the disk."""


class Growing:
    """Brings a file that grows to the disk now and then, so that :func:`commit` has less to wait for in the end."""

    def __init__(self, path: Path) -> None:
        self._path, self._synced = path, 0

    def sync(self) -> None:
        """Wait until it is there, where it has grown by :data:`SYNCED`."""
        if (size := self._path.stat().st_size) >= self._synced + SYNCED:
            _sync([self._path])
            self._synced = size


def commit(work: Path, home: Path, principal: str) -> None:
    """Move what is in ``work/new`` to ``home``; other files there stay.

    Args:
        principal: name of the file, or of the folder to be replaced as a whole, that the other new files go with; "":
            none is above the others, and there may be none at all.

    Raises:
        OSError: nothing has changed, or the rest is left to :func:`finish`.
    """
    new = work / NEW
    if not any(new.iterdir()):
        return
    followers = _followers(new, principal)
    _made_folders(home, followers)
    for name in followers:
        if (home / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(home / name))
    _sync([*(path for path in sorted(new.rglob("*")) if not path.is_symlink()), new])
    if not followers and _replaced(new / principal, home / principal):
        _sync([home])
    else:
        new.rename(work / READY)
        _sync([work])
        finish(work, home, principal)


def finish(work: Path, home: Path, principal: str) -> None:
    """Do what a :func:`commit` that was broken off has left to do, if there is anything."""
    ready = work / READY
    if not ready.is_dir():
        return
    followers = _followers(ready, principal)
    folders = _made_folders(home, followers)
    for name in followers:
        (home / name).unlink(missing_ok=True)
    _sync(folders)
    first, place = ready / principal, home / principal
    if principal and first.exists():
        if first.is_dir() and place.is_dir():
            place.rename(Path(tempfile.mkdtemp(dir=work)) / principal)
        first.replace(place)
        _sync([home])
    for name in followers:
        (ready / name).replace(home / name)
    _sync(folders)
    shutil.rmtree(ready)


def _followers(folder: Path, principal: str) -> list[Path]:
    """The files in it, relative to it, without the principal."""
    files = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if not path.is_dir())
    return [path for path in files if path.parts[0] != principal]


def _made_folders(home: Path, names: Iterable[Path]) -> set[Path]:
    folders = {home, *((home / name).parent for name in names)}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return folders


def _replaced(new: Path, place: Path) -> bool:
    """Whether ``new`` is at ``place`` after one atomic step; what was there may be where ``new`` was."""
    if new.is_dir() and place.is_dir():
        return exchange(new, place)
    new.replace(place)
    return True


def exchange(one: Path, other: Path) -> bool:
    """Exchange two folders of one file system in one atomic step; whether the system can."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    if not call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        return True
    if (number := ctypes.get_errno()) in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(number, os.strerror(number), str(other))


def _sync(paths: Iterable[Path]) -> None:
    """Wait until these files and folders are on the disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno != errno.EINVAL or not path.is_dir():  # some file systems cannot, of folders
                raise
        finally:
            os.close(descriptor)
