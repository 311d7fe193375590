"""PAN as bright as the MS: the line, its integers, and what has no line."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitpan import radiometry
from bitpan.errors import FormatError
from bitpan.radiometry import (
    BRIGHTEST,
    DARKEST,
    FRACTION,
    Level,
    PanMatch,
    _line,
    _shares,
    balance_of,
    block_means,
    histograms,
    level_of,
    levelled,
    looked_up,
    match_pan,
)


def pair(gain, offset, noise=0.0, side=128, seed=0):
    """A PAN that follows its MS with this gain and offset."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(100, 900, (side // 16, side // 16)).repeat(16, 0).repeat(16, 1)
    detail = rng.normal(0, 30, (side, side))
    sharp = coarse + detail
    ms = sharp.reshape(side // 4, 4, side // 4, 4).mean((1, 3))
    pan = gain * sharp + offset + rng.normal(0, noise, sharp.shape)
    return np.rint(pan)[None].astype(int), np.rint(np.stack([ms + 50, ms - 50])).astype(int)


@given(st.floats(0.2, 8), st.floats(-100, 100))
def test_the_match_undoes_gain_and_offset(gain, offset):
    pan, ms = pair(gain, offset + 300)
    own = match_pan(block_means(pan, ms, np.ones(pan.shape[1:], bool)), 11)
    assert own.gain == pytest.approx(2**FRACTION / gain, rel=0.02)
    assert own.fit > 0.99
    matched = own.apply(pan)
    assert matched.mean() == pytest.approx(ms.mean(), abs=1)
    assert np.abs(levelled(matched, ms, 11, 0)[0] - matched).max() <= 1, "matched once is matched"


@pytest.mark.parametrize(("noise", "line"), [(400, True), (900, False)])
def test_a_line_is_taken_where_it_explains_half_of_the_variance(noise, line):
    rng = np.random.default_rng(0)
    x = rng.uniform(100, 900, 400)
    y = 2 * x + rng.uniform(-noise, noise, 400) + 1000
    own, share = match_pan(np.stack([x, y], axis=-1), 11), np.corrcoef(x, y)[0, 1] ** 2
    assert own.fit == pytest.approx(share) and (share >= 0.5) == line
    ratio = 2**FRACTION * x.mean() / y.mean() * share / 0.5
    assert own.gain == pytest.approx(2**FRACTION / np.polyfit(x, y, 1)[0] if line else ratio)
    assert (y.mean() * own.gain + own.offset) / 2**FRACTION == pytest.approx(x.mean())


def test_a_cloud_in_one_image_moves_nothing():
    pan, ms = pair(1.5, 20)
    clear = levelled(pan, ms, 11, 0)[0]
    pan[0, :32, :48] = 2047
    np.testing.assert_allclose(levelled(pan, ms, 11, 0)[0][0, 32:], clear[0, 32:], atol=2)


def test_pixels_without_data_count_for_nothing():
    pan, ms = pair(1.5, 20)
    valid = np.ones(pan.shape[1:], bool)
    valid[:40] = False
    spoiled = pan.copy()
    spoiled[0, :40] = 0
    assert match_pan(block_means(spoiled, ms, valid), 11) == match_pan(block_means(pan, ms, valid), 11)
    assert match_pan(block_means(pan, ms, ~np.ones_like(valid)), 11) == PanMatch(11)


def test_of_few_blocks_the_means_decide():
    pan, ms = pair(2.0, 0, side=32)
    means = block_means(pan, ms, np.ones(pan.shape[1:], bool))
    own = match_pan(means, 11)
    assert own.offset == 0
    assert own.gain == pytest.approx(2**FRACTION / 2, rel=0.01)
    stretched = match_pan(means * [1.5, 1.5, 1] - [200, 200, 0], 11, -200.0)
    assert (stretched.gain, stretched.offset) == pytest.approx((own.gain * 1.5, -200 * 2**FRACTION), rel=1e-5)


def test_of_a_pan_of_something_else_nothing_but_its_mean_is_taken():
    pan, ms = pair(2.0, 300)
    for other in (pan[:, ::-1, ::-1], pan.max() - pan):
        matched = levelled(other, ms, 11, 0)[0]
        assert matched.std() < 0.1 * levelled(pan, ms, 11, 0)[0].std()
        assert matched.mean() == pytest.approx(ms.mean(), rel=0.01)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_the_less_the_ms_explains_the_less_of_pan_is_taken(seed, share):
    rng = np.random.default_rng(seed)
    x, other = rng.uniform(100, 900, (2, 64))
    y = np.sqrt(share) * x + np.sqrt(1 - share) * other + 100
    own, explained = match_pan(np.stack([x, y], axis=-1), 11), max(np.corrcoef(x, y)[0, 1], 0) ** 2
    ratio = 2**FRACTION * x.mean() / y.mean()
    if own.fit < 0.5:
        assert own.gain == pytest.approx(ratio * min(max(explained, own.fit) / 0.5, 1), abs=1)
    assert (y.mean() * own.gain + own.offset) / 2**FRACTION == pytest.approx(x.mean(), rel=0.2)


def test_lights_on_the_sea_are_seen():
    """They lie far off the line of the sea, which explains nothing of it, in both images."""
    rng = np.random.default_rng(0)
    x, y = 200 + rng.normal(0, 3, 400), 500 + rng.normal(0, 5, 400)
    x[:9], y[:9] = 900, 2250
    own = match_pan(np.stack([x, y], axis=-1), 11)
    assert own.fit < 0.1 and own.gain == round(2**FRACTION * x.mean() / y.mean()) and own.offset == 0


def test_flat_and_black_scenes():
    flat = np.full((1, 128, 128), 800), np.full((4, 32, 32), 400)
    assert (levelled(*flat, 11, 0)[0] == 400).all()
    black = np.zeros((1, 128, 128), int), np.zeros((4, 32, 32), int)
    assert (levelled(*black, 11, 0)[0] == 0).all()


@pytest.mark.parametrize(("name", "least", "most"), [("gain", 0, 1 << 28), ("offset", -(1 << 51), 1 << 51)])
def test_only_what_a_match_may_give_is_taken(name, least, most):
    """Slopes of 1/256 and more, or nothing of PAN; what these make of the farthest means."""
    for value in (least, most):
        assert getattr(PanMatch(11, **{name: value}), name) == value
    for value in (least - 1, most + 1, float(most)):
        with pytest.raises(FormatError, match=f"PAN's {name} is {value!r}, no integer of {least} to {most}"):
            PanMatch(11, **{name: value})


def test_integers_of_the_contract():
    own = PanMatch(11, gain=3 << FRACTION - 2, offset=-(5 << FRACTION - 1))
    pan = np.array([0, 1, 2, 3, 4, 5, 10, 65535])
    expected = np.clip(np.floor((3 * pan - 10) / 4 + 0.5), 0, 2047)
    np.testing.assert_array_equal(own.apply(pan), expected)


@pytest.mark.parametrize(("top", "offset"), [(255, 326), (2047, 350), (4095, 326), (65535, 300)])
@pytest.mark.parametrize("flatter", [1, 2], ids=["as the training", "flatter"])
def test_the_mean_comes_to_the_offset_and_back(top, offset, flatter):
    random = np.random.default_rng(0)
    counts, taught = (random.integers(top // 12, top // 6, (4, 64, 64)) for _ in range(2))
    balance = [flatter * own for own in balance_of([taught], offset)]
    level = level_of(histograms(counts), 11, offset, balance)
    seen = level.apply(counts)
    assert seen.mean() == pytest.approx(offset, rel=0.01, abs=0.6)
    assert np.abs(looked_up(level.inverse, seen) - counts).max() <= max(1, 0.5 * 2**FRACTION / min(level.gains) + 1)
    again = level_of(histograms(seen), 11, offset, balance_of([seen], offset))
    np.testing.assert_allclose([*again.gains, again.offset + 2**FRACTION], 2**FRACTION, rtol=0.01)


@pytest.mark.parametrize("stretch", [0.5, 1.2, 1.6, 9])
def test_what_is_flatter_than_the_training_is_stretched_about_its_mean(stretch):
    """By the root of what its spread lacks, at most twice; what has more contrast stays."""
    counts = np.random.default_rng(0).integers(400, 600, (3, 64, 64)) * [[[4]], [[5]], [[6]]]
    balance = [stretch * own for own in balance_of([counts], 326)]
    plain, own = (level_of(histograms(counts), 11, 326, each) for each in (balance_of([counts], 326), balance))
    found = np.array(own.gains) / plain.gains
    np.testing.assert_allclose(found, min(max(stretch, 1), 2), rtol=1e-3)
    assert own.black == pytest.approx(326 * (1 - found[0]), abs=0.01) and abs(plain.black) < 0.01
    ratio = own.apply(counts).std() / plain.apply(counts).std()
    assert ratio == pytest.approx(found[0], rel=0.01)


def test_a_stretch_leaves_neither_end_of_the_range():
    counts = np.random.default_rng(0).integers(450, 550, (1, 1000, 1000))
    balance = [2 * own for own in balance_of([counts], 326)]
    assert level_of(histograms(counts), 11, 326, balance).gains[0] > 1.9 * 2**FRACTION * 326 / 500
    for extreme, end in ((200, 0), (2300, 2047)):
        counts[0, :3] = extreme
        level = level_of(histograms(counts), 11, 326, [2 * own for own in balance_of([counts], 326)])
        assert level.offset < 0 and abs(int(level.apply([[extreme]])[0, 0]) - end) <= 1
    counts[0, :3] = 500
    counts[0, 0, : int(counts.size * DARKEST) - 9] = 0
    level = level_of(histograms(counts), 11, 326, balance)
    assert level.black < -200, "a few dark pixels keep nothing from being stretched"


@pytest.mark.parametrize("balance", [(1.0, 1.0, 1.0), (0.5, 1.0, 2.0)])
def test_bands_come_to_their_balance_and_all_to_the_offset(balance):
    """Whatever gains their sensor has given them, up to sixteen times each other."""
    scene = np.random.default_rng(0).integers(1000, 3000, (3, 64, 64)) // [[[9]], [[3]], [[1]]]
    gains = []
    for factors in ((1, 1, 1), (4, 1, 2)):
        counts = scene * np.array(factors)[:, None, None]
        level = level_of(histograms(counts), 11, 326, np.array(balance) / 9)
        seen = level.apply(counts)
        own = np.sqrt(seen.mean((1, 2)) * seen.std((1, 2)))
        np.testing.assert_allclose(own / own[1], np.array(balance) / balance[1], rtol=0.02)
        assert seen.mean() == pytest.approx(326, rel=0.01)
        gains.append(np.array(level.gains) * factors)
    np.testing.assert_allclose(gains[0], gains[1], rtol=1e-3)


def test_bands_go_no_farther_apart_than_what_real_ones_need():
    """A band that is nearly flat, or dark, would become noise; one that is flat keeps to the others."""
    counts = np.random.default_rng(0).integers(0, 1000, (3, 64, 64))
    counts[1] //= 200
    counts[2] = 500
    gains = np.array(level_of(histograms(counts), 11, 326, (1.0, 1.0, 1.0)).gains)
    assert gains[1] / gains[0] == pytest.approx(16, rel=1e-3) and gains[0] <= gains[2] <= gains[1]


def test_the_balance_of_images_is_their_geometric_mean():
    images = [np.random.default_rng(i).integers(0, 900, (2, 50, 50)) * [[[1]], [[i]]] for i in (1, 4)]
    each = [np.sqrt(image.mean((1, 2)) * image.std((1, 2))) for image in images]
    brought = [own * 326 / image.mean() for own, image in zip(each, images, strict=True)]
    np.testing.assert_allclose(balance_of(images, 326), np.sqrt(np.prod(brought, axis=0)))
    np.testing.assert_allclose(balance_of([5 * images[0], images[1]], 652), 2 * np.array(balance_of(images, 326)))
    flat = np.full((2, 50, 50), 7)
    assert balance_of([*images, flat], 9) == balance_of(images, 9) and balance_of([flat], 9) == balance_of([], 9) == ()


def test_the_brightest_stay_in_the_range():
    """But for a share that no mean should suffer from, such as saturated pixels."""
    dark = np.full((2, 1_000_000), 20)
    dark[:, :100] = 3000
    level = level_of(histograms(dark), 11, 326, (1.0, 1.0))
    assert level.gains == (round(2047 / 3000 * 2**FRACTION),) * 2 and level.apply([[3000], [0]])[0] == 2047
    dark[:, :100] = 20
    dark[:, : int(dark.shape[1] * BRIGHTEST) // 2] = 65535
    found = level_of(histograms(dark), 11, 326, (1.0, 1.0))
    assert found.gains[0] == pytest.approx(326 / dark.mean() * 2**FRACTION, abs=1)


def test_histograms_have_every_count_of_16_bits():
    found = histograms(np.array([[3, 3], [0, 65535]]))
    assert found.shape == (2, 65536) and found[0, 3] == 2 and (found[1, 0], found[1, 65535], found.sum()) == (1, 1, 4)
    assert not histograms(np.zeros((2, 0), int)).any()


def test_counts_as_they_are_and_those_without_light():
    """Of a network without a balance, as far as its range goes."""
    counts, unchanged = np.arange(5000)[None], Level.unchanged(11, 1)
    assert level_of(histograms(counts), 11, 326).apply([[4999]]) == 2047
    assert level_of(histograms(counts[:, :2000]), 11, 326) == unchanged
    for balance in ((), (1.0,)):
        assert level_of(histograms(np.zeros((1, 9), int)), 11, 326, balance) == unchanged
        assert level_of(histograms(counts[:, :0]), 11, 326, balance) == unchanged


def test_integers_of_a_level():
    own = Level(11, (3 << FRACTION - 2, 1 << FRACTION))
    counts = np.array([0, 1, 2, 3, 4, 5, 10, 65535])
    expected = np.clip([np.floor(3 * counts / 4 + 0.5), counts], 0, 2047)
    np.testing.assert_array_equal(own.apply([counts, counts]), expected)
    np.testing.assert_array_equal(own.table[:, counts], expected)
    np.testing.assert_array_equal(own.inverse, [np.floor(np.arange(2048) * 4 / 3 + 0.5), np.arange(2048)])
    stretched = Level(11, (3 << FRACTION - 2, 1 << FRACTION), -(5 << FRACTION - 1))
    expected = np.clip([np.floor((3 * counts - 10) / 4 + 0.5), np.floor(counts - 2.5 + 0.5)], 0, 2047)
    np.testing.assert_array_equal(stretched.apply([counts, counts]), expected)
    np.testing.assert_array_equal(stretched.table[:, counts], expected)
    back = [np.floor((np.arange(2048) + 2.5) * 4 / 3 + 0.5), np.floor(np.arange(2048) + 3)]
    np.testing.assert_array_equal(stretched.inverse, back)
    for gain in ((1 << 12) - 1, (1 << 28) + 1, 1.0):
        with pytest.raises(FormatError, match=f"the MS's gain is {gain!r}, no integer of 4096 to 268435456"):
            Level(11, (1 << 20, gain))
    for offset in (1, -(1 << 36) - 1, 0.0):
        with pytest.raises(FormatError, match=f"the MS's offset is {offset!r}, no integer of -68719476736 to 0"):
            Level(11, (1 << 20,), offset)


@pytest.mark.parametrize("gain", [1 << 12, 37449, (1 << FRACTION) // 7, (1 << FRACTION) - 1, 1 << FRACTION, 3 << 19])
def test_counts_come_back_as_they_were_to_half_a_step(gain):
    own, counts = Level(11, (gain,)), np.arange(1 << 16)[None]
    seen, step = own.apply(counts), (1 << FRACTION) / gain
    lost = abs(counts - own.restored(seen))[seen < 2047]
    assert lost.max() <= (step + 1) / 2 if gain < 1 << FRACTION else not lost.any()


def test_restored_counts_have_16_bits():
    own, counts = Level(11, (1 << 13, 1 << 16)), np.array([[0, 1, 2047]] * 2)
    np.testing.assert_array_equal(own.restored(counts), [[0, 128, 65535], [0, 16, 16 * 2047]])


def test_a_pair_levelled_is_the_same_pair_at_any_gain():
    pan, ms = pair(1.5, 40)
    one, two = (levelled(factor * pan, factor * ms, 11, 326, (300.0, 310.0)) for factor in (1, 8))
    np.testing.assert_allclose(two[2].gains, np.array(one[2].gains) / 8, rtol=1e-3)
    assert one[2].black == pytest.approx(two[2].black, abs=1) and one[2].black < -20
    for here, there in zip(one[:2], two[:2], strict=True):
        assert np.abs(here - there).max() <= 1


def test_32_bit_processors_give_the_same_integers(monkeypatch):
    """NumPy as it is there: integers of 32 bits where none are named, and nothing longer as an index."""
    ms = np.random.default_rng(0).integers(0, 1 << 16, (4, 9, 9))
    expected = Level(11, (3 << 18,)).inverse, histograms(ms)
    arange, bincount, intp = np.arange, np.bincount, np.int32

    def short_arange(*arguments, dtype=np.int32):
        return arange(*arguments, dtype=dtype)

    def short_bincount(indices, **options):
        assert indices.dtype == intp, "cannot be cast safely"
        return bincount(indices, **options).astype(intp)

    for name, value in (("arange", short_arange), ("bincount", short_bincount), ("intp", intp)):
        monkeypatch.setattr(np, name, value)
    for found, own in zip((Level(11, (3 << 18,)).inverse, histograms(ms)), expected, strict=True):
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, own)


def test_the_defaults_change_nothing():
    assert PanMatch(11) == PanMatch(11, 1 << FRACTION, 0, 1.0)
    np.testing.assert_array_equal(PanMatch(16).table, np.arange(65536))


def test_means_of_whole_blocks():
    """Of 16 PAN and 4 MS pixels a side, or 8 at ratio 2; what is left beside them counts for nothing."""
    for ratio in (2, 4):
        coarse = np.random.default_rng(0).integers(0, 999, (3, 10, 17))
        fine = np.random.default_rng(1).integers(0, 999, (1, 10 * ratio, 17 * ratio))
        valid = np.ones(fine.shape[1:], bool)
        valid[4 * ratio, 12 * ratio - 1] = False
        expected = [
            [*coarse[:, row : row + 4, column : column + 4].mean(axis=(1, 2)),
             fine[0, ratio * row : ratio * (row + 4), ratio * column : ratio * (column + 4)].mean()]
            for row in (0, 4) for column in (0, 4, 8, 12) if (row, column) != (4, 8)
        ]  # fmt: skip
        np.testing.assert_allclose(block_means(fine, coarse, valid), expected)


def vegetation(count=200, seed=0):
    """Blocks of blue, green and red that go together, and of a near infrared that goes its own way."""
    rng = np.random.default_rng(seed)
    visible = rng.uniform(100, 300, (count, 1)) * np.array([1, 1.2, 1.4]) + rng.normal(0, 3, (count, 3))
    return np.column_stack([visible, rng.uniform(300, 1800, count)])


@pytest.mark.parametrize("shares", [(0.2, 0.4, 0.4, 0), (0, 0.5, 0.5, 0.1)])
def test_bands_count_by_what_pan_sees_of_them_where_their_mean_says_little(shares):
    bands = vegetation()
    pan = 1.5 * bands @ np.array(shares) + 40
    own = match_pan(np.column_stack([bands, pan]), 11)
    seen = bands @ np.array(shares) / sum(shares)
    matched = (pan * own.gain + own.offset) / 2**FRACTION
    assert own.fit > 0.98 and np.corrcoef(bands.mean(axis=1), pan)[0, 1] ** 2 < 0.8
    assert np.abs(matched - seen).max() < 0.12 * np.ptp(seen)


def test_a_line_that_is_steeper_than_by_what_pan_sees_stays():
    """It makes less of PAN's detail; as of a Landsat scene, whose PAN sees no near infrared."""
    rng = np.random.default_rng(0)
    visible = rng.normal(500, 80, 400)
    bands = np.column_stack([visible, visible, visible, 1500 - 1.5 * visible + rng.normal(0, 100, 400)])
    slope, _, fit = _line(bands.mean(axis=1), visible)
    own = match_pan(np.column_stack([bands, visible]), 11)
    assert slope > 1.3 and fit < 0.8 and own.gain == round(2**FRACTION / slope) and own.fit == fit


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 8), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_shares_are_none_below_0_and_1_in_all(count, blocks, seed):
    rng = np.random.default_rng(seed)
    found = _shares(rng.integers(0, 2047, (blocks, count)).astype(float), rng.integers(0, 2047, blocks).astype(float))
    assert (found >= 0).all() and found.sum() == pytest.approx(1)


def test_like_bands_have_like_shares():
    bands = np.repeat(np.random.default_rng(0).uniform(0, 999, (50, 1)), 4, axis=1)
    np.testing.assert_allclose(_shares(bands, bands[:, 0] * 2), 0.25)


def test_where_the_mean_explains_pan_each_band_counts_as_much(monkeypatch):
    bands = np.random.default_rng(0).uniform(100, 900, (100, 1)) * np.array([1, 1.1, 1.2, 1.4])
    means = np.column_stack([bands, bands @ np.array([0.1, 0.2, 0.3, 0.4])])
    monkeypatch.setattr(radiometry, "_shares", None)
    assert match_pan(means, 11).fit == pytest.approx(1)


def line(count, slope, offset):
    """Blocks on a line, of one of two counts each."""
    x = np.arange(count) % 2 + 1.0
    return np.stack([x, slope * x + offset], axis=-1)


@pytest.mark.parametrize(("count", "is_line"), [(15, False), (16, True)])
def test_how_many_blocks_make_a_line(count, is_line):
    own = match_pan(line(count, 2, 100), 11)
    assert (own.offset, own.gain) == (-50 << FRACTION, 1 << FRACTION - 1) if is_line else own.offset == 0
    assert own.fit == pytest.approx(1)


@pytest.mark.parametrize(
    ("slope", "is_line"),
    [(256, False), (255.5, True), (2.0**-8, False), (2.0**-7, True), (2.0**-9, False)],
)
def test_how_steep_a_line_may_be(slope, is_line):
    assert (match_pan(line(16, slope, 100), 11).offset != 0) == is_line


def test_ratios_of_means_beyond_the_steepest_are_the_steepest():
    for x, y, gain in ((1.0, 1000.0, 1 << 12), (1000.0, 1.0, 1 << 28), (1.0, 4.0, 1 << 18)):
        assert match_pan(np.array([[x, y]] * 15), 11) == PanMatch(11, gain, 0, 0.0)


@pytest.mark.parametrize("black", [0, 1])
def test_where_one_is_black_pan_stays(black):
    means = line(20, 2, 100)
    means[:, black] = 0
    assert match_pan(means, 11) == PanMatch(11)


@pytest.mark.parametrize("far", [60000.0, 0.0])
@pytest.mark.parametrize("slope", [2.0, 0.25])
def test_a_fifth_of_the_blocks_moves_no_line(far, slope):
    """Whatever x they lie at."""
    rng = np.random.default_rng(0)
    x = rng.integers(100, 900, 400).astype(float)
    y = slope * x + 2000
    for places in (np.argsort(x)[:80], np.argsort(x)[-80:], np.arange(80)):
        spoiled = y.copy()
        spoiled[places] = far
        own = match_pan(np.stack([x, spoiled], axis=-1), 11)
        assert (own.gain, own.offset) == (round(2**FRACTION / slope), pytest.approx(-2000 * 2**FRACTION / slope))
        assert own.fit == pytest.approx(1)


def test_blocks_of_one_count_make_no_line():
    """Nor does what lies beside them further than they spread."""
    x = np.full(100, 500.0)
    y = 1100.0 + 10 * (-1) ** np.arange(100)
    x[:10], x[10:20] = 530, 470
    y[:20] = 2 * x[:20] + 100
    own = match_pan(np.stack([x, y], axis=-1), 11)
    assert (own.offset, own.fit) == (0, 0)


def test_a_black_scene_with_a_few_lights():
    counts = np.zeros((1, 1_000_000), int)
    counts[0, :5] = 100
    assert level_of(histograms(counts), 11, 326, (1.0,)).gains == (1 << 28,)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", "uint64"])
def test_indices_of_any_type_are_looked_up(dtype):
    """Those wider than the processor's addresses too, as 64 bits are where these have 32."""
    tables, indices = np.arange(6).reshape(2, 3) * 10, np.array([[2, 0], [1, 1]], dtype)
    np.testing.assert_array_equal(looked_up(tables, indices), [[20, 0], [40, 40]])
