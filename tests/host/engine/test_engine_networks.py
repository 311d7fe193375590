"""Whole networks on the CPU engine equal the reference in every bit of every tensor, without falling back to it."""

import numpy as np
import pytest
from whole_networks import frame, make

from bitpan.errors import FormatError
from bitpan.host.engine.engine import CompiledEngine, ReferenceEngine
from bitpan.model import execute

ARMS = [
    {},
    {"channels": 12, "bands": 8, "bits": 16, "offset": 9000, "input_fraction": 7, "residual_gain": 10},
    {"channels": 33},
    {"wavelet": "none"},
    {"norm": "none"},
    {"norm": "none", "prior": "none", "cdc": "none"},
    {"wavelet": "none", "norm": "none"},
    {"outer_skip": "add"},
    {"prior": "none", "cdc": "none", "outer_skip": "add"},
]


def assert_equal_everywhere(model, inputs, scene, threads):
    engine, expected = CompiledEngine(model, threads), {}
    execute(model, inputs, scene, watch=expected.__setitem__)
    for name, value in expected.items():
        np.testing.assert_array_equal(engine.run(inputs, scene, name), value, err_msg=name)
    return expected


@pytest.fixture
def no_reference(monkeypatch):
    """Makes the compiled engine fail where it has no kernel of its own."""

    def refuse(model, *_):
        raise AssertionError(f"{model.nodes[0].name}: left to the reference")

    monkeypatch.setattr("bitpan.host.engine.engine.execute", refuse)


@pytest.mark.parametrize("settings", ARMS, ids=str)
def test_bnnpan(settings):
    model = make("bnnpan", **settings)
    values = assert_equal_everywhere(model, *frame(model, 20, 36), threads=3)
    assert values["x2"].std() > 1


@pytest.mark.parametrize("srm", ["dynamic", "static", "none"])
@pytest.mark.parametrize("arm", [{}, {"gsfa": "features"}, {"planes": "2"}], ids=str)
def test_u_shape(srm, arm):
    model = make("s2bnet", srm=srm, **arm)
    values = assert_equal_everywhere(model, *frame(model, 20, 36), threads=3)
    assert values["x10"].std() > 1


TWO_PLANES = {"planes": "2"}
NETWORKS = [("bnnpan", {}), ("s2bnet", {}), ("s2bnet", TWO_PLANES)]


@pytest.mark.parametrize(("name", "settings"), NETWORKS)
@pytest.mark.parametrize("kind", ["extremes", "edge"])
def test_extreme_images(name, settings, kind):
    model = make(name, **settings)
    assert_equal_everywhere(model, *frame(model, 24, 24, kind), threads=1)


@pytest.mark.parametrize(("name", "settings"), NETWORKS)
@pytest.mark.parametrize(("height", "width"), [(4, 4), (4, 60), (212, 8), (44, 132)])
@pytest.mark.parametrize("band", [4, 8, 32, 1000])
def test_every_frame_and_band(name, settings, height, width, band, monkeypatch):
    monkeypatch.setattr("bitpan.host.engine.engine.BAND", band)
    model = make(name, **settings)
    inputs, scene = frame(model, height, width)
    engine, expected = CompiledEngine(model, 1), execute(model, inputs, scene)
    for _ in range(2):  # in memory that the first one has left
        np.testing.assert_array_equal(engine.run(inputs, scene), expected)


@pytest.mark.parametrize(("name", "settings"), [*NETWORKS, ("bnnpan", {"outer_skip": "add"})])
@pytest.mark.parametrize("channels", [8, 32])
def test_nothing_is_left_to_the_reference(no_reference, name, settings, channels):
    model = make(name, channels=channels, **settings)
    assert CompiledEngine(model, 1).run(*frame(model, 16, 16)).shape == (4, 16, 16)


def test_refuses_a_frame_that_has_no_whole_samples():
    model = make("bnnpan")
    _, scene = frame(model, 8, 8)
    with pytest.raises(FormatError, match="6 x 5 PAN pixels are no multiple of 2"):
        CompiledEngine(model, 1).run({"x0": np.zeros((8, 6, 5), np.int16)}, scene, "x1")


def test_given_tensors_are_left_alone():
    """Subbands that are given are residuals which nobody reads again: all the same they are not overwritten."""
    model = make("bnnpan", norm="none")
    inputs, scene = frame(model, 16, 16)
    names = [f"block0.{subband}" for subband in ("ll", "lh", "hl", "hh")]
    given = {name: np.array(execute(model, inputs, scene, name), np.int16) for name in names}
    before = {name: value.copy() for name, value in given.items()}
    found = CompiledEngine(model, 2).run(given, scene, "x1")
    np.testing.assert_array_equal(found, execute(model, inputs, scene, "x1"))
    for name in names:
        np.testing.assert_array_equal(given[name], before[name])


def test_subbands_too_wide_for_the_kernels(resampler):
    """The third wavelet level has 16 bits, its own subbands 18: the reference splits and joins those."""
    model = resampler((("haar", ("haar", ("haar", ("haar", "unit")))),))
    assert max(tensor.format.bits for tensor in model.tensors.values()) == 18
    assert_equal_everywhere(model, *frame(model, 32, 16), threads=2)


def test_one_subband_alone_and_one_that_is_given():
    model = make("bnnpan")
    inputs, scene = frame(model, 16, 16)
    engine, expected = CompiledEngine(model, 1), execute(model, inputs, scene, "x1")
    given = {name: execute(model, inputs, scene, name) for name in ("x0", "block0.ll", "block0.hl")}
    np.testing.assert_array_equal(engine.run(given, scene, "x1"), expected)
    given["block0.hl"] = given["block0.hl"][:, ::-1]
    swapped = ReferenceEngine(model).run(given, scene, "x1")
    assert (swapped != expected).any()
    np.testing.assert_array_equal(engine.run(given, scene, "x1"), swapped)
