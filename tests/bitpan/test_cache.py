"""What is kept between runs, and what happens to it."""

import json

import pytest

from bitpan.cache import cache_folder, remembered


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
