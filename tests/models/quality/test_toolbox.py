"""The DLPan toolbox's chain: its kernels in small, and its published images and figures in whole."""

import csv

import numpy as np
import pytest

import toolbox
from bitpan.errors import DataError
from bitpan.models.imagery.degrade import degrade, nyquist_gains, wald
from bitpan.models.quality.full_resolution import indices
from bitpan.models.quality.metrics import ergas, q2n, sam, scc
from scenes import DATA, needs_data

CUT = (slice(None), slice(20, -21), slice(20, -21))
SCENES = {"imgWV2": ("wv2_imgWV2", "wv2"), "imgIK": ("ikonos_imgIK", "ikonos")}


def _rows(name, protocol):
    with open(DATA / "reference" / f"{name}.csv", newline="") as file:
        return {row["algorithm"]: row for row in csv.DictReader(file) if row["protocol"] == protocol}


def _scene(name):
    real = pytest.importorskip("scipy.io").loadmat(DATA / SCENES[name][0] / f"{name}.mat")
    return real["I_PAN"][None].astype(float), real["I_MS"].transpose(2, 0, 1).astype(float)


@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_interpolation_keeps_samples_and_constants(ratio):
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 1000, (2, 16, 24))
    fine = toolbox.upsample(image, ratio)
    middle = slice(1 if ratio == 2 else ratio // 2, None, ratio)
    np.testing.assert_allclose(fine[:, middle, middle], image, atol=1e-9)
    np.testing.assert_allclose(toolbox.upsample(np.full((1, 8, 8), 7.0), ratio), 7, atol=1e-7)


def test_interpolation_is_smooth_and_periodic():
    """Waves below the coarse grid's Nyquist frequency are continued exactly enough, over the borders too."""
    x = np.arange(32)
    wave = np.cos(2 * np.pi * 4 * x / 32)[None, None].repeat(32, 1)
    fine_x = (np.arange(128) - 2) / 4
    np.testing.assert_allclose(toolbox.upsample(wave, 4)[0, 5], np.cos(2 * np.pi * 4 * fine_x / 32), atol=2e-3)


@pytest.mark.parametrize("ratio", [0, 1, 3, 6])
def test_interpolation_refuses_other_ratios(ratio):
    with pytest.raises(DataError, match=f"not {ratio}"):
        toolbox.upsample(np.zeros((1, 8, 8)), ratio)


def test_reductions_sample_where_the_toolbox_does():
    """A ramp: splines at ratio // 2 of each block, as the MS; imresize at its middle."""
    ramp = np.arange(128.0)[None, None].repeat(128, 1)
    inside = slice(8, -8)
    np.testing.assert_allclose(toolbox.spline_reduced(ramp, 4)[16, inside], (4 * np.arange(32) + 2)[inside])
    np.testing.assert_allclose(toolbox.bicubic_reduced(ramp, 4)[0, 16, inside], (4 * np.arange(32) + 1.5)[inside])


def test_an_unknown_method_is_refused():
    with pytest.raises(DataError, match="BT-H"):
        toolbox.fuse("Brovey", np.zeros((1, 32, 32)), np.zeros((4, 8, 8)), 4, "generic")


@needs_data
@pytest.mark.parametrize("method", toolbox.METHODS)
def test_fused_images_equal_the_toolboxs(method):
    """To 0.002 counts of up to 916; GSA to 0.04, for wavelets treat borders in their own way."""
    stored = np.load(DATA / "gf2_pancollection15" / "PNN_img_array_GF2.npz")
    pan, ms = (stored[name][0].transpose(2, 0, 1) for name in ("pan", "mslr"))
    expected = np.load(DATA / "reference" / "gf2_pancollection15_fused.npz")[method.replace("-", "_")]
    fused = toolbox.fuse(method, pan, ms, 4, "gf2")
    np.testing.assert_allclose(fused, expected.transpose(2, 0, 1), rtol=0, atol=0.04 if method == "GSA" else 0.002)


@needs_data
@pytest.mark.parametrize("name", SCENES)
def test_reduced_resolution_figures(name):
    """Degrade, fuse, judge: every index of every method to one part in 20,000."""
    sensor = SCENES[name][1]
    pan, ms = _scene(name)
    pan_lr, _, gt = wald(pan, ms, 4, sensor, pan_filter="bicubic")
    ms_lr = degrade(ms, 4, nyquist_gains(sensor, len(ms)), centre=(2, 2))
    rows = _rows(name, "RR")
    for method in toolbox.METHODS:
        fused, row = toolbox.fuse(method, pan_lr, ms_lr, 4, sensor)[CUT], rows[method]
        assert sam(fused, gt[CUT]) == pytest.approx(float(row["SAM_deg"]), rel=5e-5), method
        assert ergas(fused, gt[CUT], 4) == pytest.approx(float(row["ERGAS"]), rel=5e-5), method
        assert scc(fused, gt[CUT]) == pytest.approx(float(row["SCC"]), rel=5e-5), method
        assert q2n(fused, gt[CUT]) == pytest.approx(float(row["Q2n"]), rel=5e-5), method


@needs_data
@pytest.mark.parametrize("name", SCENES)
def test_full_resolution_figures(name):
    """D_lambda, D_s, QNR, D_lambda_K and HQNR of a method of each kind, to 1e-5."""
    sensor = SCENES[name][1]
    pan, ms = _scene(name)
    lms, pan_low = toolbox.upsample(ms, 4), toolbox.pan_for_distortion(pan, 4)
    rows = _rows(name, "FR")
    for method in ("EXP", "GSA", "MTF-GLP"):
        found = indices(toolbox.fuse(method, pan, ms, 4, sensor), lms, pan, pan_low, 4, sensor)
        assert found == pytest.approx({index: float(rows[method][index]) for index in found}, abs=1e-5), method


@needs_data
def test_full_resolution_figures_of_the_other_methods():
    """The same on QuickBird, of which the toolbox took 248 of 250 MS pixels."""
    rasterio = pytest.importorskip("rasterio")
    images = {}
    for role, size in (("PAN", 992), ("MS", 248)):
        with rasterio.open(DATA / "quickbird_decri" / f"QB-{role}.tif") as raster:
            images[role] = raster.read().astype(float)[:, :size, :size]
    pan, ms = images["PAN"], images["MS"]
    lms, pan_low = toolbox.upsample(ms, 4), toolbox.pan_for_distortion(pan, 4)
    rows = _rows("decriQB_248", "FR")
    for method in ("BT-H", "BDSD-PC", "MTF-GLP-FS", "MTF-GLP-HPM"):
        found = indices(toolbox.fuse(method, pan, ms, 4, "qb"), lms, pan, pan_low, 4, "qb")
        assert found == pytest.approx({index: float(rows[method][index]) for index in found}, abs=1e-5), method
