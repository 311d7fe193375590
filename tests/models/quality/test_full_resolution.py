"""Quality without a truth: closed forms, perfect cases and refusals; test_toolbox.py has the published figures."""

import math

import numpy as np
import pytest

from bitpan.errors import DataError
from bitpan.models.imagery.degrade import filtered
from bitpan.models.quality import full_resolution, metrics
from bitpan.models.quality.classical import METHODS
from bitpan.models.quality.full_resolution import d_lambda, d_lambda_k, d_s, evaluate, indices, likeness
from bitpan.models.quality.metrics import q2n


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    shared = rng.uniform(100, 900, (1, 64, 96))
    lms = shared + rng.normal(0, 80, (4, 64, 96))
    return {
        "fused": lms + rng.normal(0, 60, lms.shape),
        "lms": lms,
        "pan": shared,
        "pan_low": shared[0] + rng.normal(0, 30, (64, 96)),
    }


def universal(x, y):
    """Wang and Bovik's index of two blocks, from its three factors."""
    c = np.cov(x.ravel(), y.ravel())
    correlation = c[0, 1] / math.sqrt(c[0, 0] * c[1, 1])
    luminance = 2 * x.mean() * y.mean() / (x.mean() ** 2 + y.mean() ** 2)
    return correlation * luminance * 2 * math.sqrt(c[0, 0] * c[1, 1]) / (c[0, 0] + c[1, 1])


def over_blocks(x, y, block=32):
    corners = [(i, j) for i in range(0, x.shape[0], block) for j in range(0, x.shape[1], block)]
    return np.mean([universal(*(z[i : i + block, j : j + block] for z in (x, y))) for i, j in corners])


def test_definitions(images):
    fused, lms, pan, low = images.values()
    pairs = [(i, j) for i in range(4) for j in range(i)]
    change = [abs(over_blocks(fused[i], fused[j]) - over_blocks(lms[i], lms[j])) for i, j in pairs]
    assert d_lambda(fused, lms) == pytest.approx(np.mean(change))
    change = [abs(over_blocks(f, pan[0]) - over_blocks(m, low)) for f, m in zip(fused, lms, strict=True)]
    assert d_s(fused, lms, pan, low) == pytest.approx(np.mean(change))
    assert d_lambda_k(fused, lms, 4, "qb") == 1 - q2n(filtered(fused, 4, (0.34, 0.32, 0.30, 0.22)), lms)


def test_products(images):
    found = indices(**images, ratio=4)
    assert found["QNR"] == pytest.approx((1 - found["D_lambda"]) * (1 - found["D_s"]))
    assert found["HQNR"] == pytest.approx((1 - found["D_lambda_K"]) * (1 - found["D_s"]))
    assert all(0 < value < 1 for value in found.values())


def test_perfect_by_definition(images):
    """Nothing changed between the bands, nothing against the PAN; gains alone do change D_lambda."""
    lms, pan, low = images["lms"], images["pan"], images["pan_low"]
    assert d_lambda(lms, lms) == 0 and d_s(lms, lms, low[None], low) == 0
    assert d_lambda(lms * np.array([1, 2, 1, 1])[:, None, None], lms) > 0.1
    assert d_lambda_k(np.full((4, 64, 64), 500.0), np.full((4, 64, 64), 500.0), 4) == pytest.approx(0)
    assert math.isnan(d_lambda(lms[:1], lms[:1])) and d_s(lms[:1], lms[:1], pan, low) > 0


def test_flat_blocks_compare_means():
    """Dark against dark is 1, one mean against its double 0.8, flat against rough 0."""
    flat = np.stack([np.zeros((32, 32)), np.zeros((32, 32)), np.full((32, 32), 5.0), np.full((32, 32), 10.0)])
    alike = likeness(flat, 32)
    assert alike[0, 1] == 1 and alike[0, 2] == 0 and alike[2, 3] == pytest.approx(0.8)
    rough = np.random.default_rng(0).uniform(0, 10, (32, 32))
    assert likeness(np.stack([flat[2], rough]), 32)[0, 1] == 0


def test_parts_of_blocks_are_left_out(images):
    whole = d_lambda(images["fused"], images["lms"])
    wider = [np.pad(images[name], ((0, 0), (0, 31), (0, 9))) for name in ("fused", "lms")]
    assert d_lambda(*wider) == pytest.approx(whole)


def test_exp_with_our_kernels():
    """The upsampled MS itself has no spectral distortion of QNR's; another sensor's MTF changes D_lambda_K alone."""
    rng = np.random.default_rng(1)
    pan, ms = rng.integers(100, 900, (1, 128, 128)), rng.integers(100, 900, (4, 32, 32))
    fused = METHODS["EXP"](pan, ms, 4, 11)
    ours, quickbird = evaluate(fused, pan, ms, 4), evaluate(fused, pan, ms, 4, "qb")
    assert ours["D_lambda"] == 0 and ours["D_s"] > 0
    assert ours["D_s"] == quickbird["D_s"] and ours["D_lambda_K"] != quickbird["D_lambda_K"]


@pytest.mark.parametrize(
    ("fused", "pan", "ms"),
    [
        ((4, 64, 64), (1, 64, 60), (4, 16, 16)),
        ((4, 64, 64), (1, 64, 64), (3, 16, 16)),
        ((4, 64, 64), (1, 64, 64), (4, 32, 32)),
        ((4, 64, 64), (2, 64, 64), (4, 16, 16)),
        ((4, 28, 64), (1, 28, 64), (4, 7, 16)),
    ],
)
def test_refusals(fused, pan, ms):
    with pytest.raises(DataError):
        evaluate(np.ones(fused), np.ones(pan), np.ones(ms), 4)


@pytest.mark.parametrize(("ratio", "shift"), [(4, (0.0, 0.0)), (4, (-7.25, 3.0)), (2, (0.5, -1.0))])
def test_windows_give_the_figures_of_the_whole(monkeypatch, ratio, shift):
    """With as much margin as all filters see: less, and the figures move."""
    random = np.random.default_rng(ratio)
    fused, pan = (random.integers(0, 2048, (bands, 452, 356)).astype(np.uint16) for bands in (4, 1))
    ms = random.integers(0, 2048, (4, 452 // ratio, 356 // ratio)).astype(np.uint16)
    whole = evaluate(fused, pan, ms, ratio, "qb", shift)
    for pixels, columns, count in ((356 * 100, 4096, 5), (150 * 150, 150, 9)):
        monkeypatch.setattr(metrics, "PIXELS", pixels)
        monkeypatch.setattr(metrics, "COLUMNS", columns)
        assert len(list(metrics.windows(452, 356, 32))) == count
        assert evaluate(fused, pan, ms, ratio, "qb", shift) == pytest.approx(whole, rel=1e-12)
    monkeypatch.setattr(
        full_resolution, "windows", lambda height, width, grid, margin: metrics.windows(height, width, grid)
    )
    assert evaluate(fused, pan, ms, ratio, "qb", shift) != pytest.approx(whole, rel=1e-12)
