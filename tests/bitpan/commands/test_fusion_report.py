"""``bitpan fuse --report``: its figures, which scenes it warns of, and what is refused before anything is fused."""

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
import rasterio

from bitpan import cli
from bitpan.commands import fusion_report
from bitpan.errors import QualityWarning
from bitpan.host.scene.calibration import load_calibration
from bitpan.model import IntegerModel
from bitpan.models.imagery.synth import synthesise
from bitpan.models.quality import full_resolution
from bitpan.models.quality.classical import METHODS
from bitpan.shipped import find_model

SIZE = 128


@pytest.fixture
def displaced(tmp_path, write_raster):
    """A PAN and an MS whose samples lie 2 PAN pixels above and 3 right of their blocks, and their files."""
    made = synthesise(SIZE + 32, seed=3)
    pan, ms = made.pan[:, 18 : 18 + SIZE, 13 : 13 + SIZE], made.ms[:, 4:-4, 4:-4]
    write_raster(tmp_path / "PAN.tif", pan, 1.0)
    write_raster(tmp_path / "MS.tif", ms, 4.0)
    return pan, ms, tmp_path


def call(folder, report, *words):
    files = [str(folder / name) for name in ("PAN.tif", "MS.tif")]
    out = ["-o", str(folder / "OUT.tif"), "--report", str(folder / report), "--threads", "1"]
    return cli.main(["fuse", *files, *out, *map(str, words)])


def test_its_figures(displaced, capsys):
    pan, ms, folder = displaced
    assert call(folder, "report.json", "--sensor", "ikonos") == 0
    assert "would do better" not in capsys.readouterr().err
    found = json.loads((folder / "report.json").read_text())
    model = IntegerModel.load(find_model("s2bnet-flat"))
    own = load_calibration(folder / "OUT.scene.json", model)
    with rasterio.open(folder / "OUT.tif") as dataset:
        fused = dataset.read()
    # Whole MS pixels first, to the nearest sample: -2 PAN pixels are -4 and 2, 3 are 4 and -1.
    last = SIZE // 4 - 1
    ms, shift = ms[:, [*range(1, last + 1), last]][:, :, [0, *range(last)]], (2.0, -1.0)
    images = {"fused": fused}
    images |= {name: METHODS[name](pan, ms, 4, 16, "ikonos", shift) for name in ("GSA", "MTF-GLP")}
    expected = {name: full_resolution.evaluate(image, pan, ms, 4, "ikonos", shift) for name, image in images.items()}
    assert found["quality"] == expected and expected["fused"]["HQNR"] > expected["GSA"]["HQNR"]
    assert found["shift"] == list(own.shift) == [-2, 3] and found["pan_match"]["fit"] == own.match.fit > 0.5
    assert found["tiles"] == {"count": 1, "side": SIZE} and found["sensor"] == "ikonos"
    pan, fused = own.match.apply(pan), own.level.apply(fused)
    top = own.level.apply(own.level.inverse[:, -1:])[:, None]
    ends = [(fused == 0).mean(), (fused >= top).mean(), (pan == 0).mean(), (pan == 2047).mean()]
    assert list(found["clipped"].values()) == ends and found["ms_gains"] == [own / 2**20 for own in own.level.gains]


def test_shares_of_clipped_pixels(tmp_path, write_raster):
    made = synthesise(SIZE, seed=3)
    made.pan[0, :16], made.ms[:, :8] = 65535, 2047
    write_raster(tmp_path / "PAN.tif", made.pan, 1.0)
    write_raster(tmp_path / "MS.tif", made.ms, 4.0)
    call(tmp_path, "report.json", "--shift", "0,0")
    clipped = json.loads((tmp_path / "report.json").read_text())["clipped"]
    assert 0.125 <= clipped["pan_high"] < 0.2 and clipped["fused_high"] < 0.1 and clipped["pan_low"] < 0.1


def test_tiles_with_gaps_are_left_out(tmp_path, write_raster):
    """The largest tiles of which there are any; where there are none there is no quality, and still a page."""
    made = synthesise((320, 640), seed=3)
    pan = np.maximum(made.pan, 1)
    write_raster(tmp_path / "MS.tif", made.ms, 4.0)
    gaps = {256: (0, 0), 128: (160, slice(None)), None: (slice(None, None, 40), slice(None, None, 40))}
    for side, gap in gaps.items():
        pan[0][gap] = 0
        write_raster(tmp_path / "PAN.tif", pan, 1.0, nodata=0)
        assert call(tmp_path, "report.json") == call(tmp_path, "report.html") == 0
        found = json.loads((tmp_path / "report.json").read_text())
        assert found["tiles"]["side"] == side
        assert bool(found["quality"]) == (found["tiles"]["count"] > 0) == bool(side)
        assert "PAN&#x27;s variance" in (tmp_path / "report.html").read_text()


def test_the_page_says_the_same(displaced):
    _, _, folder = displaced
    assert call(folder, "a.json") == call(folder, "a.html") == 0
    found, page = json.loads((folder / "a.json").read_text()), (folder / "a.html").read_text()
    assert "<td>-2, 3</td>" in page and f"<td>{found['pan_match']['fit']:.1%}</td>" in page
    for name, row in found["quality"].items():
        cells = [name, *(f"{value:.4f}" for value in row.values())]
        assert "".join(f"<td>{cell}</td>" for cell in cells) in page


def test_it_warns_where_a_classical_method_is_better(displaced, capsys):
    """As where the shift is told wrong: the classical methods are told the same, but for HQNR they follow the MS."""
    _, _, folder = displaced
    path = folder / "OUT.tif"
    assert call(folder, "a.json") == 0
    model = IntegerModel.load(find_model("s2bnet-flat"))
    with rasterio.open(path, "r+") as dataset:
        image = dataset.read()
        dataset.write(np.roll(image, 8, axis=2))
    with pytest.warns(QualityWarning, match=r"OUT.tif: (GSA|MTF-GLP) would do better, HQNR 0\.\d+ against 0\.\d+;"):
        fusion_report.document(folder / "PAN.tif", folder / "MS.tif", path, model, None, "generic")
    with rasterio.open(path, "r+") as dataset:
        dataset.write(image)
    with warnings.catch_warnings():
        warnings.simplefilter("error", QualityWarning)
        fusion_report.document(folder / "PAN.tif", folder / "MS.tif", path, model, None, "generic")


@pytest.mark.parametrize(
    ("report", "words", "said"),
    [
        ("report.txt", [], "report.txt: a report is a .html or .json file in a folder that exists"),
        ("none/report.json", [], "in a folder that exists"),
        ("OUT.scene.json", [], "OUT.scene.json: is another file of this command"),
        ("report.json", ["--sensor", "wv9"], "no sensor 'wv9'"),
    ],
)
def test_what_is_refused_before_anything_is_fused(displaced, capsys, report, words, said):
    _, _, folder = displaced
    before = sorted(folder.iterdir())
    assert call(folder, report, *words) == 1
    printed = capsys.readouterr()
    assert said in printed.err and printed.err.count("\n") == 1
    assert sorted(folder.iterdir()) == before


def test_without_a_report_nothing_but_numpy_and_rasterio_is_needed(displaced):
    """As on a board."""
    _, _, folder = displaced
    words = ["fuse", str(folder / "PAN.tif"), str(folder / "MS.tif"), "-o", str(folder / "OUT.tif")]
    lacking = "import sys\nsys.modules |= {'scipy': None, 'torch': None}\n"
    code = f"{lacking}from bitpan.cli import main\nsys.exit(main({words}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
