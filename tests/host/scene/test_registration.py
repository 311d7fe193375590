"""Measured shifts: of synthetic displacements and of the real scenes."""

import numpy as np
import pytest
import rasterio

from bitpan.camera.sharpness import gradient
from bitpan.errors import RegistrationWarning, SceneError
from bitpan.host.scene.rasters import ArrayRaster
from bitpan.host.scene.registration import LEAST_SCORE, _blur, measure_shift, shift_of
from bitpan.host.scene.scene import Scene
from bitpan.rasters.grid import align
from scenes import DATA, needs_data


def make_scene(pan, ms, ratio=4, nodata=None):
    pan, ms = np.asarray(pan)[None], np.asarray(ms)
    rasters = ArrayRaster(pan, nodata), ArrayRaster(ms, nodata)
    return Scene(*rasters, align(rasters[0].size, rasters[1].size, (0.0, 0.0), ratio), nodata=nodata)


def displaced(shift, ratio=4, size=256, seed=0):
    """A PAN of random structure and an MS whose samples lie ``shift`` PAN pixels further down and right."""
    rng = np.random.default_rng(seed)
    fine = np.fft.fft2(rng.normal(size=(size, size)))
    frequency = np.fft.fftfreq(size)
    radius = np.hypot(*np.meshgrid(frequency, frequency, indexing="ij"))
    fine /= 0.01 + radius
    # Sample i's centre lies at ratio * i + (ratio - 1) / 2 + shift: move the image the other way, low-pass, decimate.
    offset = [(ratio - 1) / 2 + s for s in shift]
    phase = np.exp(2j * np.pi * (frequency[:, None] * offset[0] + frequency[None, :] * offset[1]))
    coarse = np.fft.ifft2(fine * phase * np.exp(-((radius * ratio) ** 2) * 5)).real[::ratio, ::ratio]
    pan = np.fft.ifft2(fine).real
    scale = 4000 / np.ptp(pan)
    return (pan * scale + 8000).astype(int), np.stack([coarse * scale + 8000, 9000 - coarse * scale]).astype(int)


@pytest.mark.parametrize("shift", [(0, 0), (0.25, -0.75), (-2.25, 2.5), (5, -6.5)])
def test_synthetic(shift):
    assert measure_shift(make_scene(*displaced(shift))).shift == pytest.approx(shift, abs=0.25)


@pytest.mark.parametrize("shift", [(0.25, -0.5), (1, -0.75)])
def test_a_quarter_pixel_is_told(shift):
    assert measure_shift(make_scene(*displaced(shift))).shift == shift


@pytest.mark.parametrize("shift", [(0.5, -0.5), (1.5, 1)])
@pytest.mark.parametrize("ratio", [2, 3])
def test_other_ratios(shift, ratio):
    pan, ms = displaced(shift, ratio, size=252)
    assert measure_shift(make_scene(pan, ms, ratio)).shift == pytest.approx(shift, abs=0.25)


def test_nodata_does_not_mislead():
    pan, ms = displaced((1, -1), size=1024)
    pan[:, :400] = 0
    assert measure_shift(make_scene(pan, ms, nodata=0)).shift == pytest.approx((1, -1), abs=0.25)


@pytest.mark.parametrize("ratio", [2, 4])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_blur_leaves_three_tenths_at_the_nyquist_frequency_of_the_ms(ratio, axis):
    wave = np.cos(np.pi * np.arange(64) / ratio)
    image = np.broadcast_to(np.expand_dims(wave, 1 - axis), (64, 64))
    inside = slice(2 * ratio, -2 * ratio)
    np.testing.assert_allclose(_blur(image, ratio), 0.3 * image[inside, inside], atol=2e-3)


@pytest.mark.parametrize("value", [0, 700])
def test_nothing_to_go_by(value):
    with pytest.raises(SceneError, match="no part of the scene is free of nodata and has structure; give --shift"):
        measure_shift(make_scene(np.full((128, 128), value), np.full((4, 32, 32), value), nodata=0))


@pytest.mark.parametrize("size", [(4, 4), (4, 128), (128, 4)])
def test_a_row_or_column_has_no_gradients(size):
    pan, ms = displaced((0, 0))
    pan, ms = pan[: size[0], : size[1]], ms[:, : size[0] // 4, : size[1] // 4]
    with pytest.raises(SceneError, match="no shift can be measured"):
        measure_shift(make_scene(pan, ms))


def test_what_is_asked_for_is_taken():
    scene = make_scene(*displaced((1, -1)))
    assert shift_of(scene, (0.0, 0.0)) == (0.0, 0.0) and shift_of(scene, (3.0, 0.5)) == (3.0, 0.5)
    assert shift_of(scene) == shift_of(scene, "auto") == measure_shift(scene).shift
    with pytest.raises(SceneError, match="'auto', not 'measure'"):
        shift_of(scene, "measure")


def test_what_the_files_say_is_not_measured_again():
    pan, ms = displaced((1.5, -1))
    rasters = ArrayRaster(pan[None]), ArrayRaster(ms)
    told = Scene(*rasters, align(rasters[0].size, rasters[1].size, (0.5, -1.0), 4), edge=(0.5, -1.0))
    assert shift_of(told) == pytest.approx((1, 0), abs=0.25)


@pytest.mark.filterwarnings("error")
def test_a_pair_of_two_places_has_no_shift():
    """Of two such pairs one agrees best at the edge of the search, the other somewhere by chance."""
    said = []
    for seed in (1, 3):
        scene = make_scene(displaced((0, 0))[0], displaced((2, 2), seed=seed)[1])
        with pytest.warns(RegistrationWarning, match="; the shift is taken to be 0,0") as caught:
            assert shift_of(scene) == (0.0, 0.0)
        said.append(str(caught[0].message))
        assert caught[0].filename == __file__
    assert any("is not sure: the MS's gradients explain" in text for text in said)


@pytest.mark.parametrize(("size", "nodata"), [(96, None), (256, None), (256, 0)])
def test_the_score_is_the_share_that_a_regression_explains(size, nodata):
    """Of gradients at the place of each MS sample: of one window, of sixteen, of what nodata leaves of them."""
    pan, ms = displaced((0.5, 1.5), size=size)
    ms[1] = np.roll(ms[1], 3, axis=0)
    scene = make_scene(pan, ms, nodata=nodata)
    found = measure_shift(scene)
    assert found.shift == (0.5, 1.5)
    x, y = gradient(ms[:, 2:-2, 2:-2].astype(float), 1), gradient(_blur(pan.astype(float), 4), 4)
    y = y[:, 2::4, 3::4][:, : x.shape[2], : x.shape[3]].ravel()
    x = x.reshape(2, -1).T
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    assert found.score == pytest.approx(1 - rest @ rest / (y @ y), abs=0.02)


@pytest.mark.parametrize(
    ("shift", "found"), [((7.25, -6.5), True), ((-6.5, 7.25), True), ((0, 8.5), False), ((-8.5, 0), False)]
)
def test_how_far_is_searched(shift, found):
    scene = make_scene(*displaced(shift))
    if found:
        assert measure_shift(scene).shift == pytest.approx(shift, abs=0.25)
        return
    with pytest.raises(SceneError, match="agree best 2 MS pixels apart or more"):
        measure_shift(scene)


def test_too_far_apart():
    pan, ms = displaced((0, 0))
    with pytest.raises(SceneError, match="MS pixels apart or more"):
        measure_shift(make_scene(pan, np.roll(ms, 4, axis=1)))


REAL = {
    "wv2_imgWV2/imgWV2.mat": (-0.25, 0.0),
    "ikonos_imgIK/imgIK.mat": (0.5, 0.25),
    "quickbird_decri/QB-{}.tif": (-2.25, 2.5),
    "spot6_vegetation/Vegetation_{}.tif": (0.0, 0.0),
    "gf2_pancollection15/PNN_img_array_GF2.npz": (0.25, 1.0),
}


@needs_data
@pytest.mark.parametrize("name", REAL)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_real_scenes(name):
    if name.endswith(".mat"):
        arrays = pytest.importorskip("scipy.io").loadmat(DATA / name)
        pan, ms = arrays["I_PAN"], arrays["I_MS"].transpose(2, 0, 1)
    elif name.endswith(".npz"):
        arrays = np.load(DATA / name)
        pan, ms = np.squeeze(arrays["pan"]).astype(int), np.squeeze(arrays["mslr"]).astype(int)
        ms = np.moveaxis(ms, int(np.argmin(ms.shape)), 0)
    else:
        parts = ("PAN", "MS") if name.startswith("quick") else ("Pan", "MS")
        images = [rasterio.open(DATA / name.format(part)).read() for part in parts]
        pan, ms = images[0][0], images[1]
    found = measure_shift(make_scene(pan, ms))
    assert found.shift == pytest.approx(REAL[name], abs=0.25) and found.score >= LEAST_SCORE + 0.15


def test_smaller_windows_where_there_is_no_large_one():
    pan, ms = displaced((1, -1))
    pan[:60, :60], ms[:, :15, :15] = 0, 0
    assert measure_shift(make_scene(pan, ms, nodata=0)).shift == pytest.approx((1, -1), abs=0.25)
