"""The elementwise units against the number contract: sign, RPReLU with residual, centring, the final addition."""

import numpy as np
import pytest

from bench import check, run
from bitpan import arithmetic
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.hw.packing import literal, pack
from bitpan.hw.simulation import Simulation, rtl
from bitpan.hw.verilate import lint

SIGN = [rtl("sign_threshold"), rtl("scene_words")]


def integers(rng, bits, shape, signed=True):
    """Random integers over the whole format; one in eight is its smallest or its largest."""
    fmt = Format(bits, 0, signed)
    values = rng.integers(fmt.min, fmt.max + 1, shape)
    extreme = rng.choice([fmt.min, fmt.max], shape)
    return np.where(rng.random(shape) < 1 / 8, extreme, values)


class Sign:
    """The threshold unit, spoken to in thresholds and images ``(C, H, W)``."""

    def __init__(self, channels, pe, height, width, base=40):
        self.channels, self.pe, self.base = channels, pe, base
        sizes = {"Channels": channels, "Pe": pe, "FrameBeats": channels // pe * height * width, "BaseAddress": base}
        self.simulation = Simulation(SIGN, "sign_threshold", sizes)

    def write(self, bank, address, value):
        for port, content in (("bank", bank), ("address", address), ("data", value & 0xFFFFFFFF), ("valid", 1)):
            self.simulation.poke(f"cfg_{port}_i", content)
        self.simulation.run(1)
        self.simulation.poke("cfg_valid_i", 0)

    def configure(self, bank, thresholds):
        for channel, threshold in enumerate(thresholds):
            self.write(bank, self.base + channel, int(threshold))

    def beats(self, images, thresholds):
        signs = [arithmetic.sign(image, t) > 0 for image, t in zip(images, thresholds, strict=True)]
        inputs = np.concatenate([i.transpose(1, 2, 0).reshape(-1, self.pe) for i in images])
        return {"in0": pack(inputs, 10)}, {
            "out0": pack(np.concatenate([s.transpose(1, 2, 0).reshape(-1, self.pe) for s in signs]), 1)
        }


@pytest.mark.parametrize(("channels", "pe"), [(6, 2), (5, 5)])
def test_sign(channels, pe):
    """Twenty frames back to back, banks changing from frame to frame."""
    rng = np.random.default_rng(channels)
    unit = Sign(channels, pe, 3, 4)
    thresholds = integers(rng, 10, (2, channels))
    thresholds[0, 0], thresholds[1, 0] = -512, 512  # always, never
    for bank in range(2):
        unit.configure(bank, thresholds[bank])
        for address in (unit.base - 1, unit.base + channels):
            unit.write(bank, address, 5)  # another unit's words
    images = list(integers(rng, 10, (20, channels, 3, 4)))
    for image, threshold in zip(images, thresholds[[0, 1] * 10], strict=True):
        image[:, 0, 0], image[:, 0, 1] = np.minimum(threshold, 511), np.maximum(threshold - 1, -512)
    banks = 0b0110_1100_1010_0110
    unit.simulation.poke("bank_of_frame_i", banks)
    chosen = [thresholds[banks >> (frame % 16) & 1] for frame in range(20)]
    inputs, outputs = unit.beats(images, chosen)
    assert check(unit.simulation, inputs, outputs) <= len(inputs["in0"]) + 2
    unit.write(1, unit.base + channels - 1, int(thresholds[1, -1] + 1))  # one wrong threshold is seen
    images[1][-1] = thresholds[1, -1]
    inputs, outputs = unit.beats(images, chosen)
    unit.simulation.reset()
    with pytest.raises(AssertionError, match="wrong bytes"):
        run(unit.simulation, inputs, outputs)


@pytest.mark.parametrize(("channels", "pe", "shift"), [(6, 2, 6), (3, 3, 0)])
def test_rprelu(channels, pe, shift):
    rng = np.random.default_rng(channels)
    p, x = integers(rng, 10, (channels, 20, 20)), integers(rng, 9, (channels, 20, 20))
    knee = integers(rng, 8, channels)
    slopes, biases = integers(rng, 10, (2, channels)), integers(rng, 17, (2, channels))
    if shift == 0:
        slopes, biases = slopes // 256, biases // 256
    p[:, 0], p[:, 1] = knee[:, None], knee[:, None] - 1
    fmt = Format(10, 6)
    result = arithmetic.rprelu(p, x, knee, *slopes, *biases, shift, fmt)
    assert len(np.unique(result)) > 200
    sizes = {"Channels": channels, "Pe": pe, "XBits": 9, "KneeBits": 8, "BiasBits": 17, "Shift": shift}
    constants = {"Knees": literal(knee, 8)}
    for name, slope, bias in zip(("Above", "Below"), slopes, biases, strict=True):
        constants |= {f"Slopes{name}": literal(slope, 10), f"Biases{name}": literal(bias, 17)}

    def beats(image, bits):
        return pack(image.transpose(1, 2, 0).reshape(-1, pe), bits)

    with Simulation([rtl("rprelu"), rtl("requantise")], "rprelu", {**sizes, **constants}) as simulation:
        inputs, outputs = {"in0": beats(p, 10), "in1": beats(x, 9)}, {"out0": beats(result, 10)}
        assert check(simulation, inputs, outputs) <= len(inputs["in0"]) + 6
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
    ],
)
def test_centre(in_bits, signed, offset, shift, out_bits):
    rng = np.random.default_rng(in_bits)
    x = integers(rng, in_bits, (400, 3), signed)
    result = arithmetic.centre(x, offset, shift, Format(out_bits))
    sizes = {"Elements": 3, "InBits": in_bits, "InSigned": int(signed), "Offset": offset, "Shift": shift}
    with Simulation([rtl("centre"), rtl("requantise")], "centre", {**sizes, "OutBits": out_bits}) as simulation:
        assert check(simulation, {"in0": pack(x, in_bits)}, {"out0": pack(result, out_bits)}) <= len(x) + 2


@pytest.mark.parametrize(("lms_bits", "residual_bits", "bits"), [(13, 13, 11), (10, 12, 8)])
def test_add_clip(lms_bits, residual_bits, bits):
    rng = np.random.default_rng(bits)
    lms, residual = integers(rng, lms_bits, (500, 4)), integers(rng, residual_bits, (500, 4))
    fused = arithmetic.add_clip(lms, residual, bits)
    assert (fused == 0).any() and (fused == 2**bits - 1).any()
    sizes = {"Elements": 4, "LmsBits": lms_bits, "ResidualBits": residual_bits, "OutBits": bits}
    inputs = {"in0": pack(lms, lms_bits), "in1": pack(residual, residual_bits)}
    with Simulation([rtl("add_clip")], "add_clip", sizes) as simulation:
        assert check(simulation, inputs, {"out0": pack(fused, bits)}) <= len(lms) + 2


def test_illegal_parameters_stop_elaboration():
    with pytest.raises(BuildError, match="Pe divides"):
        lint(SIGN, "sign_threshold", {"Channels": 5, "Pe": 2})
    with pytest.raises(BuildError, match="whole number of pixels"):
        lint(SIGN, "sign_threshold", {"FrameBeats": 3})
    with pytest.raises(BuildError, match="pass the end of the bus"):
        lint(SIGN, "sign_threshold", {"BaseAddress": 65533})
    with pytest.raises(BuildError, match="Pe divides"):
        lint([rtl("rprelu"), rtl("requantise")], "rprelu", {"Channels": 5, "Pe": 2})
