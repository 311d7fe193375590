"""`bitpan evaluate`: what is judged, what is written, and what is refused before anything is written."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import bitpan
from bitpan.camera.consistency import Camera, consistent
from bitpan.camera.sharpness import gain_of, gradient_sums
from bitpan.cli import main
from bitpan.models.imagery import images as of_images
from bitpan.models.imagery.images import Image, gather_images, registered, synthetic_images
from bitpan.models.imagery.sources import Source, parse
from bitpan.models.imagery.spectra import optics
from bitpan.models.imagery.synth import synthesise
from bitpan.models.imagery.triples import GAP, HELD_OUT_SEED, split
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.pansharpener import PanSharpener
from bitpan.models.quality import full_resolution, metrics
from bitpan.models.quality.classical import METHODS
from bitpan.models.quality.judge import (
    classical_methods,
    collect,
    indices_of,
    judge,
    mean_and_deviation,
    network_method,
)
from bitpan.models.quality.tables import Row, markdown, strict_json
from scenes import load

SHIPPED = str(Path(bitpan.__file__).parent / "pretrained" / "s2bnet-flat" / "checkpoint.pt")


@pytest.fixture
def sources(tmp_path):
    """A pair without a truth and one with, of 4 bands."""
    random = np.random.default_rng(0)

    def smooth(*shape):
        return (500 + 60 * random.standard_normal(shape).cumsum(0).cumsum(1) / 9).clip(1, 2047).astype(int)

    pair, triple = tmp_path / "pair.npz", tmp_path / "triple.npz"
    np.savez(pair, pan=smooth(320, 640), ms=smooth(80, 160, 4))
    np.savez(triple, pan=smooth(64, 96), ms=smooth(16, 24, 4), gt=smooth(64, 96, 4))
    return str(pair), str(triple)


def test_held_out_strips_are_those_of_training(sources):
    for source in sources:
        whole = load(source, None, 11, 4, "generic")
        _, held_out = split(whole, 0.3)
        (image,) = gather_images([parse(source)], 4, 0.3, full=False)
        np.testing.assert_array_equal(image.gt, held_out.gt[0])
        np.testing.assert_array_equal(image.pan, held_out.pan[0])
        (everything,) = gather_images([parse(source)], 4, 1, full=False)
        np.testing.assert_array_equal(everything.ms, whole.ms[0])


def test_full_resolution_takes_the_same_columns(sources):
    reduced, pair, triple, alone = gather_images([parse(source) for source in sources], 4, 0.3, full=True)
    stored = np.load(sources[0])
    start = 160 - reduced.gt.shape[-1]
    assert start - GAP >= 0 and pair.gt is None and pair.name == "pair-full"
    np.testing.assert_array_equal(pair.ms, stored["ms"].transpose(2, 0, 1)[:, :, start:])
    np.testing.assert_array_equal(pair.pan[0], stored["pan"][:, 4 * start :])
    np.testing.assert_array_equal(alone.pan, triple.pan)
    assert alone.gt is None


@pytest.mark.parametrize("shift", [(0.25, -0.5), (-2.25, 2.5), (4.0, -5.0)])
def test_a_shift_moves_the_pan_onto_the_ms(shift):
    """A PAN that says where it is: after the crop every MS pixel's block lies there, to half a PAN pixel."""
    place = np.stack(np.indices((80, 96)))
    pan = (place[0] * 1000 + place[1])[None]
    ms = np.stack(np.indices((20, 24)))
    moved, cut = registered(pan, ms, Source("x", shift=shift), 4)
    rows, columns = np.divmod(moved[0].reshape(cut.shape[1], 4, cut.shape[2], 4), 1000)
    centres = np.stack([rows.mean(axis=(1, 3)), columns.mean(axis=(1, 3))])
    expected = 4 * cut + 1.5 + np.array(shift)[:, None, None]
    assert np.abs(centres - expected).max() <= 0.5


def test_every_index_of_every_method_on_every_image():
    images = synthetic_images(2, 64, 5, 11, full=False)
    seen = []
    judged = judge(
        classical_methods(("EXP", "GSA")), images, border=4, look=lambda *look: seen.append((look[0].name, look[1]))
    )
    assert seen == [(image.name, method) for image in images for method in ("EXP", "GSA")]
    assert [(j.image, j.method) for j in judged] == seen
    expected = metrics.evaluate(METHODS["EXP"](images[1].pan, images[1].ms, 4, 11), images[1].gt, 4, 4)
    assert dict(judged[2].indices) == expected
    values = collect(judged)["EXP"]["SAM"]
    assert values == [judged[0].indices["SAM"], expected["SAM"]]
    assert mean_and_deviation(values) == pytest.approx((np.mean(values), abs(values[0] - values[1]) / math.sqrt(2)))


def test_networks_are_judged_as_they_are_used():
    """A batch normalisation takes its running statistics, keeps them, and the network is in training again after."""

    class Normalised(PanSharpener):
        def __init__(self):
            super().__init__(Configuration())
            self.norm = torch.nn.BatchNorm2d(4)

        def forward(self, pan, ms, scene=None):
            return self.norm(torch.nn.functional.interpolate(ms, scale_factor=4)) + 0.4

    network = Normalised()
    (image,) = synthetic_images(1, 48, 5, 11, full=False)
    fused = network_method(network)(image)
    own = image.ms.repeat(4, axis=1).repeat(4, axis=2)
    camera = Camera(4, gain=gain_of([gradient_sums(image.pan, image.ms, 4)]))
    expected = consistent(own, image.ms, np.ones(image.ms.shape[1:], bool), camera)
    np.testing.assert_array_equal(fused, np.minimum(expected, 2047))
    assert network.training and int(network.norm.num_batches_tracked) == 0


def test_tables(sources, tmp_path, capsys):
    out = tmp_path / "new" / "out"
    arguments = [SHIPPED, "--data", *sources, "--synthetic", "1", "--scene-size", "48", "--classical", "EXP,Brovey"]
    assert main(["evaluate", *arguments, "-o", str(out)]) == 0
    document = json.loads((out / "table.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    methods = ["s2bnet-flat", "EXP", "Brovey"]
    assert list(document["table"]) == methods and len(document["values"]) == 9
    row = document["table"]["s2bnet-flat"]
    assert row["images"] == 3 and row["binary MACs"] == 73_728 and row["parameters"] == 10_764
    values = [value["ERGAS"] for value in document["values"] if value["method"] == "s2bnet-flat"]
    assert row["ERGAS"]["mean"] == pytest.approx(np.mean(values))
    assert row["ERGAS"]["deviation"] == pytest.approx(np.std(values, ddof=1))
    checkpoint = document["checkpoints"]["s2bnet-flat"]
    assert checkpoint["file"] == SHIPPED and checkpoint["trained"]["settings"]["seed"] == 5
    assert document["hardware"]["threads"] >= 1 and document["versions"]["torch"] and document["seconds"] > 0
    with open(out / "table.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["method"] for line in lines] == methods
    assert float(lines[0]["ERGAS deviation"]) == row["ERGAS"]["deviation"] and lines[1]["parameters"] == ""
    printed = (out / "table.md").read_text()
    assert f"{row['PSNR']['mean']:.2f} ± {row['PSNR']['deviation']:.2f}" in printed and "the right 30%" in printed
    names = ("pair", "triple", "synthetic-scene-1000000")
    assert {p.name for p in (out / "quicklooks").iterdir()} == {f"{i}-{m}.png" for i in names for m in methods}
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_synthetic_scenes_are_of_the_sensor_bands_and_ratio(tmp_path):
    words = ["--synthetic", "1", "--scene-size", "48", "--sensor", "wv3", "--bands", "1,8", "--ratio", "2"]
    assert main(["evaluate", *words, "--bits", "12", "--classical", "EXP", "-o", str(tmp_path / "out")]) == 0
    table = json.loads((tmp_path / "out" / "table.json").read_text())["table"]
    made = synthesise(48, HELD_OUT_SEED, 12, 2, optics=optics("wv3", (1, 8)))
    expected = metrics.evaluate(METHODS["EXP"](made.pan, made.ms, 2, 12), made.truth, 2)
    assert table["EXP"]["PSNR"]["mean"] == pytest.approx(expected["PSNR"])


def test_any_depth_is_judged(tmp_path):
    """Of any gain, at the network's own level."""
    made, found = synthesise(64, seed=5), {}
    for name, factor in (("plain", 1), ("deep", 16)):
        images = (("pan", made.pan.astype(int)), ("ms", made.ms.astype(int)), ("gt", made.truth.astype(int)))
        np.savez(tmp_path / f"{name}.npz", **{role: factor * image.transpose(1, 2, 0) for role, image in images})
        words = [SHIPPED, "--data", str(tmp_path / f"{name}.npz"), "--hold-out", "1", "--classical", "EXP"]
        assert main(["evaluate", *words, "-o", str(tmp_path / name)]) == 0
        found[name] = json.loads((tmp_path / name / "table.json").read_text())
    bits = {name: own["images"][0]["bits"] for name, own in found.items()}
    assert bits == {"plain": 11, "deep": 15}
    for index, unit in (("SAM", 0.01), ("PSNR", 0.02)):
        one, other = (own["table"]["s2bnet-flat"][index]["mean"] for own in found.values())
        assert abs(one - other) < unit < one


def test_real_features_stand_beside(sources, tmp_path):
    arguments = ["evaluate", SHIPPED, "--data", sources[1], "--hold-out", "1", "--classical", "none"]
    assert main([*arguments, "--real-features", "-o", str(tmp_path / "out")]) == 0
    table = json.loads((tmp_path / "out" / "table.json").read_text())["table"]
    assert list(table) == ["s2bnet-flat", "s2bnet-flat, real features"]
    integers, real = (row["PSNR"]["mean"] for row in table.values())
    assert 0 < abs(integers - real) < 1


def test_full_resolution_stands_beside(sources, tmp_path, capsys):
    arguments = [SHIPPED, "--data", *sources, "--classical", "EXP,MTF-GLP", "--full-resolution", "--sensor", "qb"]
    assert main(["evaluate", *arguments, "-o", str(tmp_path / "out")]) == 0
    own = json.loads((tmp_path / "out" / "table.json").read_text())
    assert [image["name"] for image in own["images"]] == ["pair", "pair-full", "triple", "triple-full"]
    row = own["table"]["MTF-GLP"]
    assert row["images"] == 2 and row["full-resolution images"] == 2
    values = [value for value in own["values"] if value["method"] == "MTF-GLP"]
    assert [("HQNR" in value, "ERGAS" in value) for value in values] == [(False, True), (True, False)] * 2
    assert row["HQNR"]["mean"] == pytest.approx((values[1]["HQNR"] + values[3]["HQNR"]) / 2)
    _, image, _, _ = gather_images([parse(source, sensor="qb") for source in sources], 4, 0.3, full=True)
    fused = METHODS["MTF-GLP"](image.pan, image.ms, 4, 11, "qb")
    expected = full_resolution.evaluate(fused, image.pan, image.ms, 4, "qb")
    assert {name: values[1][name] for name in expected} == expected
    assert expected != full_resolution.evaluate(METHODS["MTF-GLP"](image.pan, image.ms, 4, 11), image.pan, image.ms, 4)
    assert (tmp_path / "out" / "quicklooks" / "pair-full-s2bnet-flat.png").is_file()
    inner = indices_of(fused, image, border=8)
    cut = (fused[:, 8:-8, 8:-8], image.pan[:, 8:-8, 8:-8], image.ms[:, 2:-2, 2:-2])
    assert inner == full_resolution.evaluate(*cut, 4, "qb")


def _put_together(parts, role, rows):
    images = [getattr(part, role) for part in parts]
    columns = len(images) // rows
    return np.concatenate([np.concatenate(images[i : i + columns], axis=2) for i in range(0, len(images), columns)], 1)


@pytest.mark.parametrize(("size", "ratio", "rows"), [((672, 288), 4, 3), ((288, 290), 2, 2), ((264, 264), 6, 2)])
def test_large_images_are_judged_in_parts(monkeypatch, size, ratio, rows):
    """That hold every pixel once, begin on the grid of every network and index, and are none of them slivers."""
    monkeypatch.setattr(of_images, "LARGEST", 256)
    random = np.random.default_rng(3)
    height, width = size
    pan, gt = random.integers(0, 2048, (1, height, width)), random.integers(0, 2048, (3, height, width))
    whole = Image("scene", pan, random.integers(0, 2048, (3, height // ratio, width // ratio)), gt, 12, "qb")
    parts = whole.parts()
    assert [part.name for part in parts] == [f"scene-part{i + 1}" for i in range(2 * rows)]
    assert sum(part.drawn for part in parts) == 1 and {(part.bits, part.sensor) for part in parts} == {(12, "qb")}
    for role in ("pan", "ms", "gt"):
        np.testing.assert_array_equal(_put_together(parts, role, rows), getattr(whole, role))
    for part in parts:
        assert part.ratio == ratio and min(part.pan.shape[1:]) >= 96 and max(part.pan.shape[1:]) <= 256 + 96
    assert all(side % 32 == 0 for side in parts[0].pan.shape[1:])
    assert whole.without_truth().parts()[1].gt is None
    monkeypatch.setattr(of_images, "LARGEST", 672)
    assert whole.parts() == [whole]


def test_parts_of_a_large_pair_are_in_the_table(sources, tmp_path, monkeypatch, capsys):
    """Each judged by itself; one quick-look of all of them."""
    monkeypatch.setattr(of_images, "LARGEST", 320)
    words = [SHIPPED, "--data", sources[0], "--hold-out", "1", "--full-resolution", "--classical", "EXP"]
    assert main(["evaluate", *words, "-o", str(tmp_path / "out")]) == 0
    own = json.loads((tmp_path / "out" / "table.json").read_text())
    assert [image["name"] for image in own["images"]] == ["pair", "pair-full-part1", "pair-full-part2"]
    assert own["table"]["EXP"]["full-resolution images"] == 2
    shown = {f"{image}-{method}.png" for image in ("pair", "pair-full-part1") for method in ("s2bnet-flat", "EXP")}
    assert {path.name for path in (tmp_path / "out" / "quicklooks").iterdir()} == shown
    _, first, _ = gather_images([parse(sources[0])], 4, 1, full=True)
    fused = METHODS["EXP"](first.pan, first.ms, 4, 11)
    values = next(each for each in own["values"] if (each["image"], each["method"]) == ("pair-full-part1", "EXP"))
    expected = full_resolution.evaluate(fused, first.pan, first.ms, 4)
    assert {name: values[name] for name in expected} == expected


def test_two_checkpoints_of_one_network_have_two_names(sources, tmp_path, capsys):
    other = tmp_path / "other.pt"
    other.write_bytes(Path(SHIPPED).read_bytes())
    arguments = [SHIPPED, str(other), "--data", sources[1], "--classical", "none", "--hold-out", "1"]
    assert main(["evaluate", *arguments, "-o", str(tmp_path / "out")]) == 0
    table = json.loads((tmp_path / "out" / "table.json").read_text())["table"]
    assert list(table) == [f"s2bnet-flat {SHIPPED}", f"s2bnet-flat {other}"]
    assert table[f"s2bnet-flat {other}"] == table[f"s2bnet-flat {SHIPPED}"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.pt", "--synthetic", "1"], "there is no such checkpoint"),
        ([SHIPPED], "nothing to judge on"),
        (["--synthetic", "1", "--classical", "none"], "nothing to judge;"),
        (["--synthetic", "1", "--classical", "EXP,XYZ"], f"no classical method 'XYZ'; there are {', '.join(METHODS)}"),
        ([SHIPPED, "--data", "{pair}:bands=1,2,3"], "3 bands and ratio 4 do not fit s2bnet-flat, of 4 bands"),
        ([SHIPPED, "--data", "{pair}:bits=9"], "but 9 bits hold 0 to 511"),
        (["--data", "{pair}:bands=1,2,3", "{triple}"], "the sources have [3, 4] bands"),
        (["--data", "{pair}:bands=1,2,3", "--synthetic", "1"], "the sources have [3, 4] bands"),
        (["--data", "{pair}:sensor=wv9"], "no sensor 'wv9'"),
        (["--data", "{pair}", "--hold-out", "0"], "--hold-out 0.0 must lie above 0"),
        (["--data", "{pair}", "--border", "30"], "a border of 30 pixels leaves too little"),
        (["--data", "{pair}", "--full-resolution", "--border", "2"], "pair-full: a border of 2 pixels cuts MS pixels"),
        ([SHIPPED, "--data", "{pair}", "--device", "tpu9"], "--device tpu9"),
        ([SHIPPED, SHIPPED, "--data", "{pair}"], "given twice"),
        (["--data", "{pair}", "--real-features"], "no checkpoint is of a network with integers"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(sources, tmp_path, capsys, arguments, said):
    before = sorted(tmp_path.rglob("*"))
    filled = [word.format(pair=sources[0], triple=sources[1]) for word in arguments]
    assert main(["evaluate", *filled, "-o", str(tmp_path / "out")]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bitpan evaluate:")]
    assert len(lines) == 1 and said in lines[0]
    assert sorted(tmp_path.rglob("*")) == before


def test_json_has_neither_nan_nor_infinity():
    text = strict_json({"a": [math.inf, (math.nan, 1.5)], "b": {"c": -math.inf}}).decode()
    assert json.loads(text, parse_constant=lambda word: pytest.fail(word)) == {
        "a": [None, [None, 1.5]],
        "b": {"c": None},
    }


def test_markdown_has_a_dash_where_there_is_nothing():
    rows = [Row("a", {"PSNR": (30.123, 0.456)}, {"parameters": 1234.5}), Row("b", {"SAM": (1.0, math.nan)})]
    assert markdown(rows).splitlines()[2:] == ["| a | 30.12 ± 0.46 | - | 1,234.5 |", "| b | - | 1.000 | - |"]
