"""A folder's checksums: whether all of it is as it was written, and nothing more is in it.

They are in ``checksums.sha256``, in the format of ``sha256sum -c``. The digest of that file stands for all content.
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from bitpan.errors import ModelError
from bitpan.files import write_beside

CHECKSUMS = "checksums.sha256"


def file_digest(path: Path) -> str:
    """SHA-256 of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def file_crc(path: Path) -> str:
    """CRC-32 of a file of any size: tells damage, where a digest would take a board longer than the file itself."""
    crc, part = 0, memoryview(bytearray(1 << 20))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(part):
            crc = zlib.crc32(part[:count], crc)
    return f"{crc:08x}"


def write_sums(folder: Path) -> None:
    """Write ``checksums.sha256`` of all that is in ``folder``."""
    lines = [f"{file_digest(folder / name)}  {name}\n" for name in _content(folder)]
    write_beside(folder / CHECKSUMS, "".join(lines).encode())


def check_sums(folder: Path, cure: str, passing: tuple[str, ...] = ()) -> dict[Path, str]:
    """The digest of each file of a folder, of its checksums among them.

    Args:
        folder: what :func:`write_sums` summed up.
        cure: what to do where it is not as it was.
        passing: beginnings of the names that do not count.

    Raises:
        ModelError: there are no checksums, or a file is missing, differs, or is one too many; it names the file.
    """
    source = folder / CHECKSUMS
    try:
        listed = (line.partition("  ") for line in source.read_text().splitlines())
        sums = {name: digest for digest, _, name in listed}
        content = {name for name in _content(folder) if not name.startswith(passing)}
        if wrong := sorted(content ^ sums.keys()):
            what = "is not there" if wrong[0] in sums else "is none of the folder's files"
            raise ModelError(f"{folder / wrong[0]}: {what} ({CHECKSUMS}); {cure}")
        for name, digest in sums.items():
            file = folder / name
            if not file.is_file() or file_digest(file) != digest:
                raise ModelError(f"{file}: damaged or changed since it was written ({CHECKSUMS}); {cure}")
        return {folder / name: digest for name, digest in sums.items()} | {source: file_digest(source)}
    except OSError as error:
        raise ModelError(f"{error.filename or folder}: cannot be read ({error.strerror}); {cure}") from None
    except UnicodeDecodeError as error:
        raise ModelError(f"{source}: no checksums ({error}); {cure}") from None


def _content(folder: Path) -> list[str]:
    """Names of all that is in a folder, folders aside; what a link leads to is only a file if it is one."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(name for path in paths if (name := path.relative_to(folder).as_posix()) != CHECKSUMS)
