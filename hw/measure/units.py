"""The units of the library: what each computes, its cycles, and the sizes at which ``hw/README.md`` shows it.

A new unit is one more entry in `UNITS`. Its parameters are what the caller gives, else those of a size of the table,
else what follows from both (weights drawn at random, the width of a sum), else the module's defaults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bitpan.errors import BuildError
from bitpan.hw.measure.yosys import Area, Design, area, prepare
from bitpan.hw.packing import literal
from bitpan.hw.sources import rtl, unit_sources

Parameters = Mapping[str, int]
_FRAME = 64 * 64  # PAN pixels
_LARGEST = 1 << 23  # bits of random contents; Verilog allows twice as many in a word


def _nothing(values: Parameters) -> dict[str, int | str]:
    return {}


@dataclass(frozen=True)
class Unit:
    """A module that stands by itself.

    Attributes:
        name: of the module.
        computes: in a few words.
        cycles: how long, in clocks.
        sizes: parameters of each row of the table, small to large; the middle one is the default.
        rest: parameters that follow from the others, which it gets together with the module's defaults.
        test: its file in ``tests/hw/rtl`` without test_ and suffix, if that is not its name without bp_.
    """

    name: str
    computes: str
    cycles: str
    sizes: Sequence[Parameters]
    rest: Callable[[Parameters], dict[str, int | str]] = _nothing
    test: str = ""

    def size(self, given: Parameters | None = None) -> dict[str, int]:
        """The middle size, changed as ``given``.

        Raises:
            BuildError: the module has no such parameter.
        """
        known = defaults(self.name)
        for name in given or {}:
            if name not in known:
                raise BuildError(f"{self.name} has no parameter {name!r}; it has {', '.join(known) or 'none'}")
        return {**self.sizes[len(self.sizes) // 2], **(given or {})}

    def parameters(self, size: Parameters) -> dict[str, int | str]:
        """All of its parameters at a size."""
        values = {name: value for name, value in defaults(self.name).items() if value is not None}
        return {**self.rest({**values, **size}), **size}

    def design(self, size: Parameters, family: str = "xc7") -> Design:
        """What Yosys is asked at a size."""
        return prepare(self._sources(), self.name, self.parameters(size), family)

    def area(self, size: Parameters, family: str = "xc7") -> Area:
        """Cost at a size."""
        return area(self._sources(), self.name, self.parameters(size), family)

    def _sources(self) -> list[str]:
        return [str(file) for file in unit_sources(self.name)]


def unit(name: str) -> Unit:
    """The unit of this name.

    Raises:
        BuildError: there is none.
    """
    known = {found.name: found for found in UNITS}
    if name not in known:
        hint = f"it is bp_{name}" if f"bp_{name}" in known else f"there are {', '.join(known)}"
        raise BuildError(f"there is no unit {name!r}; {hint}")
    return known[name]


def defaults(name: str) -> dict[str, int | None]:
    """A module's parameters with their default values; None where that is no plain number."""
    text = re.sub(r"//.*", "", rtl(name).read_text())
    found = re.findall(r"^\s*parameter\s[^=;]*?(\w+)\s*=\s*([^,\n]+)", text, re.MULTILINE)
    numbers = {key: re.fullmatch(r"(?:1'b)?(-?\d+)\s*", value) for key, value in found}
    return {key: int(number[1]) if number else None for key, number in numbers.items()}


def _random(count: int, bits: int, seed: int = 1) -> str:
    """As many random integers as a literal; nonsensical sizes are left for the module to refuse."""
    count, bits = max(count, 1), min(max(bits, 1), 63)
    if count * bits > _LARGEST:
        raise BuildError(f"{count:,} constants of {bits} bits are more than {_LARGEST:,} bits: choose a smaller size")
    return literal(np.random.default_rng(seed).integers(-(1 << bits - 1), 1 << bits - 1, count), bits)


def _xnor_mvu(values: Parameters) -> dict[str, int | str]:
    width, height = values["MatrixWidth"] // max(values["Groups"], 1), values["MatrixHeight"]
    bits = width.bit_length() + 1
    thresholds = {"Thresholds": _random(height, bits + 1)} if values["Compare"] else {}
    return {"OutBits": bits, "Weights": _random(width * height, 1), **thresholds}


def _quant_mvu(values: Parameters) -> dict[str, int | str]:
    width, height, bias_bits = values["MatrixWidth"], values["MatrixHeight"], values["BiasBits"]
    product = values["InBits"] + values["WeightBits"]
    return {
        "AccBits": max(product + width.bit_length(), bias_bits) + 1,
        "Weights": _random(width * height, values["WeightBits"]),
        "Biases": _random(height, bias_bits),
    }


def _scene_frame(values: Parameters) -> dict[str, int | str]:
    return {"FrameBeats": values["Channels"] // max(values["Pe"], 1) * _FRAME}


def _rprelu(values: Parameters) -> dict[str, int | str]:
    names = {
        "Knees": "Knee",
        "SlopesAbove": "Slope",
        "SlopesBelow": "Slope",
        "BiasesAbove": "Bias",
        "BiasesBelow": "Bias",
    }
    # Different ones: where both branches are equal, synthesis leaves the choice out.
    return {
        name: _random(values["Channels"], values[f"{kind}Bits"], seed)
        for seed, (name, kind) in enumerate(names.items(), 1)
    }


def _channel_norm(values: Parameters) -> dict[str, int | str]:
    names = {"Gains": "GainBits", "Centres": "CentreBits", "Biases": "BiasBits"}
    return {name: _random(values["Channels"], values[bits]) for name, bits in names.items()}


def _folded(*channels_and_pe: tuple[int, int], **widths: int) -> list[Parameters]:
    """Sizes of a unit on a stream of channels, so many a beat."""
    return [{"Channels": channels, "Pe": pe, **widths} for channels, pe in channels_and_pe]


def _matrices(*shapes: tuple[int, int, int, int], **widths: int) -> list[Parameters]:
    """Sizes of a matrix-vector unit: width, height, Simd, Pe."""
    names = ("MatrixWidth", "MatrixHeight", "Simd", "Pe")
    return [{**dict(zip(names, shape, strict=True)), **widths} for shape in shapes]


def _images(*shapes: tuple[int, int, int], **widths: int) -> list[Parameters]:
    """Sizes of a unit on square images: channels, channels per beat, side."""
    return [{"Channels": c, "Pe": pe, "Width": side, "Height": side, **widths} for c, pe, side in shapes]


def _each(name: str, *values: int, **others: int) -> list[Parameters]:
    """Sizes that differ in one parameter."""
    return [{name: value, **others} for value in values]


# Feature streams of 10 bits, windows of 3 x 3 over 4 and 32 channels; imagery of 11 bits.
UNITS = [
    Unit(
        "bp_xnor_mvu",
        "binary matrix-vector product: XNOR, popcount",
        "K/Simd · M/Pe a window",
        _matrices((36, 4, 36, 4), (288, 32, 72, 16), (288, 32, 288, 16)),
        _xnor_mvu,
    ),
    Unit(
        "bp_quant_mvu",
        "integer matrix-vector product, bias, rounding, saturation",
        "K/Simd · M/Pe a window",
        _matrices((9, 4, 3, 2), (45, 32, 9, 4), (288, 4, 36, 4), InBits=12, WeightBits=8, OutBits=10),
        _quant_mvu,
    ),
    Unit(
        "bp_sign_threshold",
        "+1 where x >= threshold, else -1; thresholds from the scene",
        "1 a beat",
        _folded((8, 2), (32, 8), (32, 32), InBits=10, ThresholdBits=11),
        _scene_frame,
        "pointwise",
    ),
    Unit(
        "bp_rprelu",
        "x + round(slope · p + bias), two branches a channel",
        "1 a beat",
        _folded((8, 2), (32, 8), (32, 32), PBits=10, XBits=10, OutBits=10, Shift=6),
        _rprelu,
        "pointwise",
    ),
    Unit(
        "bp_rprelu_plain",
        "round(slope · p + bias), two branches a channel",
        "1 a beat",
        _folded((8, 2), (32, 8), (32, 32), PBits=10, OutBits=12, Shift=6),
        _rprelu,
        "pointwise",
    ),
    Unit(
        "bp_channel_norm",
        "BNNPan's norm over the channels of each pixel, plus the residual",
        "1 a beat",
        _folded((8, 2), (32, 8), (32, 32), Bits=12),
        _channel_norm,
    ),
    Unit(
        "bp_channel_affine",
        "y · scale + offset, rounded, saturated; both from the scene",
        "1 a beat",
        _folded((8, 2), (32, 8), (32, 32), InBits=12, OutBits=12),
        _scene_frame,
    ),
    Unit(
        "bp_add",
        "a + b, saturated: a skip connection, or, unsigned, the fused image",
        "1 a beat",
        [
            {"Elements": elements, "In0Bits": bits, "In1Bits": bits, "OutBits": out, "OutSigned": signed}
            for elements, bits, out, signed in ((4, 13, 11, 0), (8, 10, 10, 1), (32, 10, 10, 1))
        ],
        test="pointwise",
    ),
    Unit(
        "bp_haar",
        "LL, LH, HL, HH of each 2x2 block, exact",
        "1 a beat",
        _images((8, 8, 16), (32, 8, 64), (32, 32, 512), InBits=10),
        test="resampling",
    ),
    Unit(
        "bp_inverse_haar",
        "the image of four subbands, rounded, saturated",
        "1 an output beat",
        _images((8, 8, 8), (32, 8, 32), (32, 32, 256), InBits=12, OutBits=10),
        test="resampling",
    ),
    Unit(
        "bp_average_pool",
        "mean of each 2x2 block, rounded",
        "1 a beat",
        _images((8, 8, 16), (32, 8, 64), (32, 32, 512), InBits=10),
        test="resampling",
    ),
    Unit(
        "bp_bilinear_up",
        "twice the size: (9a + 3b + 3c + d + 8) >> 4",
        "1 an output beat",
        _images((8, 8, 8), (32, 8, 32), (32, 32, 256), InBits=10),
        test="resampling",
    ),
    Unit(
        "bp_interpolator",
        "MS upsampled to the PAN grid, coefficients from the scene",
        "1 a PAN pixel",
        [{"Bands": bands, "Bits": 11, "Width": side, "Height": side} for bands, side in ((4, 16), (4, 64), (8, 256))],
    ),
    Unit(
        "bp_centre",
        "round(x - offset), saturated: the network's input",
        "1 a beat",
        _each("Elements", 1, 4, 8, InBits=13, InSigned=1, Offset=512, OutBits=12),
        test="pointwise",
    ),
    Unit("bp_duplicate", "one stream becomes two", "1 a beat", _each("Width", 10, 80, 320), test="routing"),
    Unit(
        "bp_concat_streams",
        "two streams become one, side by side",
        "1 a beat",
        [{"Width0": first, "Width1": second} for first, second in ((12, 12), (12, 48), (160, 160))],
        test="routing",
    ),
    Unit(
        "bp_split_streams",
        "one stream becomes two, parted",
        "1 a beat",
        [{"Width0": first, "Width1": second} for first, second in ((12, 12), (12, 48), (160, 160))],
        test="routing",
    ),
    Unit(
        "bp_width_converter",
        "narrow beats to wide or wide to narrow",
        "1 a narrow beat",
        [{"InWidth": into, "OutWidth": out} for into, out in ((8, 16), (8, 32), (320, 40))],
        test="routing",
    ),
    Unit(
        "bp_stream_fifo",
        "first in, first out",
        "1 a beat",
        [{"Width": width, "Depth": depth} for width, depth in ((8, 16), (32, 512), (80, 2048))],
        test="routing",
    ),
    Unit(
        "bp_frame_gate",
        "lets started frames in, fills up or cuts those of a wrong length",
        "1 a beat",
        [{"Width": width, "FrameBeats": beats} for width, beats in ((16, 256), (64, 4096), (128, 65536))],
        test="scene_registers",
    ),
    Unit(
        "bp_frame_end",
        "tlast, and the count of finished frames",
        "1 a beat",
        [{"Width": width, "FrameBeats": beats} for width, beats in ((16, 256), (64, 4096), (128, 65536))],
        test="scene_registers",
    ),
    Unit("bp_scene_registers", "AXI-Lite: starts frames, scene parameters, errors", "2 a write", [{}]),
]
"""Every unit; modules that are only parts of others do not stand here."""
