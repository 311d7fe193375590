"""Machine code of kernels: where it is kept, what it is called with, and that Numba is not wanted for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from bitpan.errors import CacheError
from bitpan.host.compiled import compiling, images, machine_code
from bitpan.host.compiled.machine_code import Compiled, code_folder, named


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache of its own."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "asked"))
    code_folder.cache_clear()
    yield code_folder()
    code_folder.cache_clear()


def test_changed_sources_have_another_name(tmp_path):
    """Also where what has changed is compiled into another file's functions."""
    files = [tmp_path / "a.py", tmp_path / "b.py"]
    names = set()
    for contents, others in ((("a", "b"), ["1"]), (("a", "c"), ["1"]), (("a", "b"), ["2"]), (("ab", ""), ["1"])):
        for file, content in zip(files, contents, strict=True):
            file.write_text(content)
        names.add(named(files, others))
    assert len(names) == 4


def test_it_lies_beside_its_sources_or_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path / "cache"))
    code_folder.cache_clear()
    assert code_folder().parent == Path(images.__file__).parent / "__pycache__"
    monkeypatch.setattr(os, "access", lambda *_: False)  # which root never sees
    code_folder.cache_clear()
    assert code_folder().parent == tmp_path / "cache" / "kernels"
    (tmp_path / "cache").chmod(0o777)
    code_folder.cache_clear()
    with pytest.raises(CacheError, match="written by others"):
        code_folder()
    code_folder.cache_clear()


def add_clip(rows=3, most=100):
    """A call of a kernel, with what it should give."""
    random = np.random.default_rng(0)
    lms = random.integers(0, 100, (rows, 2, 40)).astype(np.int32)
    residual, out = random.integers(-50, 50, lms.shape).astype(np.int16), np.full(lms.shape, 77, np.int16)
    return (lms, residual, np.array([0, most], np.int32), out), np.clip(lms + residual, 0, most)


def test_each_combination_of_types_is_compiled_once_and_kept(folder, monkeypatch):
    arguments, expected = add_clip()
    for _ in range(2):  # compiled, and loaded
        arguments[-1][:] = 77
        Compiled("images.add_clip")(*arguments, 0, 3)
        assert np.array_equal(arguments[-1], expected)
        monkeypatch.setattr(compiling, "object_code", None)
    assert [file.name for file in folder.iterdir()] == ["images.add_clip-i4C3.i2C3.i4C1.i2C3.int.int.o"]


def test_torn_code_is_compiled_anew(folder):
    arguments, expected = add_clip()
    Compiled("images.add_clip")(*arguments, 0, 3)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    for torn in (b"", whole[:-1], whole[:1000] + bytes(100) + whole[1100:]):
        file.write_bytes(torn)
        arguments[-1][:] = 77
        Compiled("images.add_clip")(*arguments, 0, 3)
        assert np.array_equal(arguments[-1], expected)
        assert file.read_bytes() == whole


def test_what_is_bound_takes_other_last_numbers_and_keeps_its_arrays():
    arguments, expected = add_clip()
    bound, out = Compiled("images.add_clip").bound(*arguments, 0, 0), arguments[-1]
    del arguments
    bound(1, 2)
    assert np.array_equal(out[1], expected[1])
    assert (out[[0, 2]] == 77).all()
    bound(2, 3)
    assert np.array_equal(out[1:], expected[1:])


def test_arrays_lie_as_they_do():
    tables, indices = np.arange(200, dtype=np.uint16).reshape(2, 100)[:, ::-1], np.arange(80).reshape(2, 5, 8)
    found = np.full((2, 5, 16), 77, np.uint16)
    Compiled("lookup.look_up")(indices[:, :, ::2], tables, found[:, :, ::4])
    assert np.array_equal(found[:, :, ::4], tables[[[[0]], [[1]]], indices[:, :, ::2]])
    assert (np.delete(found, np.s_[::4], axis=2) == 77).all()


def test_no_memory_is_told(monkeypatch):
    kernel, (arguments, _) = Compiled("images.add_clip"), add_clip()
    monkeypatch.setattr(kernel, "_entry", lambda kinds: lambda place: 1)
    with pytest.raises(MemoryError, match="add_clip"):
        kernel(*arguments, 0, 3)


@pytest.mark.parametrize("source", ["a[1:] = b", "raise ValueError(a[0])"])
def test_what_would_end_a_process_without_numba_is_refused(monkeypatch, source):
    space = {}
    exec(f"def wants(a, b):\n    {source}\n", space)
    monkeypatch.setattr(images, "wants", numba.njit(space["wants"]), raising=False)
    with pytest.raises(NotImplementedError, match=r"images\.wants calls .*"):
        compiling.object_code("images.wants", ["i8C1", "i8A1"])


def test_what_is_compiled_is_loaded_without_numba(pair, tmp_path):
    """A whole scene in a process that then has no Numba, nor SciPy."""
    script = "import sys, json; from bitpan import cli; done = cli.main(sys.argv[1:])\n"
    script += "print(json.dumps([done, *(name for name in ('numba', 'scipy') if name in sys.modules)]))"
    for name in "first", "second":
        words = ["fuse", *map(str, pair(bands=4)), "-o", str(tmp_path / f"{name}.tif"), "--model", "bnnpan"]
        said = subprocess.run([sys.executable, "-c", script, *words], check=True, capture_output=True, text=True).stdout
    assert json.loads(said.splitlines()[-1]) == [0]


def test_without_numba_there_is_nothing():
    script = "import sys; sys.modules['numba'] = None; import bitpan.host.compiled.machine_code"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "ModuleNotFoundError: kernels want Numba" in done.stderr


def test_sources_elsewhere_that_are_compiled_in_are_among_those_that_count():
    """Whatever a kernel's module imports from outside of this folder."""
    own = {module.__name__ for module in machine_code.BORROWED}
    for file in Path(images.__file__).parent.glob("*.py"):
        for line in file.read_text().splitlines():
            if line.startswith("from bitpan.") and not line.startswith("from bitpan.host.compiled"):
                name = line.split()[1]
                assert name in own or file.stem == "machine_code", f"{file}: {line}"
