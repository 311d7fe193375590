"""The elementwise units against the number contract: sign, RPReLU, centring, additions."""

import numpy as np
import pytest

from bench import SceneUnit, check, folded, integers, lint, run, set_size
from bitpan import arithmetic
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.hw.packing import literal, pack
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources


def signs(images, thresholds):
    return [arithmetic.sign(image, t) > 0 for image, t in zip(images, thresholds, strict=True)]


@pytest.mark.parametrize(("channels", "pe", "size"), [(6, 2, (3, 4)), (5, 5, (4, 3)), (4, 2, (12, 1)), (4, 4, (1, 9))])
def test_sign(channels, pe, size):
    """Twenty frames back to back, banks changing from frame to frame."""
    rng = np.random.default_rng(channels)
    sizes = {"Channels": channels, "Pe": pe, "Width": 9, "StrideBits": 1}
    unit = SceneUnit("bp_sign_threshold", sizes, channels)
    set_size(unit.simulation, 2 * size[0], 2 * size[1])
    thresholds = integers(rng, 10, (2, channels))
    thresholds[0, 0], thresholds[1, 0] = -512, 512  # always, never
    for bank in range(2):
        unit.configure(bank, thresholds[bank])
    images = list(integers(rng, 10, (20, channels, *size)))
    for image, threshold in zip(images, thresholds[[0, 1] * 10], strict=True):
        image[:, 0, 0], image[:, -1, -1] = np.minimum(threshold, 511), np.maximum(threshold - 1, -512)
    banks = 0b0110_1100_1010_0110
    unit.simulation.poke("bank_of_frame_i", banks)
    chosen = [thresholds[banks >> (frame % 16) & 1] for frame in range(20)]

    def beats():
        inputs = np.concatenate([folded(image, pe, 10) for image in images])
        return {"in0": inputs}, {"out0": np.concatenate([folded(s, pe, 1) for s in signs(images, chosen)])}

    inputs, outputs = beats()
    assert check(unit.simulation, inputs, outputs) <= len(inputs["in0"]) + 2
    unit.write(1, unit.base + channels - 1, int(thresholds[1, -1] + 1))  # one wrong threshold is seen
    images[1][-1] = thresholds[1, -1]
    inputs, outputs = beats()
    unit.simulation.reset()
    with pytest.raises(AssertionError, match="wrong bytes"):
        run(unit.simulation, inputs, outputs)


@pytest.mark.parametrize(("channels", "pe"), [(6, 2), (5, 5), (4, 1)])
def test_sign_with_constants(channels, pe):
    """Values at and beside every threshold, "always" and "never" among them."""
    rng = np.random.default_rng(channels)
    thresholds = integers(rng, 10, channels)
    thresholds[:2] = -512, 512
    x = integers(rng, 10, (channels, 20, 20))
    x[:, 0], x[:, 1] = np.minimum(thresholds, 511)[:, None], np.maximum(thresholds - 1, -512)[:, None]
    inputs, outputs = {"in0": folded(x, pe, 10)}, {"out0": folded(arithmetic.sign(x, thresholds) > 0, pe, 1)}
    sizes = {"Channels": channels, "Pe": pe, "Thresholds": literal(thresholds, 11)}
    with Simulation(unit_sources("bp_sign_constant"), "bp_sign_constant", sizes) as simulation:
        assert check(simulation, inputs, outputs) <= len(inputs["in0"]) + 2
    sizes["Thresholds"] = literal(thresholds + (np.arange(channels) == channels - 1), 11)  # one wrong one is seen
    with Simulation(unit_sources("bp_sign_constant"), "bp_sign_constant", sizes) as simulation:
        simulation.reset()
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, inputs, outputs)


@pytest.mark.parametrize("dsp", [1, 0])
@pytest.mark.parametrize(
    ("unit", "channels", "pe", "shift", "slope_bits"),
    [
        ("bp_rprelu", 6, 2, 6, 10),
        ("bp_rprelu", 3, 3, 0, 9),
        ("bp_rprelu_plain", 4, 2, 6, 12),
        ("bp_rprelu_plain", 3, 1, 2, 5),
        ("bp_rprelu_plain", 2, 2, 0, 2),
    ],
)
def test_rprelu(unit, channels, pe, shift, slope_bits, dsp):
    rng = np.random.default_rng(channels)
    p, x = integers(rng, 10, (channels, 20, 20)), integers(rng, 9, (channels, 20, 20))
    knee = integers(rng, 8, channels)
    slopes, biases = integers(rng, slope_bits, (2, channels)), integers(rng, 17, (2, channels))
    slopes[:, 0] = -1 << slope_bits - 1, (1 << slope_bits - 1) - 1
    if shift < 6:
        slopes, biases = slopes >> (max(0, slope_bits - 3) if shift == 0 else 0), biases // 256
    p[:, 0], p[:, 1] = knee[:, None], knee[:, None] - 1
    p[:, 2], p[:, 3] = -512, 511
    sizes = {"Channels": channels, "Pe": pe, "KneeBits": 8, "BiasBits": 17, "SlopeBits": slope_bits, "Shift": shift}
    sizes["UseDsp"] = dsp
    inputs = {"in0": folded(p, pe, 10)}
    if unit == "bp_rprelu":
        sizes["XBits"] = 9
        inputs["in1"] = folded(x, pe, 9)
    else:
        x = 0
    result = arithmetic.rprelu(p, x, knee, *slopes, *biases, shift, Format(10, 6))
    assert len(np.unique(result)) > 100
    outputs = {"out0": folded(result, pe, 10)}
    constants = {"Knees": literal(knee, 8)}
    for name, slope, bias in zip(("Above", "Below"), slopes, biases, strict=True):
        constants |= {f"Slopes{name}": literal(slope, slope_bits), f"Biases{name}": literal(bias, 17)}
    with Simulation(unit_sources(unit), unit, {**sizes, **constants}) as simulation:
        assert check(simulation, inputs, outputs) <= len(inputs["in0"]) + 8
        outputs["out0"][-1, 0] ^= 1
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, inputs, outputs)


@pytest.mark.parametrize(
    ("in_bits", "signed", "offset", "shift", "out_bits"),
    [
        (11, False, 512, 0, 12),
        (13, True, 512, 0, 12),  # saturates
        (16, False, 16384, 5, 12),
        pytest.param(18, True, 16384, 5, 12, marks=pytest.mark.slow),
        pytest.param(8, False, 64, 0, 12, marks=pytest.mark.slow),
        (8, False, -3, -2, 9),
        (15, True, 0, 3, 11),  # rounds and saturates alone: the operator Requantise
    ],
)
def test_centre(in_bits, signed, offset, shift, out_bits):
    rng = np.random.default_rng(in_bits)
    x = integers(rng, in_bits, (400, 3), signed)
    result = arithmetic.centre(x, offset, shift, Format(out_bits))
    sizes = {"Elements": 3, "InBits": in_bits, "InSigned": int(signed), "Offset": offset, "Shift": shift}
    with Simulation(unit_sources("bp_centre"), "bp_centre", {**sizes, "OutBits": out_bits}) as simulation:
        assert check(simulation, {"in0": pack(x, in_bits)}, {"out0": pack(result, out_bits)}) <= len(x) + 2


def test_a_planted_fault_of_a_product_in_luts_is_seen(plant):
    plant("bp_product", "+ {multiple, negative}", "+ {multiple, 1'b0}")
    with pytest.raises(AssertionError, match="wrong bytes"):
        test_rprelu("bp_rprelu_plain", 3, 1, 2, 5, 0)


def test_a_planted_fault_is_seen(plant):
    plant("bp_centre", "- Bits'(Offset)", "+ Bits'(Offset)")
    with pytest.raises(AssertionError, match="wrong bytes"):
        test_centre(13, True, 512, 0, 12)


@pytest.mark.parametrize(
    ("bits", "out_bits", "signed"),
    [((12, 12), 12, True), ((9, 13), 15, True), ((13, 13), 11, False), ((10, 12), 14, False)],
)
def test_add(bits, out_bits, signed):
    rng = np.random.default_rng(out_bits)
    a, b = (integers(rng, width, (500, 4)) for width in bits)
    fmt = Format(out_bits, 0, signed)
    total = arithmetic.add(a, b, fmt)
    assert out_bits > 12 or ((total == fmt.min).any() and (total == fmt.max).any())
    inputs, outputs = {"in0": pack(a, bits[0]), "in1": pack(b, bits[1])}, {"out0": pack(total, out_bits)}
    sizes = {"Elements": 4, "In0Bits": bits[0], "In1Bits": bits[1], "OutBits": out_bits, "OutSigned": int(signed)}
    with Simulation(unit_sources("bp_add"), "bp_add", sizes) as simulation:
        assert check(simulation, inputs, outputs) <= len(a) + 2
        outputs["out0"] = pack(a + b & (1 << out_bits) - 1, out_bits) if out_bits <= 12 else outputs["out0"] ^ 1
        with pytest.raises(AssertionError, match="wrong bytes"):  # a sum that wraps round is seen
            run(simulation, inputs, outputs)


@pytest.mark.parametrize("wrong", ["32'(word) <= Words", "1'b1"])
def test_a_unit_that_takes_its_neighbours_words_is_seen(wrong, plant):
    plant("bp_scene_words", "32'(word) < Words", wrong)
    with pytest.raises(AssertionError, match="wrong bytes"):
        test_sign(4, 2, (12, 1))


def test_illegal_parameters_stop_elaboration():
    with pytest.raises(BuildError, match="Pe divides"):
        lint(unit_sources("bp_sign_threshold"), "bp_sign_threshold", {"Channels": 5, "Pe": 2})
    with pytest.raises(BuildError, match="Width is at least 1"):
        lint(unit_sources("bp_sign_threshold"), "bp_sign_threshold", {"Width": 0})
    with pytest.raises(BuildError, match="pass the end of the bus"):
        lint(unit_sources("bp_sign_threshold"), "bp_sign_threshold", {"BaseAddress": 65533})
    with pytest.raises(BuildError, match="Pe divides"):
        lint(unit_sources("bp_rprelu"), "bp_rprelu", {"Channels": 5, "Pe": 2})
    with pytest.raises(BuildError, match="a bus word has 32 bits"):
        lint(unit_sources("bp_sign_threshold"), "bp_sign_threshold", {"ThresholdBits": 33})
    with pytest.raises(BuildError, match="Pe divides"):
        lint(unit_sources("bp_sign_constant"), "bp_sign_constant", {"Channels": 5, "Pe": 2})
    for unit in ("bp_add", "bp_rprelu_plain", "bp_sign_threshold", "bp_sign_constant"):
        lint(unit_sources(unit), unit)
    with pytest.raises(BuildError, match="at least 1"):
        lint(unit_sources("bp_centre"), "bp_centre", {"InBits": 0})
    for legal in ({"BaseAddress": 65532}, {"ThresholdBits": 32}, {"Channels": 4, "Pe": 4}, {"Channels": 1, "Pe": 1}):
        lint(unit_sources("bp_sign_threshold"), "bp_sign_threshold", legal)
    lint(unit_sources("bp_centre"), "bp_centre", {"InBits": 1})
    lint(unit_sources("bp_add"), "bp_add", {"In0Bits": 1, "In1Bits": 1})
    lint(unit_sources("bp_sign_constant"), "bp_sign_constant", {"ThresholdBits": 1})
