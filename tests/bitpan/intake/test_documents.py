"""JSON files that are not what they should be."""

import json
import re

import pytest

from bitpan.errors import ModelError
from bitpan.intake import documents
from bitpan.intake.documents import digest, parsed, read_document, read_sealed, sealed


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(sealed({"schema": 7, "numbers": [1, 0.1, float("inf")], "text": "ä"})))
    return path


def test_what_was_written_is_read(path):
    assert read_sealed(path, 7, "cure") == {"schema": 7, "numbers": [1, 0.1, float("inf")], "text": "ä"}
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 2.0})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 200_000, "not JSON .nested too deeply"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "not JSON .nested too deeply"),
        (b"[1]", "schema None, this bitpan reads schema 7"),
        (b'{"schema": 6}', "schema 6, this bitpan reads schema 7"),
    ],
)
def test_what_is_none_is_refused(path, content, said):
    path.write_bytes(content)
    for read in (read_document, read_sealed):
        with pytest.raises(ModelError, match=rf"{re.escape(str(path))}: {said}.*; cure$"):
            read(path, 7, "cure")
    path.unlink()
    with pytest.raises(ModelError, match=r"cannot be read \(No such file or directory\); cure$"):
        read_document(path, 7, "cure")


def test_too_much_is_not_read(path, monkeypatch):
    monkeypatch.setattr(documents, "MOST_BYTES", 1000)
    path.write_bytes(b'"' + b"a" * 1000 + b'"')
    with pytest.raises(ModelError, match=r"not JSON .more than 1,000 bytes"):
        read_document(path, 7, "cure")
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        parsed("1" * 1001)


@pytest.mark.parametrize(
    "change", [('"numbers": [1', '"numbers": [2'), ('"schema": 7', '"schema": 7, "b": 1'), ("7", "7.0")]
)
def test_what_was_changed_is_refused(path, change):
    path.write_text(path.read_text().replace(*change, 1))
    read_document(path, 7, "cure")
    with pytest.raises(ModelError, match="damaged or changed since it was written"):
        read_sealed(path, 7, "cure")
