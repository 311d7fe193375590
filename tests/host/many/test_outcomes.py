"""What came of scenes: told as it comes, in a table and in a file, whatever a pool does."""

import csv
from concurrent.futures import Future
from pathlib import Path

import pytest

from bitpan.errors import ProcessError, SceneError
from bitpan.host.many.outcomes import FAILED, FUSED, STOPPED, Outcome, one_line, perform_all, told
from bitpan.host.many.pairs import Pair


def pairs(*names):
    return [Pair(name, "p", ("m",), Path(f"{name}.tif")) for name in names]


class Pool:
    """Does at once what is submitted; a task that is an exception ends its process."""

    def submit(self, work, task):
        future = Future()
        if isinstance(task, BaseException):
            future.set_exception(task)
        elif task == "lost":
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            future.set_result(work(task))
        return future


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_each_is_told_and_none_stops_the_others(tmp_path, capsys):
    tasks = {"a": "good", "b": ProcessError("was\nkilled"), "c": "lost", "d": "noted"}

    def work(task):
        return Outcome({"good": "a", "noted": "d"}[task], FUSED, 1.23456, notes="one\ntwo, three" * (task == "noted"))

    with told(pairs(*tasks), tmp_path / "summary.csv") as outcomes:
        perform_all(Pool(), work, tasks, outcomes)
        assert outcomes.failed()
    assert rows(tmp_path / "summary.csv") == [
        ["scene", "state", "seconds", "reason", "notes"],
        ["a", "fused", "1.235", "", ""],
        ["b", "failed", "0.0", "was killed", ""],
        ["c", "failed", "0.0", "CancelledError: ", ""],
        ["d", "fused", "1.235", "", "one\ntwo, three"],
    ]
    said = capsys.readouterr().out
    assert "d: fused in 1.2 s: one; two, three\n" in said and "b: failed in 0.0 s: was killed\n" in said
    table = said[said.index("scene  state") :].splitlines()
    assert [line.split() for line in table[1:3]] == [["a", "fused", "1.2"], ["b", "failed", "0.0", "was", "killed"]]
    assert table[-1] == "2 fused, 2 failed"


def test_an_end_in_between_is_told_too(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt), told(pairs("a", "b"), tmp_path / "summary.csv") as outcomes:
        outcomes.add(Outcome("b", FUSED, 2.0))
        raise KeyboardInterrupt
    assert [row[:2] for row in rows(tmp_path / "summary.csv")[1:]] == [["a", STOPPED], ["b", FUSED]]
    assert "1 not finished, 1 fused" in capsys.readouterr().out
    assert not outcomes.failed()


def test_errors_in_one_line():
    assert one_line(SceneError("a\n b")) == "a b"
    assert one_line(KeyError("a")) == "KeyError: 'a'"
    assert FAILED == "failed"
