"""Checksums of a folder."""

import hashlib
import os
import subprocess
import zlib

import pytest

from bitpan.errors import ModelError
from bitpan.intake.sums import CHECKSUMS, check_sums, file_crc, file_digest, write_sums


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "a").write_bytes(b"a" * (1 << 21))
    (tmp_path / "below/b").write_text("b")
    write_sums(tmp_path)
    return tmp_path


def test_they_are_those_of_sha256sum(folder):
    assert subprocess.run(["sha256sum", "--quiet", "--check", CHECKSUMS], cwd=folder, check=False).returncode == 0
    expected = {folder / name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("a", "below/b")}
    assert check_sums(folder, "cure") == expected | {folder / CHECKSUMS: file_digest(folder / CHECKSUMS)}
    before = (folder / CHECKSUMS).read_bytes()
    write_sums(folder)
    assert (folder / CHECKSUMS).read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "a").write_text("b"), "/a: damaged or changed"),
        (lambda folder: (folder / "a").unlink(), "/a: is not there"),
        (lambda folder: (folder / "below/c").write_text("c"), "/below/c: is none of the folder's files"),
        (lambda folder: (folder / CHECKSUMS).write_text(""), "/a: is none of the folder's files"),
        (lambda folder: (folder / CHECKSUMS).write_bytes(b"\xff\xfe"), "sha256: no checksums"),
        (lambda folder: (folder / CHECKSUMS).unlink(), r"sha256: cannot be read \(No such file"),
        (lambda folder: (folder / "link").symlink_to(folder.parent), "/link: is none of the folder's files"),
        (lambda folder: (os.remove(folder / "a"), os.mkfifo(folder / "a")), "/a: damaged or changed"),
    ],
)
def test_whatever_is_not_as_it_was_is_named(folder, damage, said):
    damage(folder)
    with pytest.raises(ModelError, match=f"{said}.*; cure$"):
        check_sums(folder, "cure")


def test_names_that_do_not_count(folder):
    (folder / "vivado.log").write_text("")
    assert folder / "vivado.log" not in check_sums(folder, "cure", ("vivado",))


def test_a_file_s_crc(tmp_path):
    content = bytes(range(256)) * 9000
    for size in (0, 1, 1 << 20, (1 << 20) + 1, len(content)):
        (tmp_path / "file").write_bytes(content[:size])
        assert file_crc(tmp_path / "file") == f"{zlib.crc32(content[:size]):08x}"
