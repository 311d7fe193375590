"""Quality indices: closed forms, invariances, torchmetrics, and the published numbers where they are at hand."""

import csv
import math

import numpy as np
import pytest

from bitpan.errors import DataError
from bitpan.models.quality import metrics
from bitpan.models.quality.metrics import _product, ergas, evaluate, psnr, q2n, sam, scc, ssim
from scenes import DATA, needs_data


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    gt = rng.uniform(100, 900, (4, 70, 81))
    return gt + rng.normal(0, 40, gt.shape), gt


def test_equal_images_are_perfect(pair):
    _, gt = pair
    assert evaluate(gt, gt, 4) == pytest.approx(
        {"PSNR": math.inf, "SSIM": 1.0, "SAM": 0.0, "ERGAS": 0.0, "SCC": 1.0, "Q2n": 1.0}, abs=1e-5
    )


def test_closed_forms():
    gt = np.zeros((2, 40, 40))
    gt[0], gt[1] = 300, 400
    fused = gt + np.array([30, -20])[:, None, None]
    assert psnr(fused, gt) == pytest.approx(10 * math.log10(400**2 / 650))
    assert psnr(fused, gt, peak=2047) == pytest.approx(10 * math.log10(2047**2 / 650))
    assert ergas(fused, gt, 4) == pytest.approx(25 * math.sqrt((0.1**2 + 0.05**2) / 2))
    assert ergas(fused, gt, 2) == pytest.approx(2 * ergas(fused, gt, 4))
    assert sam(fused, gt) == pytest.approx(math.degrees(math.atan2(400, 300) - math.atan2(380, 330)))
    assert sam(3 * gt, gt) == pytest.approx(0, abs=1e-5) and sam(-gt, gt) == pytest.approx(180, abs=1e-5)


def test_sam_leaves_out_what_has_no_spectrum():
    gt = np.full((3, 8, 8), 5.0)
    fused = gt * np.array([1, 1, 0])[:, None, None]
    angle = sam(fused, gt)
    assert angle == pytest.approx(math.degrees(math.acos(math.sqrt(2 / 3))))
    gt[:, :4], fused[:, :, :4] = 0, 0
    assert sam(fused, gt) == pytest.approx(angle)
    assert math.isnan(sam(np.zeros_like(gt), gt))
    assert sam(np.array([[[1]], [[0]]]), np.array([[[0]], [[1]]])) == pytest.approx(90), "a count is a spectrum"


def test_border_cuts_every_side(pair):
    fused, gt = (image.copy() for image in pair)
    inner = evaluate(fused[:, 21:-21, 21:-21], gt[:, 21:-21, 21:-21], 4)
    fused[:, :21], fused[:, -21:], fused[:, :, :21], fused[:, :, -21:] = 0, 5000, 0, 5000
    assert evaluate(fused, gt, 4, border=21) == pytest.approx(inner)


def test_q2n_of_one_band_is_the_q_index():
    """Wang and Bovik's universal index, on the truth's scale: no block is left with a part of an image."""
    rng = np.random.default_rng(1)
    gt = rng.integers(100, 900, (1, 64, 64)).astype(float)
    fused = np.floor(0.8 * gt + rng.normal(0, 60, gt.shape) + 70.5)
    total = 0.0
    for top in (0, 32):
        for left in (0, 32):
            g, f = (image[0, top : top + 32, left : left + 32].ravel() for image in (gt, fused))
            mean, spread = g.mean(), g.std(ddof=1)
            g, f = (g - mean) / spread + 1, (f - mean) / spread + 1
            c = np.cov(g, f, ddof=0)
            total += 4 * c[0, 1] * g.mean() * f.mean() / (c[0, 0] + c[1, 1]) / (g.mean() ** 2 + f.mean() ** 2) / 4
    assert q2n(fused, gt) == pytest.approx(total)
    assert q2n(fused, gt) < 0.99


def test_q2n_is_the_mean_over_pixels():
    """Four bands in one block, the hypercomplex covariance pixel by pixel; counts are unsigned."""
    rng = np.random.default_rng(5)
    gt = rng.integers(0, 60, (4, 32, 32)).astype(float)
    fused = gt[[0, 2, 1, 3]] + rng.integers(-30, 30, gt.shape)
    mean, spread = gt.mean(axis=(1, 2), keepdims=True), gt.std(axis=(1, 2), ddof=1, keepdims=True)
    g, f = (((x - mean) / spread + 1).reshape(4, -1).T for x in (gt, fused.clip(0)))
    f = f * [1, -1, -1, -1]
    covariance = np.linalg.norm(_product(g, f).mean(axis=0) - _product(g.mean(axis=0), f.mean(axis=0)))
    size = [np.linalg.norm(x.mean(axis=0)) for x in (g, f)]
    variance = sum((x**2).sum(axis=1).mean() for x in (g, f)) - size[0] ** 2 - size[1] ** 2
    expected = 4 * covariance * size[0] * size[1] / variance / (size[0] ** 2 + size[1] ** 2)
    assert fused.min() < 0 and q2n(fused, gt) == pytest.approx(expected)


@pytest.mark.parametrize("units", [1, 2, 4, 8])
def test_hypercomplex_norm_multiplies(units):
    """The norm of a product is the product of the norms, up to the octonions."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 10, units))
    size = np.linalg.norm
    np.testing.assert_allclose(size(_product(x, y), axis=-1), size(x, axis=-1) * size(y, axis=-1))


def test_constant_blocks_are_finite():
    gt = np.zeros((3, 40, 40))
    gt[:, 20:] = 100
    assert math.isfinite(q2n(gt + 3, gt)) and math.isfinite(ssim(gt * 0, gt * 0)) and scc(gt, gt) == pytest.approx(1)


def test_q2n_of_constant_blocks():
    """Of two constant ones the means alone count; where one of 1,024 counts differs, nothing varies together."""
    gt = np.full((1, 32, 32), 100.0)
    assert q2n(gt, gt) == pytest.approx(1) and q2n(gt + 3, gt) == pytest.approx(2 * 1 * 4 / (1 + 4**2))
    fused = gt.copy()
    fused[0, 5, 7] += 1
    assert q2n(fused, gt) == pytest.approx(0, abs=1e-9)


def test_ssim_and_psnr_equal_torchmetrics(pair):
    functional = pytest.importorskip("torchmetrics.functional.image")
    import torch

    fused, gt = pair
    preds, target = (torch.from_numpy(image)[None] for image in (fused, gt))
    _, everywhere = functional.structural_similarity_index_measure(preds, target, return_full_image=True)
    assert ssim(fused, gt) == pytest.approx(float(everywhere[..., 5:-5, 5:-5].mean()), abs=1e-9)
    expected = functional.peak_signal_noise_ratio(preds, target, data_range=float(gt.max()))
    assert psnr(fused, gt) == pytest.approx(float(expected), abs=1e-4)


def test_refusals(pair):
    fused, gt = pair
    for call in (
        lambda: psnr(fused[:3], gt),
        lambda: sam(fused, gt, border=40),
        lambda: sam(fused, gt, border=-1),
        lambda: ssim(fused[:, :9], gt[:, :9]),
        lambda: ergas(fused, gt * 0, 4),
    ):
        with pytest.raises(DataError):
            call()


@needs_data
@pytest.mark.parametrize(("network", "decibels", "similarity"), [("PNN", 34.53, 0.8971), ("MSDCNN", 36.13, 0.9319)])
def test_published_network_outputs(network, decibels, similarity):
    stored = np.load(DATA / "gf2_pancollection15" / f"{network}_img_array_GF2.npz")
    gt, fused = (stored[name][0].transpose(2, 0, 1) for name in ("gt", "mssr"))
    assert round(psnr(fused, gt), 2) == decibels and round(ssim(fused, gt), 4) == similarity


@needs_data
def test_equal_the_toolbox():
    """SAM, ERGAS, SCC and Q2n of ten classical methods to every printed digit."""
    gt = np.load(DATA / "gf2_pancollection15" / "PNN_img_array_GF2.npz")["gt"][0].transpose(2, 0, 1)
    images = np.load(DATA / "reference" / "gf2_pancollection15_fused.npz")
    inside = (slice(None), slice(20, -21), slice(20, -21))  # the toolbox's cut
    with open(DATA / "reference" / "gf2_pancollection15.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    for row in rows:
        fused = images[row["algorithm"].replace("-", "_")].transpose(2, 0, 1)[inside]
        assert sam(fused, gt[inside]) == pytest.approx(float(row["SAM_deg"]), abs=2e-6)
        assert ergas(fused, gt[inside], 4) == pytest.approx(float(row["ERGAS"]), abs=2e-6)
        assert q2n(fused, gt[inside]) == pytest.approx(float(row["Q2n"]), abs=2e-6)
        assert scc(fused, gt[inside]) == pytest.approx(float(row["SCC"]), abs=2e-6)


@pytest.mark.parametrize(("shape", "border"), [((4, 70, 81), 0), ((3, 131, 40), 3), ((1, 97, 33), 0), ((2, 35, 50), 1)])
@pytest.mark.parametrize(("pixels", "columns"), [(40, 4096), (1500, 4096), (3000, 4096), (1500, 35), (40, 40)])
def test_windows_give_the_figures_of_the_whole(monkeypatch, shape, border, pixels, columns):
    """Whole counts as files have them: a window has what its filters and blocks see of the next."""
    random = np.random.default_rng(shape[1])
    gt = random.integers(0, 2048, shape).astype(np.uint16)
    fused = np.clip(gt + random.normal(0, 60, shape), 0, 65535).astype(np.uint16)
    gt[:, :5, :5] = 0
    whole = evaluate(fused, gt, 4, border)
    assert whole == evaluate(fused.astype(float), gt.astype(float), 4, border)
    monkeypatch.setattr(metrics, "PIXELS", pixels)
    monkeypatch.setattr(metrics, "COLUMNS", columns)
    assert evaluate(fused, gt, 4, border) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("columns", [4096, 60])
@pytest.mark.parametrize(
    ("height", "grid", "margin"), [(131, 32, 0), (64, 32, 32), (31, 32, 0), (200, 11, 5), (3, 1, 0)]
)
def test_windows_cover_every_pixel_once(monkeypatch, height, grid, margin, columns):
    monkeypatch.setattr(metrics, "PIXELS", 1300)
    monkeypatch.setattr(metrics, "COLUMNS", columns)
    seen = np.zeros((height, 130), np.int64)
    for parts, insides in metrics.windows(height, 130, grid, margin):
        kept = []
        for part, inside, side in zip(parts, insides, seen.shape, strict=True):
            own = range(side)[part]
            kept.append(own[inside])
            assert kept[-1][0] % grid == 0 and len(kept[-1]) >= min(grid, side)
            assert own[0] == max(kept[-1][0] - margin, 0) and own[-1] == min(kept[-1][-1] + margin, side - 1)
        seen[np.ix_(*kept)] += 1
    assert (seen == 1).all() and len(list(metrics.windows(height, 130, grid, margin))) >= height * 130 // 13000


def test_no_border_is_cut_unasked(pair):
    fused, gt = pair
    own = {"PSNR": psnr(fused, gt), "SSIM": ssim(fused, gt), "SAM": sam(fused, gt), "ERGAS": ergas(fused, gt, 4)}
    own |= {"SCC": scc(fused, gt), "Q2n": q2n(fused, gt)}
    assert own == evaluate(fused, gt, 4) == evaluate(fused, gt, 4, border=0) != evaluate(fused, gt, 4, border=1)
    assert evaluate(fused, gt, 4, names=("SAM", "SCC")) == {"SAM": own["SAM"], "SCC": own["SCC"]}


@pytest.mark.parametrize(("index", "least"), [(psnr, 1), (sam, 1), (q2n, 1), (scc, 4), (ssim, 11)])
@pytest.mark.parametrize("border", [0, 3])
def test_the_smallest_image(pair, index, least, border):
    for axis in (1, 2):
        fused, gt = (np.take(image, range(least + 2 * border), axis) for image in pair)
        assert math.isfinite(index(fused, gt, border=border))
        with pytest.raises(DataError, match=f"a border of {border} pixels leaves too little"):
            index(*(np.delete(image, 0, axis) for image in (fused, gt)), border=border)


def test_ergas_is_a_mean_over_bands_and_pixels():
    """Of a narrow image whose bands and rows differ."""
    random = np.random.default_rng(3)
    gt = random.uniform(50, 90, (3, 5, 7)) * np.array([1, 4, 9])[:, None, None]
    fused = gt + random.normal(0, 5, gt.shape)
    errors = [np.sqrt(((f - g) ** 2).mean()) / g.mean() for f, g in zip(fused, gt, strict=True)]
    assert ergas(fused, gt, 2) == pytest.approx(50 * np.sqrt(np.mean(np.square(errors))))
    gt[1] = 0
    with pytest.raises(DataError, match="a band of the truth is zero everywhere"):
        ergas(fused, gt, 2)
