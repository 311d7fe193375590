"""Where an output is written: a hidden folder beside its place or in it, of one run at a time.

``.NAME.partial`` lies beside the output NAME, ``.partial`` in a folder that is added to. A lock in it says who works
there: a second run is refused and told so. A run that ends takes it away; what a killed one has left in it is cleared
by the next, or gone on from, and a commit that it had begun is finished.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bitpan.errors import OutputBusyError, OutputError
from bitpan.files.commit import NEW, READY, commit, finish
from bitpan.signals import held, uncovered

LOCK = "lock"


@dataclass(frozen=True)
class Workspace:
    """A workspace.

    Attributes:
        output: the file or folder that is written, as the user calls it.
        folder: the workspace itself. What is in it, ``new`` excepted, an interrupted run may leave to the next.
        home: where the files of ``new`` go.
        principal: the one that the others go with, see :func:`bitpan.files.commit.commit`.
    """

    output: Path
    folder: Path
    home: Path
    principal: str

    @property
    def new(self) -> Path:
        """What is written here takes its place when the block ends well."""
        return self.folder / NEW


def beside(output: Path) -> Workspace:
    """The workspace of a file, or of a folder that is replaced as a whole."""
    whole = Path(os.path.abspath(output))  # "." has no name; links are not followed
    return Workspace(output, whole.parent / f".{whole.name}.partial", whole.parent, whole.name)


def within(folder: Path) -> Workspace:
    """The workspace of a folder to which files are added."""
    return Workspace(folder, folder / ".partial", folder, "")


@contextlib.contextmanager
def occupied(work: Workspace, resumable: bool = False) -> Iterator[Workspace]:
    """This run's alone; what it leaves in ``work.new`` is committed when the block ends well.

    With ``resumable`` other files that an earlier run has left in it are still there, and stay if this one is
    interrupted too.

    Raises:
        OutputBusyError: another run is at work there.
        OutputError: the workspace belongs to another user.
        OSError: the disk is full, a folder cannot be written.
    """
    made = not work.home.exists()
    work.home.mkdir(parents=True, exist_ok=True)
    lock, kept = None, resumable
    try:
        with held():
            lock = _locked(work)
            finish(work.folder, work.home, work.principal)
            _clear(work.folder, everything=not resumable)
            work.new.mkdir()
        try:
            with uncovered():
                yield work
        except Exception:
            kept = False
            raise
        with held():
            kept = False  # from here on a signal waits until all is in its place
            commit(work.folder, work.home, work.principal)
    finally:
        with held():
            if lock is not None:
                _clear(work.folder, everything=not kept)
                _unlocked(work.folder, lock)
            if made:
                with contextlib.suppress(OSError):  # it is not empty
                    work.home.rmdir()


def _locked(work: Workspace) -> int:
    """The descriptor of the workspace's lock, which this process holds until it closes it or ends."""
    path = work.folder / LOCK
    while True:
        with contextlib.suppress(FileNotFoundError):  # its owner has just taken it away
            _make(work)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
                    os.truncate(descriptor, 0)
                    os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()} ({command})".encode(), 0)
                    return descriptor
            except BlockingIOError:
                holder = " ".join(os.pread(descriptor, 300, 0).decode(errors="replace").split()) or "another process"
                os.close(descriptor)
                raise OutputBusyError(f"{work.output}: {holder} is writing it; wait, or give another output") from None
            os.close(descriptor)


def _make(work: Workspace) -> None:
    try:
        work.folder.mkdir(0o700)
    except FileExistsError:
        state = os.lstat(work.folder)
        if not stat.S_ISDIR(state.st_mode):  # a link perhaps, which nobody follows
            work.folder.unlink()
            work.folder.mkdir(0o700)
        elif state.st_uid != os.geteuid():
            raise OutputError(f"{work.folder}: was left by another user; ask for it to be deleted") from None


def _clear(folder: Path, everything: bool) -> None:
    """Take away ``new``, and with ``everything`` all but the lock and what a commit has left to do."""
    for path in folder.iterdir() if everything else [folder / NEW]:
        if path.name in (LOCK, READY):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _unlocked(folder: Path, lock: int) -> None:
    if os.listdir(folder) == [LOCK]:
        (folder / LOCK).unlink()
        with contextlib.suppress(OSError):  # the next run has come in
            folder.rmdir()
    os.close(lock)
