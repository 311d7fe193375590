"""The weights that ship: one network in all its files, better than the classical methods it stands beside."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

import bitpan
from bitpan.cli import main
from bitpan.model import IntegerModel
from bitpan.models.imagery.spectra import optics, suited

FOLDERS = sorted((Path(bitpan.__file__).parent / "pretrained").iterdir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_checkpoint_qonnx_and_integers_are_one_network(folder, tmp_path):
    from bitpan.build.build import integers
    from bitpan.models.export import export

    export(folder / "checkpoint.pt", tmp_path / "model.onnx")
    shipped = IntegerModel.load(folder)
    for source in (*folder.glob("model.onnx"), tmp_path / "model.onnx"):
        model, frame, _ = integers(source, lambda what: None)
        assert frame == (64, 64)
        assert (model.nodes, model.tensors, model.scene) == (shipped.nodes, shipped.tensors, shipped.scene)
        assert model.constants.keys() == shipped.constants.keys()
        for name, value in model.constants.items():
            np.testing.assert_array_equal(value, shipped.constants[name], err_msg=name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_beats_interpolation_and_gsa_on_a_scene_it_has_not_seen(folder):
    from bitpan.host.fuser import Fuser
    from bitpan.models.imagery.synth import synthesise
    from bitpan.models.quality import metrics
    from bitpan.models.quality.classical import METHODS

    model = IntegerModel.load(folder)
    made = synthesise(256, 1_000_003, model.bits, model.ratio, optics=optics(suited(model.bands, model.ratio)))
    with Fuser(model) as fuser:
        fused = fuser.fuse(made.pan, made.ms)
    rivals = [METHODS[name](made.pan, made.ms, model.ratio, model.bits) for name in ("EXP", "GSA")]
    for index in (metrics.sam, lambda image, truth: metrics.ergas(image, truth, model.ratio)):
        assert index(fused, made.truth) < min(index(rival, made.truth) for rival in rivals)


@pytest.mark.filterwarnings("ignore:PAN and MS hardly go together")
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_with_a_pan_of_something_else_it_beats_interpolation_too(folder):
    from bitpan.host.fuser import Fuser
    from bitpan.models.imagery.synth import synthesise
    from bitpan.models.quality import metrics
    from bitpan.models.quality.classical import METHODS

    model = IntegerModel.load(folder)
    made = synthesise(256, 1_000_003, model.bits, model.ratio, optics=optics(suited(model.bands, model.ratio)))
    own = metrics.psnr(METHODS["EXP"](made.pan, made.ms, model.ratio, model.bits), made.truth)
    mean = int(made.pan.mean())
    noise = np.random.default_rng(0).integers(mean // 2, mean + mean // 2, made.pan.shape)
    with Fuser(model) as fuser:
        for pan in (made.pan[:, ::-1, ::-1], made.pan.max() - made.pan, np.full_like(made.pan, mean), noise):
            assert metrics.psnr(fuser.fuse(pan, made.ms, shift=(0, 0)), made.truth) > own


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_fuse_takes_it_of_its_family_for_a_pair_of_its_kind(folder, tmp_path, capsys):
    own = IntegerModel.load(folder)
    kind = ["--sensor", suited(own.bands, own.ratio), "--ratio", str(own.ratio), "--bits", str(own.bits)]
    assert main(["synth", "-o", str(tmp_path), "--size", "64x64", *kind]) == 0
    pair, fused = (
        [str(tmp_path / "pan.tif"), str(tmp_path / "ms.tif")],
        [tmp_path / "family.tif", tmp_path / "member.tif"],
    )
    for name, output in zip((own.name, folder.name), fused, strict=True):
        assert main(["fuse", *map(str, pair), "-o", str(output), "--model", name]) == 0
        assert f"fused with {folder.name} on cpu" in capsys.readouterr().out
    assert fused[0].read_bytes() == fused[1].read_bytes()


def test_a_list_may_have_pairs_of_several_kinds(tmp_path):
    kinds = {"a": ("generic", "4"), "b": ("wv3", "4"), "c": ("landsat8", "2")}
    for name, (sensor, ratio) in kinds.items():
        words = ["--size", "64x64", "--sensor", sensor, "--ratio", ratio]
        assert main(["synth", "-o", str(tmp_path / name), *words]) == 0
    lines = [f"{name}/pan.tif,{name}/ms.tif,{name}.tif" for name in kinds]
    (tmp_path / "scenes.csv").write_text("\n".join(lines))
    assert main(["fuse", "--list", str(tmp_path / "scenes.csv"), "-o", str(tmp_path / "out")]) == 0
    for name, (sensor, _) in kinds.items():
        with rasterio.open(tmp_path / "out" / f"{name}.tif") as fused:
            assert fused.descriptions == optics(sensor).names and fused.shape == (64, 64)


def test_model_cards_hold_command_data_metrics_and_licence():
    for folder in FOLDERS:
        card = (folder / "README.md").read_text()
        assert "bitpan train " in card and "Synthetic scenes only" in card and "ERGAS" in card and "Apache-2.0" in card


def test_shipped_files_are_small():
    assert all(file.stat().st_size < 1_000_000 for folder in FOLDERS for file in folder.iterdir())
