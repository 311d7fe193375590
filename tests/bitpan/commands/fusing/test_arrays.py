"""Arrays in a file, fused as those of two rasters."""

import numpy as np
import pytest
import rasterio
from scipy.io import savemat

import bitpan
from bitpan.cli import main
from bitpan.models.imagery.synth import synthesise


@pytest.fixture(scope="module")
def made():
    return synthesise(96, seed=4)


def arrays(made):
    return {"I_PAN": made.pan[0], "I_MS_LR": made.ms.transpose(1, 2, 0), "I_MS": np.zeros((96, 96, 4))}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("kind", ["mat", "npz"])
def test_they_are_fused(made, tmp_path, capsys, kind):
    path, out = tmp_path / f"scene.{kind}", tmp_path / "out.tif"
    savemat(path, arrays(made)) if kind == "mat" else np.savez(path, **arrays(made))
    assert main(["fuse", str(path), "-o", str(out), "--shift", "0,0", "--threads", "1"]) == 0
    assert "fused with s2bnet-flat on cpu" in capsys.readouterr().out
    with bitpan.load("s2bnet-flat", threads=1) as fuser, rasterio.open(out) as file:
        np.testing.assert_array_equal(file.read(), fuser.fuse(made.pan, made.ms, shift=(0.0, 0.0)))
        assert file.dtypes == ("uint16",) * 4 and file.crs is None


@pytest.mark.parametrize(
    ("change", "words", "said"),
    [
        ({}, ["--report", "r.html"], "holds arrays, without a place or a file each: leave --report out"),
        ({}, ["--align", "corners"], "leave --align out"),
        ({"I_PAN": np.ones((3, 8, 8)), "I_MS_LR": np.ones((3, 2, 2, 4))}, [], "holds 3 pairs, and one is fused"),
        ({"I_PAN": None}, [], "has no array I_PAN"),
    ],
)
def test_what_does_not_fit(made, tmp_path, capsys, change, words, said):
    path = tmp_path / "scene.npz"
    np.savez(path, **{name: value for name, value in (arrays(made) | change).items() if value is not None})
    assert main(["fuse", str(path), "-o", str(tmp_path / "out.tif"), *words]) == 1
    assert said in capsys.readouterr().err and not (tmp_path / "out.tif").exists()
