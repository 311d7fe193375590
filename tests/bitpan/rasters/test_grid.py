"""Grid arithmetic: which PAN pixels, which MS samples, which shift."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitpan.errors import SceneError
from bitpan.rasters import relative_transform
from bitpan.rasters.grid import align, measured_ratio


def transform(pixel, east, north):
    return (pixel, 0.0, east, 0.0, -pixel, north)


def test_same_corner():
    grid = align((90, 70), (23, 18), (0.0, 0.0), 4)
    assert (grid.height, grid.width, grid.pan_origin, grid.ms_origin) == (90, 70, (0, 0), (0, 0))
    assert grid.shift == (0.0, 0.0)


@pytest.mark.parametrize("shift", [(92.0, 0.0), (0.0, -72.0), (2.0**31, 0.0), (0.0, float("nan"))])
def test_a_shift_out_of_the_scene_is_refused(shift):
    align((90, 70), (23, 18), (0.0, 0.0), 4, (91.75, -71.75))
    with pytest.raises(SceneError, match=r"takes the MS, 92 x 72 PAN pixels large, out of the scene"):
        align((90, 70), (23, 18), (0.0, 0.0), 4, shift)


def test_pamplona():
    """Landsat-8, ratio 2: the MS begins 6.69 m west and 4.96 m south of the PAN, of 15 m pixels."""
    pan = transform(15.0, 605264.54, 4745828.11)
    ms = transform(30.0, 605257.85, 4745823.15)
    relative = relative_transform(pan, ms)
    assert measured_ratio(relative, (310, 400), 2) == 2
    assert measured_ratio(relative, (310, 400), 4) == 2
    edge = -relative[5] * 2, -relative[2] * 2
    assert edge == pytest.approx((4.96 / 15, -6.69 / 15), abs=1e-6)
    grid = align((620, 799), (310, 400), edge, 2)
    assert (grid.height, grid.width, grid.pan_origin, grid.ms_origin) == (620, 799, (0, 0), (0, 0))
    assert grid.shift == pytest.approx((4.96 / 15, -6.69 / 15), abs=1e-3)


def test_grids_may_drift_apart_by_half_a_pixel():
    """4.0625 PAN pixels to an MS pixel: half a pixel over eight, more over nine."""
    drifting = (16 / 65, 0.0, 0.0, 0.0, 0.25, 0.0)
    assert 1 / drifting[0] == 4.0625
    assert measured_ratio(drifting, (8, 8), 4) == 4
    with pytest.raises(SceneError, match=r"4 PAN pixels high but 4\.0625 wide"):
        measured_ratio(drifting, (9, 9), 4)


def test_ms_reaches_further_on_every_side():
    grid = align((20, 20), (30, 30), (-41.0, -39.0), 4)
    assert grid.pan_origin == (0, 0)
    assert (grid.height, grid.width) == (20, 20)
    assert (grid.ms_origin, grid.shift) == ((10, 10), (-1.0, 1.0))


def test_partial_overlap_yields_the_covered_pan():
    """Half an MS pixel beyond the samples' footprint still counts."""
    grid = align((100, 100), (10, 10), (70.0, -20.0), 4)
    assert (grid.pan_origin, grid.height, grid.width) == ((68, 0), 32, 22)
    assert (grid.ms_origin, grid.shift) == ((0, 5), (2.0, 0.0))


def test_misregistration_moves_samples_and_not_the_scene():
    """QuickBird's shift: a whole MS pixel is taken up by reading the MS one sample elsewhere."""
    still, moved = (align((1000, 1000), (250, 250), (0.0, 0.0), 4, shift) for shift in ((0, 0), (-2.25, 2.5)))
    assert (moved.height, moved.width, moved.pan_origin) == (still.height, still.width, still.pan_origin)
    assert (moved.ms_origin, moved.shift) == ((1, -1), (1.75, -1.5))


@given(
    st.integers(1, 6),
    st.integers(1, 300),
    st.integers(1, 80),
    st.floats(-400, 400),
    st.floats(-20, 20),
)
def test_every_alignment_is_consistent(ratio, pan, ms, edge, shift):
    try:
        grid = align((pan, pan), (ms, ms), (edge, edge), ratio, (shift, 0.0))
    except SceneError:
        assert min(pan, edge + ratio * ms) - max(0, edge) < 0.5 or abs(shift) >= ratio * ms
        return
    assert abs(grid.shift[0]) <= ratio / 2
    # The sample's position in the PAN: where the files and the misregistration put it.
    sample = grid.pan_origin[0] + grid.shift[0] - ratio * grid.ms_origin[0]
    assert sample == pytest.approx(edge + shift, abs=2e-3)
    first, last = grid.pan_origin[1] + 0.5, grid.pan_origin[1] + grid.width - 0.5
    assert grid.width > 0
    assert first > 0
    assert last < pan
    assert edge - ratio / 2 <= first + 1e-3
    assert last <= edge + ratio * (ms + 0.5) + 1e-3


@pytest.mark.parametrize("edge", [(100.0, 0.0), (-40.0, 0.0), (0.0, 99.9), (0.0, 1e6)])
def test_apart(edge):
    with pytest.raises(SceneError, match="do not overlap"):
        align((100, 100), (10, 10), edge, 4)


@pytest.mark.parametrize(
    ("ms", "found"),
    [
        ((4.0, 0, 0, 0, -4.0, 0), 4),
        ((4.00001, 0, 0, 0, -4.00001, 0), 4),
        ((2.0, 0, 0, 0, -2.0, 0), 2),
        ((4.1, 0, 0, 0, -4.1, 0), 4.1),
        ((1.0, 0, 0, 0, -1.0, 0), 1),
    ],
)
def test_ratio_of_two_transforms(ms, found):
    assert measured_ratio(relative_transform(transform(1.0, 0, 0), ms), (1000, 1000), 4) == pytest.approx(found)


@pytest.mark.parametrize(
    ("ms", "complaint"),
    [
        ((4.0, 0, 0, 0, 4.0, 0), "mirrored"),
        ((-4.0, 0, 0, 0, -4.0, 0), "mirrored"),
        ((4.0, 0.1, 0, -0.1, -4.0, 0), "rotated"),
        ((4.0, 0.1, 0, 0, -4.0, 0), "rotated"),
        ((4.0, 0, 0, 0.1, -4.0, 0), "rotated"),
        ((4.0, 0, 0, 0, -5.0, 0), "high but"),
    ],
)
def test_grids_that_are_no_multiple_of_each_other(ms, complaint):
    with pytest.raises(SceneError, match=complaint):
        measured_ratio(relative_transform(transform(1.0, 0, 0), ms), (1000, 1000), 4)


def test_grids_rotated_alike_fit():
    pan = (0.8, 0.6, 10.0, 0.6, -0.8, 20.0)
    ms = (3.2, 2.4, 10.0, 2.4, -3.2, 20.0)
    assert measured_ratio(relative_transform(pan, ms), (1000, 1000), 4) == 4


@pytest.mark.parametrize("place", [1, 3])
@pytest.mark.parametrize("sign", [1, -1])
def test_how_far_grids_may_be_turned(place, sign):
    """Half a PAN pixel from one edge of the MS to the other."""
    relative, size = [0.25, 0, 0, 0, 0.25, 0], {1: (128, 1), 3: (1, 128)}[place]
    relative[place] = sign * 0.5 / 16 / 128
    assert measured_ratio(relative, size, 4) == 4
    relative[place] *= 1 + 2.0**-40
    with pytest.raises(SceneError, match="rotated or mirrored"):
        measured_ratio(relative, size, 4)


@pytest.mark.parametrize("relative", [(0, 0, 0, 0, 0.25, 0), (0.25, 0, 0, 0, 0, 0)])
def test_pixels_of_no_size_are_refused(relative):
    with pytest.raises(SceneError, match="rotated or mirrored"):
        measured_ratio(relative, (10, 10), 4)
