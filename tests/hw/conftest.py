"""How many beats each test compared, for the count at the end."""

import pytest

import bench


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    before = bench.compared
    result = yield
    item.user_properties.append(("beats", bench.compared - before))
    return result
