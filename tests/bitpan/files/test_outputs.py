"""Files appear only when they are complete."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bitpan.errors import OutputError
from bitpan.files import cached, partial, staged, write_beside


def test_folders_are_made_and_the_content_replaced(tmp_path):
    for content in (b"old", b"new"):
        write_beside(tmp_path / "a/b", content)
    assert (tmp_path / "a/b").read_bytes() == b"new" and [f.name for f in (tmp_path / "a").iterdir()] == ["b"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder: cannot be written"):
        write_beside(tmp_path / "folder", b"new")
    assert [f.name for f in tmp_path.iterdir()] == ["folder"]


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_takes_the_place_of_another_and_of_nothing_else(tmp_path):
    for name in ("a", "a.old", "a.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text(name)
    with partial(tmp_path / "a") as new:
        new.mkdir()
        (new / "g").write_text("new")
        assert tree(tmp_path / "a") == {"f": "a"}
    assert tree(tmp_path) == {"a/g": "new", "a.old/f": "a.old", "a.partial/f": "a.partial"}
    with partial(tmp_path / "b/c") as new:
        new.mkdir()
        (new / "f").write_text("c")
    assert tree(tmp_path / "b") == {"c/f": "c"} and len(list(tmp_path.iterdir())) == 4


def test_a_folder_stays_when_its_successor_fails(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/f").write_text("a")
    with pytest.raises(KeyboardInterrupt), partial(tmp_path / "a") as new:
        new.mkdir()
        (new / "f").write_text("new")
        raise KeyboardInterrupt
    assert tree(tmp_path) == {"a/f": "a"} and [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    def fill(self, content):
        with open(self, "wb") as file:
            file.write(content[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    write_beside(tmp_path / "a", b"old")
    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(OutputError, match=r"a: cannot be written \(No space left on device\); nothing was left"):
        write_beside(tmp_path / "a", b"new")
    assert tree(tmp_path) == {"a": "old"} and len(list(tmp_path.iterdir())) == 1


def test_a_folder_of_a_cache_stays_where_it_is(tmp_path):
    """Another process may be reading it."""
    with cached(tmp_path / "a") as slow:
        slow.mkdir()
        (slow / "f").write_text("same")
        with cached(tmp_path / "a") as fast:
            fast.mkdir()
            (fast / "f").write_text("same")
        there = (tmp_path / "a").stat().st_ino
    assert (tmp_path / "a").stat().st_ino == there and tree(tmp_path) == {"a/f": "same"}
    assert os.listdir(tmp_path) == ["a"]
    write_beside(tmp_path / "b", b"a file")
    with pytest.raises(OSError), cached(tmp_path / "b") as new:
        new.mkdir()
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_several_files_appear_together_or_not_at_all(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/other").write_text("stays")
    for fails in (True, False):
        try:
            with staged(tmp_path / "out") as folder:
                (folder / "a").write_text("a")
                (folder / "below").mkdir()
                (folder / "below/b").write_text("b")
                if fails:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            assert tree(tmp_path) == {"out/other": "stays"}
    assert tree(tmp_path) == {"out/other": "stays", "out/a": "a", "out/below/b": "b"}
    assert os.listdir(tmp_path) == ["out"] and len(os.listdir(tmp_path / "out")) == 3
    with pytest.raises(KeyboardInterrupt), staged(tmp_path / "new"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["out"]


def test_a_kill_leaves_what_was_there_and_a_leftover_that_the_next_run_clears(tmp_path):
    write_beside(tmp_path / "a", b"old")
    program = (
        "import os, signal, sys; from pathlib import Path; from bitpan.files import partial\n"
        "with partial(Path(sys.argv[1])) as new:\n"
        "    new.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "a")], check=False)
    assert done.returncode == -signal.SIGKILL and (tmp_path / "a").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == [".a.partial", "a"]
    write_beside(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_text() == "new" and os.listdir(tmp_path) == ["a"]
