"""How many beats each test compared, for the count at the end; and faults, to see that a test finds them."""

import shutil

import pytest

import bench
from bitpan.hw import sources


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    before = bench.compared
    result = yield
    item.user_properties.append(("beats", bench.compared - before))
    return result


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """A fault in a unit for the rest of the test: ``plant(unit, right, wrong)`` changes one place of its source."""

    def planted(unit, right, wrong):
        library = shutil.copytree(sources.RTL, tmp_path / "planted")
        bench.plant(library / f"{unit}.sv", right, wrong)
        monkeypatch.setattr(sources, "RTL", library)
        sources.unit_sources.cache_clear()

    yield planted
    sources.unit_sources.cache_clear()
