"""At every kill point what belongs together is of one run, and the next run finishes what was broken off."""

import itertools
import os
import signal
import sys
from contextlib import suppress

import pytest

from bitpan.files import commit, staged
from bitpan.files.commit import exchange
from bitpan.files.workspace import beside, occupied, within

CHANGING = {"ftruncate", "mkdir", "open", "pwrite", "rename", "replace", "rmdir", "truncate", "unlink"}
"""System calls before each of which the process is killed; between them nothing changes on the disk."""


def killed_before(number, work):
    """Whether a process of its own was killed before its changing call of this number, counted from 0."""
    child = os.fork()
    if not child:
        calls = itertools.count()

        def kill(frame, event, function):
            own = event == "c_call" and getattr(function, "__module__", "") == "posix"
            if own and function.__name__ in CHANGING and next(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(kill)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def tree(folder):
    """Text by path, without what lies in a workspace."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in files.items() if ".partial/" not in name}


def one_file(new, run):
    (new / "a").write_text(run)


def image_and_parameters(new, run):
    (new / "a").write_text(run)
    (new / "a.json").write_text(run)


def folder(new, run):
    (new / "a").mkdir()
    for name in ("f", run):
        (new / "a" / name).write_text(run)


def several(new, run):
    (new / "below").mkdir()
    for name in ("a", "b", "below/c"):
        (new / name).write_text(run)


WHOLE = {
    one_file: lambda run: {"a": run},
    image_and_parameters: lambda run: {"a": run, "a.json": run},
    folder: lambda run: {"a/f": run, f"a/{run}": run},
    several: lambda run: dict.fromkeys(("a", "b", "below/c"), run),
}


@pytest.mark.parametrize("exchanging", [True, False])
@pytest.mark.parametrize("write", WHOLE)
def test_every_kill_point(tmp_path, monkeypatch, write, exchanging):
    """Of the image alone the old or the new one is there at any moment, and a folder where it can be exchanged."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # which only a power cut would tell
    if not exchanging:
        monkeypatch.setattr(commit, "exchange", lambda one, other: False)
    old, new = (WHOLE[write](run) for run in ("old", "new"))
    always = write is one_file or write is image_and_parameters or (write is folder and exchanging)
    seen = set()
    for number in itertools.count():
        place = tmp_path / str(number)

        def run(content, place=place):
            work = within(place) if write is several else beside(place / "a")
            with suppress(ZeroDivisionError), occupied(work):
                write(work.new, content) if content else 1 / 0

        run("old")
        assert tree(place) == old
        killed = killed_before(number, lambda: run("new"))
        left = tree(place)
        assert left.items() <= old.items() or left.items() <= new.items()
        assert not always or left.keys() & {"a", "a/f"}
        run("")
        seen.add(len(left) if left != tree(place) else -1)
        assert tree(place) in (old, new)
        assert not [path for path in place.iterdir() if path.name.endswith(".partial")]
        if not killed:
            break
    assert tree(place) == new and number > 10
    several_steps = write in (image_and_parameters, several) or not (always or exchanging)
    assert (len(seen) > 1) == several_steps, "a commit in several steps was broken off, and finished"


def test_two_folders_are_exchanged(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    assert exchange(tmp_path / "a", tmp_path / "b")
    assert tree(tmp_path) == {"a/b": "b", "b/a": "a"}
    with pytest.raises(OSError, match="none"):
        exchange(tmp_path / "a", tmp_path / "none")


def test_what_cannot_be_put_in_place_changes_nothing(tmp_path):
    """A folder lies where a file is to go, a file where a folder is."""
    (tmp_path / "a").write_text("old")
    (tmp_path / "a.json").mkdir()
    for name in ("a.json", "a/b"):
        with pytest.raises(OSError), staged(tmp_path) as new:
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_text("new")
        assert tree(tmp_path) == {"a": "old"} and len(list(tmp_path.iterdir())) == 2


def test_what_is_renamed_is_on_the_disk_before_and_its_folder_after(tmp_path, monkeypatch):
    calls = []

    def seen(name):
        function = getattr(os, name)

        def called(first, *rest, **named):
            place = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else os.fspath(first)
            calls.append((name, place.removeprefix(f"{tmp_path}").lstrip("/")))
            return function(first, *rest, **named)

        monkeypatch.setattr(os, name, called)

    for name in ("fsync", "rename", "replace", "unlink"):
        seen(name)
    with occupied(beside(tmp_path / "a")) as work:
        image_and_parameters(work.new, "new")
    assert [call for call in calls if "lock" not in call[1]] == [
        *(("fsync", f".a.partial/new{name}") for name in ("/a", "/a.json", "")),
        *(("rename", ".a.partial/new"), ("fsync", ".a.partial"), ("unlink", "a.json"), ("fsync", "")),
        *(("replace", ".a.partial/ready/a"), ("fsync", ""), ("replace", ".a.partial/ready/a.json"), ("fsync", "")),
    ]


def test_a_growing_file_is_brought_to_the_disk_now_and_then(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(commit, "_sync", lambda paths: synced.append([path.stat().st_size for path in paths]))
    path, step = tmp_path / "a", commit.SYNCED // 2
    path.touch()
    growing = commit.Growing(path)
    for size in range(0, 5 * step, step):
        os.truncate(path, size)
        growing.sync()
    assert synced == [[2 * step], [4 * step]]
