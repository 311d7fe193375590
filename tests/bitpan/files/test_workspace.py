"""One run at a time, which the second is told; no links are followed; what is left over is cleared or gone on from."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from bitpan.errors import OutputBusyError, OutputError
from bitpan.files import claimed, partial, staged, write_beside
from bitpan.files.workspace import beside, occupied

WRITER = """
import sys; from pathlib import Path; from bitpan.files import partial
with partial(Path(sys.argv[1])) as new:
    print("writing", flush=True)
    new.write_text(sys.stdin.readline())
"""


def test_the_second_of_two_processes_is_told_who_writes(tmp_path):
    path = tmp_path / "a"
    first = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout.readline() == "writing\n"
    with pytest.raises(OutputBusyError) as error:
        write_beside(path, b"second")
    said = str(error.value)
    assert said.startswith(f"{path}: process {first.pid} on ") and f"-c {path}) is writing it; wait" in said
    assert "\n" not in said and os.listdir(tmp_path) == [".a.partial"]
    first.communicate("first")
    assert first.returncode == 0 and path.read_text() == "first" and os.listdir(tmp_path) == ["a"]
    write_beside(path, b"second")
    assert path.read_text() == "second"


@pytest.mark.parametrize("again", [staged, claimed])
def test_a_folder_is_added_to_by_one_run(tmp_path, again):
    with claimed(tmp_path / "out"):
        with pytest.raises(OutputBusyError, match="out: process"), again(tmp_path / "out"):
            pass
        write_beside(tmp_path / "out/a", b"by the run that works there")
    assert os.listdir(tmp_path / "out") == ["a"]


def test_many_runs_at_once_leave_one_whole_file(tmp_path):
    """Of those that come while another writes each is refused; the lock goes from one to the next without a gap."""
    refused, within = [], []

    def run(name):
        for _ in range(20):
            try:
                with partial(tmp_path / "a") as new:
                    within.append(name)
                    new.write_text(name * 1000)
                    assert within == [name]
                    within.remove(name)
            except OutputBusyError:
                refused.append(name)

    threads = [threading.Thread(target=run, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not within and len(refused) < 80 and os.listdir(tmp_path) == ["a"]
    text = (tmp_path / "a").read_text()
    assert text == text[0] * 1000


def test_a_lock_that_its_owner_has_taken_away_is_none(tmp_path, monkeypatch):
    """Between opening it and locking it."""
    work, lock, gone = beside(tmp_path / "a"), fcntl.flock, []

    def late(descriptor, how):
        if not gone:
            gone.append(shutil.rmtree(work.folder))
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with occupied(work), pytest.raises(OutputBusyError):
        write_beside(tmp_path / "a", b"second")
    assert gone and not os.listdir(tmp_path)


@pytest.mark.parametrize("name", [".a.partial", ".a.partial/lock", ".a.partial/new"])
def test_links_are_not_followed(tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("stays")
    place = tmp_path / "place"
    (place / name).parent.mkdir(parents=True)
    (place / name).symlink_to(outside / "precious" if name.endswith("lock") else outside)
    try:
        write_beside(place / "a", b"new")
        assert (place / "a").read_text() == "new" and os.listdir(place) == ["a"]
    except OutputError as error:
        assert name.endswith("lock") and "cannot be written (Too many levels" in str(error)
    assert os.listdir(outside) == ["precious"] and (outside / "precious").read_text() == "stays"


def test_a_link_is_replaced_and_what_it_names_stays(tmp_path):
    (tmp_path / "b").write_text("stays")
    (tmp_path / "a").symlink_to("b")
    write_beside(tmp_path / "a", b"new")
    assert (tmp_path / "b").read_text() == "stays" and not (tmp_path / "a").is_symlink()


def test_a_workspace_of_another_user_is_refused(tmp_path, monkeypatch):
    (tmp_path / ".a.partial").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(OutputError, match=r"\.a\.partial: was left by another user; ask for it to be deleted"):
        write_beside(tmp_path / "a", b"new")


def test_an_interrupted_run_may_leave_its_work_to_the_next(tmp_path):
    work = beside(tmp_path / "a")
    for error, resumable, left in (
        (KeyboardInterrupt, True, {"done"}),
        (ValueError, True, set()),
        (KeyboardInterrupt, False, set()),
    ):
        with pytest.raises(error), occupied(work, resumable):
            (work.folder / "done").write_text("so far")
            (work.new / "a").write_text("half")
            raise error
        assert {path.name for path in tmp_path.glob(".a.partial/*")} - {"lock"} == left
        with occupied(work, resumable):
            assert {path.name for path in work.folder.iterdir()} == {"lock", "new", *left}
            (work.new / "a").write_text("whole")
        assert os.listdir(tmp_path) == ["a"]


def test_a_signal_while_the_next_run_begins_leaves_it_too(tmp_path, monkeypatch):
    work, previous = beside(tmp_path / "a"), signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt), occupied(work, resumable=True):
        (work.folder / "done").write_text("so far")
        raise KeyboardInterrupt
    monkeypatch.setattr("bitpan.files.workspace.finish", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        with pytest.raises(KeyboardInterrupt), occupied(work, resumable=True):
            pytest.fail("it has begun")
    finally:
        signal.signal(signal.SIGINT, previous)
    assert (work.folder / "done").read_text() == "so far"


def test_an_error_raised_over_an_interrupt_costs_no_more_than_that(tmp_path):
    """Rasterio raises one where it is interrupted while it enters or leaves its environment."""
    work = beside(tmp_path / "a")
    with pytest.raises(KeyboardInterrupt), occupied(work, resumable=True):
        (work.folder / "done").write_text("so far")
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("no environment exists")
    assert (work.folder / "done").read_text() == "so far"


def test_an_interrupt_before_anything_is_done_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), occupied(beside(tmp_path / "a"), resumable=True):
        raise KeyboardInterrupt
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("call", ["rename", "replace", "unlink", "rmdir"])
def test_a_signal_does_not_tear_a_commit(tmp_path, monkeypatch, call):
    """It comes in the middle of one, and is heard after it."""
    function, sent = getattr(os, call), []

    def signalled(*arguments, **named):
        if not sent:
            sent.append(os.kill(os.getpid(), signal.SIGINT))
        return function(*arguments, **named)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), partial(tmp_path / "a") as new:
            new.write_text("new")
            new.with_name("b").write_text("new")
            patch.setattr(os, call, signalled)
    finally:
        signal.signal(signal.SIGINT, previous)
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
