"""BNNPan's affine map over the channels against the number contract, scales and offsets over the scene bus."""

import numpy as np
import pytest

from bench import SceneUnit, check, folded, integers, lint, run, set_size
from bitpan import arithmetic
from bitpan.arithmetic import AFFINE, AFFINE_SCALE
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.hw.sources import unit_sources


def affine(rng, channels):
    """The scene parameter ``(2, C)`` over the whole formats; the first scale is the smallest, the last 0."""
    values = np.stack([integers(rng, fmt.bits, channels) for fmt in (AFFINE_SCALE, AFFINE)])
    values[0, 0], values[0, -1] = AFFINE_SCALE.min, 0
    return values


@pytest.mark.parametrize(("channels", "pe", "out_bits", "dsp"), [(6, 2, 12, 1), (5, 5, 16, 1), (4, 2, 16, 0)])
def test_affine(channels, pe, out_bits, dsp):
    """Twenty frames back to back, banks changing from frame to frame."""
    rng = np.random.default_rng(channels)
    sizes = {"Channels": channels, "Pe": pe, "OutBits": out_bits, "UseDsp": dsp, "Width": 9, "StrideBits": 2}
    unit = SceneUnit("bp_channel_affine", sizes, 2 * channels)
    set_size(unit.simulation, 12, 16)
    scenes = [affine(rng, channels) for _ in range(2)]
    for bank, scene in enumerate(scenes):
        unit.configure(bank, scene.reshape(-1))
    images = integers(rng, 12, (20, channels, 3, 4))
    images[:, 0, 0] = -2048  # the largest product
    banks = 0b0110_1100_1010_0110
    unit.simulation.poke("bank_of_frame_i", banks)
    fmt = Format(out_bits)

    chosen = [scenes[banks >> (frame % 16) & 1] for frame in range(20)]
    results = np.stack([arithmetic.channel_affine(y, scene, fmt) for y, scene in zip(images, chosen, strict=True)])
    assert len(np.unique(results)) > 300
    assert out_bits > 12 or (results.min() == fmt.min and results.max() == fmt.max)
    inputs = {"in0": np.concatenate([folded(y, pe, 12) for y in images])}
    outputs = {"out0": np.concatenate([folded(y, pe, out_bits) for y in results])}
    assert check(unit.simulation, inputs, outputs) <= len(inputs["in0"]) + 7
    unit.simulation.reset()
    unit.write(1, unit.base + 2 * channels - 1, int(scenes[1][1, -1]) ^ 256)  # one wrong offset is seen
    with pytest.raises(AssertionError, match="wrong bytes"):
        run(unit.simulation, inputs, outputs)


def test_a_unit_that_takes_its_neighbours_first_word_is_seen(plant):
    plant("bp_scene_words", "32'(word) < Words", "32'(word) <= Words")
    with pytest.raises(AssertionError, match="wrong bytes"):
        test_affine(4, 2, 16, 0)


def test_illegal_parameters_stop_elaboration():
    for legal in ({}, {"Channels": 4, "Pe": 4}):
        lint(unit_sources("bp_channel_affine"), "bp_channel_affine", legal)
    for change, message in (
        ({"Channels": 5, "Pe": 2}, "Pe divides"),
        ({"Width": 0}, "Width is at least 1"),
        ({"OffsetBits": 33}, "a bus word has 32 bits"),
    ):
        with pytest.raises(BuildError, match=message):
            lint(unit_sources("bp_channel_affine"), "bp_channel_affine", change)
