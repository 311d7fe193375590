"""The page to compare MS, PAN and the fused image with: its pictures, and in a browser."""

import base64
import json
import re
from dataclasses import dataclass

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from bitpan import cli
from bitpan.commands.fusing import quicklook
from browser import CHROMIUM, opened

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")


@dataclass
class Look:
    """A page, its views with their pictures ``(3, H, W)``, and what they are of."""

    path: object
    views: list
    pan: np.ndarray
    ms: np.ndarray
    fused: np.ndarray

    def picture(self, name, view=0):
        with rasterio.MemoryFile(base64.b64decode(self.views[view]["layers"][name].split(",")[1])) as file:
            return file.open().read().astype(int)


@pytest.fixture
def look(small_folder, tmp_path, write_raster):
    """``look(*options, side=, gap=)``: a scene of fields, fused, and its page."""

    def make(*options, side=128, gap=0, **of_file):
        rng = np.random.default_rng(0)
        fields = rng.integers(300, 1500, (2, side // 16 + 1, side // 16 + 1)).repeat(16, axis=1).repeat(16, axis=2)
        fine = fields[:, 5 : side + 5, 5 : side + 5]
        ms = fine.reshape(2, side // 4, 4, side // 4, 4).mean(axis=(2, 4)).astype(np.uint16)
        pan = fine.mean(axis=0, keepdims=True).astype(np.uint16)
        pan[:, :gap, :gap] = 0
        files = write_raster(tmp_path / "p.tif", pan, 1.0, **of_file), write_raster(tmp_path / "m.tif", ms, 4.0)
        page, out = tmp_path / "look.html", tmp_path / "OUT & <b>.tif"
        words = "fuse", *files, "-o", out, "--model", small_folder, "--quicklook", page, "--shift", "0,0", *options
        assert cli.main([str(word) for word in words]) == 0
        views = json.loads(re.search(r'id="views">(.*?)</script>', page.read_text())[1])
        return Look(page, views, pan, ms, rasterio.open(out).read())

    return make


def grey(image):
    """As the page shows one band, by the same percentiles of all of it."""
    low, high = np.percentile(image, [1, 99])
    return 255 * np.clip((image - low) / (high - low), 0, 1) ** 0.75


def test_a_small_scene_is_shown_whole(look):
    own = look()
    (view,) = own.views
    assert (view["box"], view["width"], view["height"]) == ([0, 0, 128, 128], 128, 128)
    assert np.abs(own.picture("fused") - grey(own.fused[0])).mean() < 3
    assert np.abs(own.picture("pan") - grey(own.pan[0])).mean() < 3
    wide = own.ms[0].repeat(4, axis=0).repeat(4, axis=1)
    low, high = np.percentile(own.fused[0], [1, 99])
    steady = np.abs(own.picture("ms") - 255 * np.clip((wide - low) / (high - low), 0, 1) ** 0.75)
    assert np.median(steady) < 6  # interpolated, and not repeated


def test_of_a_large_scene_there_are_an_overview_and_windows(look, monkeypatch):
    monkeypatch.setattr(quicklook, "LARGEST", 64)
    monkeypatch.setattr(quicklook, "SIDE", 32)
    own = look(side=128)
    assert [(view["width"], view["height"]) for view in own.views] == [(64, 64)] + [(32, 32)] * 9
    assert own.views[5]["box"] == [48, 48, 32, 32]
    smaller = own.fused[0].reshape(64, 2, 64, 2).mean(axis=(1, 3))
    low, high = np.percentile(smaller, [1, 99])
    assert np.abs(own.picture("fused") - grey(smaller)).mean() < 4
    window = own.fused[0, 48:80, 48:80]
    shown = 255 * np.clip((window - low) / (high - low), 0, 1) ** 0.75
    assert np.abs(own.picture("fused", 5) - shown).mean() < 4
    assert np.abs(own.picture("ms") - own.picture("fused")).mean() < 40  # of one place and one stretch


@pytest.mark.parametrize("largest", [1536, 64])
def test_where_there_is_no_data_is_ground(look, monkeypatch, largest):
    monkeypatch.setattr(quicklook, "LARGEST", largest)
    monkeypatch.setattr(quicklook, "SIDE", 32)
    own = look(gap=64, nodata=0)
    edge = own.views[0]["width"] // 2 - 8
    for name in ("pan", "ms", "fused"):
        corner = own.picture(name)[:, :edge, :edge]
        assert (np.abs(corner - np.array(quicklook.GROUND)[:, None, None]) < 4).all()
    assert len(own.views) == (1 if largest > 128 else 9)  # the first window holds nothing


@pytest.mark.parametrize("shift", [8, 2])
def test_a_shift_moves_the_ms_alone(look, monkeypatch, shift):
    monkeypatch.setattr(quicklook, "LARGEST", 64)
    own, moved = look(side=128), look("--shift", f"0,{shift}", side=128)
    assert (own.picture("pan") == moved.picture("pan")).all()
    one, other = (each.picture("ms")[0] for each in (own, moved))
    likeness = [np.corrcoef(one[:, 12:56].ravel(), other[:, left : left + 44].ravel())[0, 1] for left in range(4, 20)]
    assert np.argmax(likeness) + 4 == 12 + shift // 2 and max(likeness) > 0.98


@pytest.mark.parametrize(
    ("names", "expected"),
    [("gray nir", [0] * 3), ("red green blue nir", [0, 1, 2]), ("gray undefined gray nir", [2, 1, 0])],
)
def test_bands_are_shown_by_their_colours(names, expected):
    class Result:
        class dataset:  # noqa: N801
            colorinterp = tuple(ColorInterp[name] for name in names.split())

    assert quicklook._colours(Result) == expected


@pytest.mark.parametrize("name", ["look.htm", "none/look.html"])
def test_a_page_that_cannot_be_written_is_refused_first(tmp_path, capsys, name):
    assert cli.main(["fuse", "p.tif", "m.tif", "-o", "OUT.tif", "--quicklook", str(tmp_path / name)]) == 1
    assert "a quick look is a .html file in a folder that exists" in capsys.readouterr().err


STATE = "({left: shown.left, right: shown.right, view: current, scale, x, y, swipe: +swipe.value})"


@needs_browser
def test_a_browser_shows_it(look, monkeypatch, tmp_path):
    monkeypatch.setattr(quicklook, "LARGEST", 64)
    monkeypatch.setattr(quicklook, "SIDE", 32)
    with opened(look(side=128).path) as page:
        loaded = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
        assert page.value(loaded) and page.value("document.title").startswith("OUT & <b>.tif")
        assert not page.failures
        resources = page.value("performance.getEntriesByType('resource').map(r => r.name.slice(0, 5))")
        assert set(resources) <= {"data:"}
        before = page.value(STATE)
        assert (before["left"], before["right"], before["view"], before["swipe"]) == ("ms", "fused", 0, 50)
        edge = page.value("(r => [r.left + r.width / 2, r.top + 200])(at('bar').getBoundingClientRect())")
        page.drag(edge, [edge[0] - 300, edge[1]])
        swiped = page.value(STATE)
        assert swiped["swipe"] < 30 and swiped["x"] == before["x"]
        page.drag([edge[0] + 100, 400], [edge[0] + 130, 420])
        assert [page.value(STATE)[axis] - before[axis] for axis in "xy"] == [30, 20]
        assert "inset(0px " in page.value("getComputedStyle(at('over')).clipPath")
        page.value("document.querySelector('[data-view=\"5\"]').click()")
        assert page.value(STATE)["view"] == 5 and page.value("images.left.src") == page.value("views[5].layers.ms")
        assert not page.failures


@needs_browser
def test_a_keyboard_is_enough(look, monkeypatch):
    monkeypatch.setattr(quicklook, "LARGEST", 64)
    monkeypatch.setattr(quicklook, "SIDE", 32)
    with opened(look(side=128).path) as page:
        focused = "(e => e.getAttribute('aria-label') || e.value || e.textContent)(document.activeElement)"
        reached = []
        for _ in range(18):
            page.press("Tab")
            reached.append(page.value(focused))
            if reached[-1] == "ms":
                page.press("ArrowRight")
            if reached[-1].startswith("Image"):
                start = page.value(STATE)
                page.press("+", "ArrowLeft", "ArrowDown")
                moved = page.value(STATE)
                assert moved["scale"] == pytest.approx(1.25 * start["scale"])
                page.press("0")
                assert page.value(STATE) == start
            if reached[-1].startswith("Where"):
                page.press("ArrowLeft", "ArrowLeft")
            if reached[-1].startswith("Part 2"):
                page.press("Enter")
        state = page.value(STATE)
        assert (state["left"], state["swipe"], state["view"]) == ("pan", 49, 2)
        assert {"Zoom in", "Zoom out", "Fit", "1:1", "Whole scene"} <= {*reached}
        assert sum(label.startswith("Part") for label in reached) == 9 - (len(reached) < 18)
        page.press("]")
        assert page.value(STATE)["view"] == 3
        page.press("[", "[", "[", "[")
        assert page.value(STATE)["view"] == 9
        named = (
            "[...document.querySelectorAll('button, input')].every(e => e.ariaLabel || e.textContent || e.labels[0])"
        )
        assert page.value(f"!!{named}")
        assert not page.failures
