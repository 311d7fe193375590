"""What is kept between runs, and what happens to it."""

import json
import os
import select
import stat
import subprocess
import sys

import pytest

from bitpan import cache
from bitpan.cache import alone, cache_folder, kept, remembered
from bitpan.errors import CacheError


@pytest.fixture
def made(tmp_path, monkeypatch):
    """How often the result was made, by a function that counts."""
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path))
    calls = []

    def make():
        calls.append(1)
        return {"lut": 12.5, "path": ["a", "b"]}

    return calls, make


def test_a_result_is_made_once(made):
    calls, make = made
    assert remembered("area", "key", make) == remembered("area", "key", make) == {"lut": 12.5, "path": ["a", "b"]}
    assert len(calls) == 1
    remembered("area", "other", make)
    remembered("table", "key", make)
    assert len(calls) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("12.5", "11.5"),
        lambda text: "",
        lambda text: "[]",
        lambda text: json.dumps({"content": json.loads(text)["content"]}),
    ],
)
def test_a_damaged_result_is_made_again(made, damage):
    calls, make = made
    remembered("area", "key", make)
    file = cache_folder() / "area/key.json"
    file.write_text(damage(file.read_text()))
    assert remembered("area", "key", make) == {"lut": 12.5, "path": ["a", "b"]}
    assert len(calls) == 2
    remembered("area", "key", make)
    assert len(calls) == 2


@pytest.fixture
def filled(tmp_path, monkeypatch):
    """How often a folder was filled, and the function that fills it."""
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path / "cache"))
    calls = []

    def fill(folder):
        calls.append(1)
        (folder / "design.so").write_bytes(b"code" * 1000)

    return calls, fill


def test_a_folder_is_filled_once_and_is_nobody_elses(filled):
    calls, fill = filled
    before = os.umask(0)
    try:
        folder = kept("design", "key", fill)
    finally:
        os.umask(before)
    assert kept("design", "key", fill) == folder and len(calls) == 1
    assert (folder / "design.so").read_bytes() == b"code" * 1000
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o700 for each in (folder, folder.parent, folder.parents[1]))
    with pytest.raises(KeyboardInterrupt):
        kept("design", "other", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt))
    assert os.listdir(folder.parent) == ["key"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: os.truncate(folder / "design.so", 100),
        lambda folder: (folder / "design.so").write_bytes(b"evil" * 1000),
        lambda folder: (folder / "design.so").unlink(),
        lambda folder: (folder / "more.so").write_bytes(b"more"),
        lambda folder: (folder / "checksums.sha256").unlink(),
    ],
)
def test_a_damaged_folder_is_filled_again(filled, damage):
    calls, fill = filled
    damage(kept("design", "key", fill))
    folder = kept("design", "key", fill)
    assert len(calls) == 2 and (folder / "design.so").read_bytes() == b"code" * 1000
    assert sorted(os.listdir(folder)) == ["checksums.sha256", "design.so"] and os.listdir(folder.parent) == ["key"]
    kept("design", "key", fill)
    assert len(calls) == 2


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777, 0o702])
@pytest.mark.parametrize("place", ["", "design", "design/key"])
def test_a_cache_in_which_others_may_write_is_refused(filled, mode, place):
    calls, fill = filled
    kept("design", "key", fill)
    remembered("design", "result", dict)
    (cache_folder() / place).chmod(mode)
    with pytest.raises(CacheError, match=r"can be written by others, .*; remove it, or set BITPAN_CACHE"):
        kept("design", "key", fill)
    if place != "design/key":
        with pytest.raises(CacheError, match="can be written by others"):
            remembered("design", "result", dict)
    assert len(calls) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_cache_of_somebody_else_is_refused(filled):
    kept("design", "key", filled[1])
    os.chown(cache_folder(), 12345, -1)
    with pytest.raises(CacheError, match="cache: is somebody else's"):
        kept("design", "key", filled[1])


def test_where_no_cache_can_be(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path / "file/cache"))
    with pytest.raises(CacheError, match=r"no cache can be made there .*; set BITPAN_CACHE"):
        remembered("design", "result", dict)


def test_one_process_at_a_time_is_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path / "cache"))
    code = "from bitpan.cache import alone\nwith alone('x'):\n    print('in', flush=True)\n"
    with alone("x"), alone("y"):
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert not select.select([other.stdout], [], [], 1)[0]
    assert other.communicate(timeout=20)[0] == b"in\n"


def test_a_process_that_stopped_stops_no_other(tmp_path, monkeypatch):
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "PATIENCE", 0.2)
    with alone("x"), alone("x"):
        pass
