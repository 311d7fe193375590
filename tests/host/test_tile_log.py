"""Tiles come back as they went, up to the first that is torn, and to the same job alone."""

import numpy as np
import pytest

from bitpan.host.scene.tiles import TilePlan
from bitpan.host.tile_log import TileLog

PLAN = TilePlan(20, 13, (8, 8), 2, 4)
KIND = 3, np.dtype(np.uint16)


@pytest.fixture
def pixels():
    random = np.random.default_rng(0)
    return [random.integers(0, 2048, (3, tile.height, tile.width)).astype(np.uint16) for tile in PLAN]


def written(path, pixels, job="job"):
    with TileLog(path, job) as log:
        log.begin({"shift": [0, 1.5]})
        log.recover(PLAN, *KIND)
        for own in pixels:
            log.append(own)
        assert log.count == len(pixels) and log.bytes == path.stat().st_size


def test_every_length_that_a_kill_may_leave(tmp_path, pixels):
    """Tiles that are whole are there, others are appended, and the file is that of a run without a kill."""
    path = tmp_path / "tiles"
    written(path, pixels)
    whole, first = path.read_bytes(), path.read_bytes().index(b"\n") + 1
    ends = np.cumsum([first, *(own.nbytes + 4 for own in pixels)])
    assert ends[-1] == len(whole)
    for length in [*range(0, len(whole), 7), *ends, *(ends - 1)]:
        path.write_bytes(whole[:length])
        with TileLog(path, "job") as log:
            assert log.measured == (None if length < first else {"shift": [0, 1.5]})
            if log.measured is None:
                log.begin({"shift": [0, 1.5]})
            log.recover(PLAN, *KIND)
            assert log.count == max(np.searchsorted(ends, length, "right") - 1, 0)
            for own in pixels[log.count :]:
                log.append(own)
            for (_, found), own in zip(log.tiles(PLAN, *KIND), pixels, strict=True):
                np.testing.assert_array_equal(found, own)
        assert path.read_bytes() == whole


def test_another_job_and_another_file_are_no_beginning(tmp_path, pixels):
    path = tmp_path / "tiles"
    written(path, pixels)
    whole = path.read_bytes()
    for content, job in ((whole, "other"), (b"", "job"), (b"[1]\n", "job"), (b"\xff" * 999, "job"), (b"{}", "job")):
        path.write_bytes(content)
        with TileLog(path, job) as log:
            assert log.measured is None
        written(path, pixels)
        assert path.read_bytes() == whole


def test_a_log_is_its_owners_alone(tmp_path):
    with TileLog(tmp_path / "tiles", "job"):
        assert (tmp_path / "tiles").stat().st_mode & 0o777 == 0o600


def test_links_are_not_followed(tmp_path):
    (tmp_path / "other").write_text("stays")
    (tmp_path / "tiles").symlink_to("other")
    with pytest.raises(OSError, match="Too many levels"):
        TileLog(tmp_path / "tiles", "job")
    assert (tmp_path / "other").read_text() == "stays"
