"""Files appear only when they are complete."""

import pytest

from bitpan.errors import OutputError
from bitpan.files import write_beside


def test_folders_are_made_and_the_content_replaced(tmp_path):
    for content in (b"old", b"new"):
        write_beside(tmp_path / "a/b", content)
    assert (tmp_path / "a/b").read_bytes() == b"new" and [f.name for f in (tmp_path / "a").iterdir()] == ["b"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder: cannot be written"):
        write_beside(tmp_path / "folder", b"new")
    assert [f.name for f in tmp_path.iterdir()] == ["folder"]
