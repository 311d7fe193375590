"""A scene in tiles equals the scene whole, bit for bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitpan.arithmetic import BORDER, keys_coefficients
from bitpan.camera.consistency import Camera, consistent
from bitpan.errors import SceneError
from bitpan.host.device.devices import CpuDevice
from bitpan.host.engine.engine import CompiledEngine
from bitpan.host.scene import tiles as tiling
from bitpan.host.scene.scene import array_scene
from bitpan.host.scene.tiles import TilePlan, delivered_share, largest_frame, plan_tiles, sample_tiles
from bitpan.host.stream import fuse_array, fuse_tiles
from bitpan.model import IntegerModel, execute


def make_scene(model, height, width, seed, shift=(0.0, 0.0)):
    rng = np.random.default_rng(seed)
    pan = rng.integers(0, 2048, (1, height, width))
    ms = rng.integers(0, 2048, (model.bands, -(-height // 4), -(-width // 4)))
    return pan, ms, array_scene(model, pan, ms, shift)


def made_consistent(scene, counts):
    """What the reference makes of a scene's counts, of which none is missing."""
    camera = Camera(scene.grid.ratio, scene.grid.shift)
    ms, valid = scene.samples(0, 0, *(-(-side // camera.ratio) for side in counts.shape[1:]))
    return consistent(counts, ms, valid, camera)


def parameters_of(model, scene, random_inputs):
    _, parameters = random_inputs(model, 8, 8)
    for axis, name in enumerate(("rows", "columns")):
        parameters[f"upsample.{name}"] = keys_coefficients(4, scene.grid.shift[axis])
    return parameters


class FramedDevice(CpuDevice):
    """The CPU, with frames no larger than this."""

    def __init__(self, engine, largest):
        super().__init__(engine)
        self.largest = largest


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_tiles_equal_the_whole(small_model, small_engine, random_inputs, height, width, rows, columns, seed):
    pan, ms, scene = make_scene(small_model, height, width, seed)
    parameters = parameters_of(small_model, scene, random_inputs)
    halo = 4 * -(-small_model.halo() // 4)
    frame = (4 * rows + 2 * halo, 4 * columns + 2 * halo)
    tiled = fuse_array(small_model, scene, FramedDevice(small_engine, frame), parameters)
    # The whole: the scene extended by replicated edges, in one frame, by the reference.
    below, right = -height % 4 + halo, -width % 4 + halo
    extended = np.pad(pan, ((0, 0), (halo, below), (halo, right)), mode="edge")
    beyond = halo // 4 + BORDER
    coarse = np.pad(ms, ((0, 0), (beyond, beyond), (beyond, beyond)), mode="edge")
    whole = execute(small_model, {"pan": extended, "ms": coarse}, parameters)
    expected = made_consistent(scene, whole[:, halo : halo + height, halo : halo + width])
    np.testing.assert_array_equal(tiled, expected)


def test_a_smaller_halo_would_not_do(small_model, small_engine, random_inputs):
    _, _, scene = make_scene(small_model, 64, 64, 0)
    parameters = parameters_of(small_model, scene, random_inputs)
    device = CpuDevice(small_engine)
    device.load_scene(parameters)
    whole, halo = extended_whole(small_model, scene, parameters), small_model.halo()
    for trial in (halo, halo - 1):
        plan = TilePlan(64, 64, (32, 32), trial, 4, (-trial % 4,) * 2)
        tiled = np.zeros_like(whole)
        for tile, fused, *_ in fuse_tiles(scene, plan, device):
            tiled[:, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] = fused
        assert (tiled == whole).all() == (trial == halo)


BODIES = st.lists(
    st.recursive(
        st.sampled_from(["unit", "gabor", "conv"]),
        lambda inner: st.builds(
            lambda kind, body: (kind, *body), st.sampled_from(["pool", "haar"]), st.lists(inner, max_size=2)
        ),
        max_leaves=4,
    ),
    min_size=1,
    max_size=3,
)
"""Random bodies of models that change resolution."""


def extended_whole(model, scene, parameters):
    """The scene extended by replicated edges, in one frame, by the reference."""
    step = model.alignment
    halo = step * -(-model.halo() // step)
    height, width = scene.grid.height, scene.grid.width
    sides = (-(-side // step) * step + 2 * halo for side in (height, width))
    patch = scene.read(-halo, -halo, *sides, border=BORDER)
    whole = execute(model, {"pan": patch.pan, "ms": patch.ms}, parameters)
    return whole[:, halo : halo + height, halo : halo + width]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=BODIES,
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    rows=st.integers(1, 3),
    columns=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_any_model_in_tiles_equals_the_whole(resampler, random_inputs, body, height, width, rows, columns, seed):
    model = resampler(body, seed=seed)
    _, _, scene = make_scene(model, height, width, seed, (1.75, -2.0))
    parameters = parameters_of(model, scene, random_inputs)
    step = model.alignment
    halo = step * -(-model.halo() // step)
    whole = made_consistent(scene, extended_whole(model, scene, parameters))
    engine = CompiledEngine(model, threads=1)
    for device in (CpuDevice(engine), FramedDevice(engine, (rows * step + 2 * halo, columns * step + 2 * halo))):
        np.testing.assert_array_equal(fuse_array(model, scene, device, parameters, side=rows * step), whole)


@pytest.mark.parametrize(
    "body",
    [
        ("conv", ("pool", ("pool", "conv"), "conv")),
        (("haar", ("haar", "conv")), "conv"),
        ("gabor", "gabor", "gabor", "conv"),
    ],
)
def test_one_step_less_would_not_do(resampler, random_inputs, body):
    model = resampler(body)
    _, _, scene = make_scene(model, 64, 64, 0)
    parameters = parameters_of(model, scene, random_inputs)
    for axis in ("rows", "columns"):
        parameters[f"upsample.{axis}"] = np.full((4, 5), 205)  # with Keys' light outermost taps little gets through
    device = CpuDevice(CompiledEngine(model, threads=1))
    device.load_scene(parameters)
    whole, halo, step = extended_whole(model, scene, parameters), model.halo(), model.alignment
    for trial in (halo, halo - model.tile_alignment):
        plan = TilePlan(64, 64, (step, 16), trial, step, (-trial % step,) * 2)
        tiled = np.zeros_like(whole)
        for tile, fused, *_ in fuse_tiles(scene, plan, device):
            tiled[:, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] = fused
        assert (tiled == whole).all() == (trial == halo)


def test_frames_lie_on_the_coarsest_grid(resampler):
    model = resampler((("pool", ("haar", ("pool", "unit"))),))
    plan = plan_tiles(model, 100, 60, tile=24)
    assert (model.alignment, plan.halo % 8) == (8, 0)
    assert all(side % 8 == 0 for tile in plan for side in tile.frame)
    for wrong in ({"tile": 12}, {"largest": (2 * plan.halo + 12, 2 * plan.halo + 16)}):
        with pytest.raises(SceneError, match="multiple of 8"):
            plan_tiles(model, 100, 60, **wrong)


@pytest.mark.parametrize("shift", [(-2.25, 2.5), (7.0, -11.5), (0.5, 0.25)])
def test_shifted_scenes_in_tiles_equal_the_whole(small_model, small_engine, random_inputs, shift):
    _, _, scene = make_scene(small_model, 50, 70, 1, shift)
    parameters = parameters_of(small_model, scene, random_inputs)
    whole, tiled = (
        fuse_array(small_model, scene, CpuDevice(small_engine), parameters, side=side) for side in (128, 12)
    )
    np.testing.assert_array_equal(tiled, whole)


@given(
    st.integers(1, 100),
    st.integers(1, 100),
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(0, 20),
    st.integers(0, 3),
)
def test_tiles_cover_the_scene_once(height, width, rows, columns, halo, grid):
    grid = 1 << grid
    rows, columns = rows * grid, columns * grid
    plan = TilePlan(height, width, (rows, columns), halo, grid, (-halo % grid if rows > grid < columns else 0,) * 2)
    covered = np.zeros((height, width), np.uint8)
    tiles = list(plan)
    for tile in tiles:
        covered[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
        inside = np.zeros(tile.frame[2:])[tile.inside]
        assert inside.shape == (tile.height, tile.width)
        assert all(side % grid == 0 for side in tile.frame)
        for part, frame in zip(tile.inside, tile.frame[2:], strict=True):
            assert part.start >= halo <= frame - part.stop
    assert (covered == 1).all()
    assert len(plan) == len(tiles)


@given(st.integers(0, 40), st.integers(0, 3), st.integers(1, 2000), st.integers(6, 30))
def test_no_frame_is_larger_than_the_largest(halo, grid, width, frames):
    """And all but the last are as large: nothing of a frame is given away."""

    class Model:
        name, alignment = "any", 1 << grid
        tile_side = IntegerModel.tile_side

        def halo(self):
            return halo

    model = Model()
    largest = frames * model.alignment + 2 * model.alignment * -(-halo // model.alignment)
    widths = [tile.frame[3] for tile in plan_tiles(model, 1, width, (largest, largest))]
    assert max(widths) <= largest
    assert all(width == largest for width in widths[:-1])


def test_halo_of_the_default_network(random_model):
    """Nine 3x3 layers reach 9 pixels; tiles may end between MS pixels."""
    model = random_model(blocks=8, channels=8)
    assert (model.halo(), model.tile_alignment, model.alignment) == (9, 1, 4)
    plan = plan_tiles(model, 1000, 1000, (496, 496))
    assert plan.steps == (476, 476)
    assert [(tile.left, tile.width, tile.frame[1], tile.frame[3]) for tile in plan][:3] == [
        (0, 473, -12, 496),
        (473, 476, 464, 496),
        (949, 51, 940, 72),
    ]


@pytest.mark.parametrize("frame", [(8, 64), (65, 64)])
def test_useless_frames(small_model, frame):
    with pytest.raises(SceneError, match="leaves nothing"):
        plan_tiles(small_model, 100, 100, frame)


@pytest.mark.parametrize("tile", [0, -4, 30])
def test_useless_tiles(small_model, tile):
    with pytest.raises(SceneError, match="no positive multiple of 4"):
        plan_tiles(small_model, 100, 100, tile=tile)


def test_strips_are_as_tall_as_memory_allows(small_model):
    rows, columns = largest_frame(small_model, 496)
    size = rows * 496 * (2 + 4) + (rows // 4 + 4) * (496 // 4 + 4) * 4  # two bands
    assert columns == 496 and rows % 4 == 0 and tiling.FRAME_BYTES - 4 * 496 * 7 < size <= tiling.FRAME_BYTES
    assert largest_frame(small_model, 4)[0] == 65532  # what the register holds
    strips = plan_tiles(small_model, 1000, 900, (rows, 496))
    assert [t.frame for t in strips] == [(-4, -4, 1008, 496), (-4, 484, 1008, 420)]
    assert [(t.height, t.width) for t in strips] == [(1000, 487), (1000, 413)]


def test_a_frame_that_just_fits(small_model):
    """To the byte; two bands."""
    for rows in (4, 400):
        size = rows * 496 * (2 + 4) + (rows // 4 + 4) * (496 // 4 + 4) * 4
        assert largest_frame(small_model, 496, size) == (rows, 496)
        assert largest_frame(small_model, 496, size - 1) == (rows - 4, 496)


def test_tiles_without_a_side_have_the_usual_one(small_model):
    plan = plan_tiles(small_model, 2000, 4000)
    frames = [tile.frame for tile in plan][:-1]
    assert {frame[2:] for frame in frames if 0 < frame[0] < 1500 and frame[1] < 3000} == {(512 + 2 * 4, 1088)}
    assert {frame[2:] for frame in frames if frame[0] < 0 and frame[1] < 3000} == {(512 + 32 + 2 * 4, 1088)}
    assert [tile.left for tile in plan][:4] == [0, 1080, 2160, 3240]


def test_what_strips_deliver(random_model, small_model):
    model = random_model(blocks=8, channels=8, bands=4)  # a halo of 9 pixels
    strips = plan_tiles(model, 10_000, 10_000, largest_frame(model, 992))
    computed = sum(t.frame[2] * t.frame[3] for t in strips)
    assert delivered_share(model, 10_000, 10_000, 992) == 1e8 / computed
    assert delivered_share(model, 6000, 473 + 476, 496) == 6000 * 949 / ((6000 + 12 + 12) * 2 * 496)
    assert delivered_share(model, 10_000, 10_000, 496) > 0.95


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(1, 5))
def test_sample_tiles_lie_within_the_scene(height, width, per_axis):
    tiles = sample_tiles(height, width, 4, 20, per_axis, 128)
    assert 1 <= len(tiles) <= per_axis**2
    for tile in tiles:
        assert (tile.height, tile.width) == (min(128, height), min(128, width))
        assert tile.top >= 0
        assert tile.top + tile.height <= height
        assert tile.left >= 0
        assert tile.left + tile.width <= width
        assert tile.top % 4 == tile.left % 4 == tile.frame[2] % 4 == 0
    if height >= 128 * per_axis and per_axis > 1:
        assert max(tile.top + tile.height for tile in tiles) > height - 4
