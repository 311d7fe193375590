"""Quick-looks: the panels are there, where they should be, in one stretch."""

import os

import numpy as np
import pytest

from bitpan.errors import DataError, SceneIOError
from bitpan.models.quality.quicklook import CAPTION, MARGIN, quicklook

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    truth = rng.integers(100, 1000, (4, 64, 96))
    return rng.integers(100, 900, (1, 64, 96)), truth[:, ::4, ::4], truth + rng.integers(-9, 10, truth.shape), truth


def _panels(path, height, width, count):
    sheet = np.asarray(Image.open(path))
    for i in range(count):
        top, left = MARGIN + i // 3 * (height + CAPTION + MARGIN) + CAPTION, MARGIN + i % 3 * (width + MARGIN)
        yield sheet[top : top + height, left : left + width]


def test_panels(scene, tmp_path):
    pan, ms, fused, truth = scene
    path = quicklook(tmp_path / "new" / "look.png", pan, ms, fused, truth)
    grey, coarse, sharp, exact, error = _panels(path, 64, 96, 5)
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])
    np.testing.assert_array_equal(coarse, np.kron(coarse[::4, ::4], np.ones((4, 4, 1), np.uint8)))
    # One stretch: where fused and truth are equal they look equal, and brighter is brighter.
    same = (fused == truth)[[2, 1, 0]].transpose(1, 2, 0)
    np.testing.assert_array_equal(sharp[same], exact[same])
    order = np.argsort(truth[2].ravel())
    assert (np.diff(exact[..., 0].ravel()[order].astype(int)) >= 0).all()
    assert error.std() > 10
    assert [p.name for p in path.parent.iterdir()] == ["look.png"]


def test_without_truth_and_other_bands(scene, tmp_path):
    pan, ms, fused, _ = scene
    natural = quicklook(tmp_path / "natural.png", pan, ms, fused)
    infrared = quicklook(tmp_path / "false.png", pan, ms, fused, rgb=(4, 3, 2))
    a, b = (list(_panels(path, 64, 96, 3)) for path in (natural, infrared))
    np.testing.assert_array_equal(a[2][..., 0], b[2][..., 1])  # red
    np.testing.assert_array_equal(a[2][..., 1], b[2][..., 2])  # green
    quicklook(tmp_path / "grey.png", pan, ms[:1], fused[:1], fused[:1])


def test_large_scenes_are_cut_to_the_middle(scene, tmp_path):
    pan, ms, fused, truth = scene
    path = quicklook(tmp_path / "cut.png", pan, ms, fused, truth, width=32)
    whole = quicklook(
        tmp_path / "of.png",
        *(x[:, 16:48, 32:64] for x in (pan,)),
        ms[:, 4:12, 8:16],
        fused[:, 16:48, 32:64],
        truth[:, 16:48, 32:64],
    )
    np.testing.assert_array_equal(np.asarray(Image.open(path)), np.asarray(Image.open(whole)))


def test_nodata_and_constants_do_not_spoil_the_stretch(scene, tmp_path):
    pan, ms, fused, truth = (image.copy() for image in scene)
    plain = list(_panels(quicklook(tmp_path / "a.png", pan, ms, fused, truth), 64, 96, 5))
    wide = [np.pad(x, ((0, 0), (s, s), (s, s))) for x, s in ((pan, 40), (ms, 10), (fused, 40), (truth, 40))]
    framed = list(_panels(quicklook(tmp_path / "b.png", *wide), 144, 176, 5))
    np.testing.assert_array_equal(framed[2][40:-40, 40:-40], plain[2])
    zero = [x * 0 for x in (pan, ms, fused, truth)]
    quicklook(tmp_path / "c.png", *zero)


def test_refusals(scene, tmp_path, monkeypatch):
    pan, ms, fused, truth = scene
    for arguments in (
        (pan[:, 1:], ms, fused),
        (pan, ms[:3], fused),
        (pan, ms[:, 1:], fused),
        (pan, ms, fused, truth[:3]),
    ):
        with pytest.raises(DataError):
            quicklook(tmp_path / "no.png", *arguments)
    with pytest.raises(DataError):
        quicklook(tmp_path / "no.png", pan, ms, fused, rgb=(1, 2, 5))

    def refuse(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(SceneIOError, match="No space left"):
        quicklook(tmp_path / "no.png", pan, ms, fused)
    assert list(tmp_path.iterdir()) == []
