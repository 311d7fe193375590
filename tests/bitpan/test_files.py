"""Files appear only when they are complete."""

import pytest

from bitpan.errors import OutputError
from bitpan.files import replaced, write_beside


def test_folders_are_made_and_the_content_replaced(tmp_path):
    for content in (b"old", b"new"):
        write_beside(tmp_path / "a/b", content)
    assert (tmp_path / "a/b").read_bytes() == b"new" and [f.name for f in (tmp_path / "a").iterdir()] == ["b"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder: cannot be written"):
        write_beside(tmp_path / "folder", b"new")
    assert [f.name for f in tmp_path.iterdir()] == ["folder"]


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_takes_the_place_of_another_and_of_nothing_else(tmp_path):
    for name in ("a", "a.old", "a.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text(name)
    with replaced(tmp_path / "a") as new:
        (new / "g").write_text("new")
        assert tree(tmp_path / "a") == {"f": "a"}
    assert tree(tmp_path) == {"a/g": "new", "a.old/f": "a.old", "a.partial/f": "a.partial"}
    with replaced(tmp_path / "b/c") as new:
        (new / "f").write_text("c")
    assert tree(tmp_path / "b") == {"c/f": "c"} and len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("renames", [0, 1])
def test_a_folder_stays_when_its_successor_fails(tmp_path, monkeypatch, renames):
    """In the block, or between the two renames."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/f").write_text("a")
    rename, done = type(tmp_path).rename, []

    def once(self, target):
        done.append(target)
        if len(done) == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    with pytest.raises(KeyboardInterrupt), replaced(tmp_path / "a") as new:
        (new / "f").write_text("new")
        if not renames:
            raise KeyboardInterrupt
        monkeypatch.setattr(type(tmp_path), "rename", once)
    assert len(done) == (3 if renames else 0)
    assert tree(tmp_path) == {"a/f": "a"} and [path.name for path in tmp_path.iterdir()] == ["a"]
