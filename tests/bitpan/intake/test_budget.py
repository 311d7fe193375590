"""Sizes that a file tells of itself."""

import pytest

from bitpan.errors import SizeError
from bitpan.intake.budget import limit, require_bearable, require_held, require_memory


def test_what_is_not_compressed_is_no_larger_than_its_file():
    require_held("it", 10, 10)
    for declared in (11, -1, 1 << 70):
        with pytest.raises(SizeError, match=f"it says that it holds {declared:,} bytes, but only 10 are there"):
            require_held("it", declared, 10)


def test_what_is_compressed_has_a_limit_that_can_be_raised(monkeypatch):
    monkeypatch.delenv("BITPAN_MEMORY", raising=False)
    assert limit() == 4 << 30
    require_bearable("it", 4 << 30)
    with pytest.raises(SizeError, match=r"more than 4,294,967,296; .*allow it by BITPAN_MEMORY=6 "):
        require_bearable("it", (5 << 30) - 1)
    monkeypatch.setenv("BITPAN_MEMORY", "6")
    require_bearable("it", (5 << 30) - 1)
    monkeypatch.setenv("BITPAN_MEMORY", "lots")
    with pytest.raises(SizeError, match="BITPAN_MEMORY='lots': give a number of gigabytes"):
        limit()


def test_what_is_made_fits_the_machine(monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1 << 20}[name])
    require_memory("a scene", 1 << 32)
    with pytest.raises(SizeError, match=r"^a scene takes some 12 GB to make, and there are 4: ask for less$"):
        require_memory("a scene", 12 * 10**9)
