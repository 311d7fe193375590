"""What took long, kept under ``$BITPAN_CACHE`` by the hash of all that it depends on: results and folders of files.

Each holds the digest of its own content: one that was cut or edited is made again. Compiled code is among it, so a
cache in which others may write is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bitpan.errors import CacheError, ModelError
from bitpan.files import cached
from bitpan.intake.documents import digest, parsed
from bitpan.intake.sums import check_sums, write_sums

PATIENCE = 60.0
"""Seconds for which a process waits to be :func:`alone`."""

_PAUSE = 0.05  # between two tries
_OTHERS_WRITE = 0o022


def cache_folder() -> Path:
    """``$BITPAN_CACHE``, else ``~/.cache/bitpan``."""
    return Path(os.environ.get("BITPAN_CACHE") or Path.home() / ".cache" / "bitpan")


def remembered(kind: str, key: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401
    """What ``make`` gave for this ``key`` before, or gives now, in JSON's types; ``kind`` is a folder of the cache.

    Raises:
        CacheError: others may write in the cache.
    """
    path = own_folder(kind) / f"{key}.json"
    try:
        document = parsed(path.read_bytes())
        if document["sha256"] == digest(document["content"]):
            return document["content"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    content = json.loads(json.dumps(make()))
    with cached(path) as new:
        new.write_text(json.dumps({"sha256": digest(content), "content": content}))
    return content


def kept(kind: str, key: str, make: Callable[[Path], object]) -> Path:
    """The folder that ``make`` filled for this ``key`` before, or fills now; ``kind`` is a folder of the cache.

    Raises:
        CacheError: others may write in the cache.
    """
    path = own_folder(kind) / key
    if path.is_dir():
        try:
            _require_own(path)
            check_sums(path, "made again")
        except ModelError:
            pass
        else:
            return path
    with cached(path, again=path.is_dir()) as new:
        new.mkdir(mode=0o700)
        make(new)
        write_sums(new)
    return path


@contextmanager
def alone(what: str) -> Iterator[None]:
    """One process of this machine's user at a time is in a block of this name; the others wait for it, a while.

    What is done twice is done in vain, and no more: a process that has stopped within its block stops no other.

    Raises:
        CacheError: others may write in the cache.
    """
    descriptor = os.open(own_folder("locks") / what, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        until = time.monotonic() + PATIENCE
        while not _locked(descriptor) and time.monotonic() < until:
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def own_folder(kind: str) -> Path:
    """The cache's folder ``kind``, made if need be.

    Raises:
        CacheError: others may write in the cache.
    """
    cache = cache_folder()
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        for folder in (cache, cache / kind):
            folder.mkdir(mode=0o700, exist_ok=True)
            _require_own(folder)
    except OSError as error:
        if isinstance(error, CacheError):
            raise
        raise CacheError(f"{cache}: no cache can be made there ({error.strerror}); set BITPAN_CACHE") from None
    return cache / kind


def _require_own(folder: Path) -> None:
    """Raise :class:`CacheError` where somebody else may put anything into a folder."""
    state = folder.stat()
    if state.st_uid != os.getuid() or state.st_mode & _OTHERS_WRITE:
        whose = "is somebody else's" if state.st_uid != os.getuid() else "can be written by others"
        raise CacheError(
            f"{folder}: {whose}, and what is in the cache is executed; remove it, or set BITPAN_CACHE to a folder of "
            "your own"
        )
