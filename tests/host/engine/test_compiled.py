"""Where the machine code of compiled functions is kept."""

import os
from pathlib import Path

import pytest

from bitpan.errors import CacheError
from bitpan.host.engine import binary, compiled


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "engine"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.py").write_text(f"# {name}")
    yield folder
    compiled.kernels_folder.cache_clear()
    folder.chmod(0o755)


def test_changed_sources_have_another_place(sources):
    """Numba looks at the caller's file alone, and compiles what it calls into it."""
    before = compiled.kernels_folder(sources)
    assert before.parent == sources / "__pycache__"
    for change in ("# c", "# b"):
        (sources / "b.py").write_text(change)
        compiled.kernels_folder.cache_clear()
        assert (compiled.kernels_folder(sources) == before) == (change == "# b")
    assert compiled.kernels_folder(sources, "asked").parent == Path("asked")


def test_sources_that_cannot_be_written_beside_have_their_place_in_the_cache(sources, tmp_path, monkeypatch):
    monkeypatch.setenv("BITPAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda *_: False)  # which root never sees
    assert compiled.kernels_folder(sources).parent == tmp_path / "cache" / "kernels"
    (tmp_path / "cache").chmod(0o777)
    compiled.kernels_folder.cache_clear()
    with pytest.raises(CacheError, match="written by others"):
        compiled.kernels_folder(sources)


def test_kernels_are_kept_there_and_nothing_else_is():
    folder = compiled.code_folder()
    assert folder == compiled.kernels_folder(Path(binary.__file__).parent, compiled.numba.config.CACHE_DIR)
    assert Path(binary._sign_conv_rprelu.stats.cache_path).is_relative_to(folder)
    assert not Path(compiled.numba.njit(cache=True)(sum_of).stats.cache_path).is_relative_to(folder)


def sum_of(a, b):
    return a + b
