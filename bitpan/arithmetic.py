"""The number contract: each operation of the accelerator, once, in NumPy, on integers.

This module is the specification. The PyTorch layers, the QONNX export, the FINN operators, the CPU engine and the
SystemVerilog are each tested equal to it in every bit. Images are ``(channels, height, width)``; integers are int64
unless said otherwise. Binary tensors hold +1 and -1 (bit 1 and bit 0 in hardware).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bitpan.errors import FormatError
from bitpan.formats import Format

Integers = npt.NDArray[np.int64]

COEFFICIENT_BITS = 10
"""Fraction bits of the interpolation coefficients: 1/1024 holds Keys' kernel exactly at ratio 4 (and 1/128 at 2)."""

TAPS = 5
"""Taps per interpolation phase: MS samples i-2 ... i+2, enough for any shift of up to half an MS pixel."""

BORDER = TAPS // 2
"""MS samples on each side of an image that its interpolation reads too: a network's MS comes with them."""

K_MIN = 2.0**-8
"""Smallest slope of the spectral redistribution (SRM), so that a threshold always exists."""


def round_shift(v: npt.ArrayLike, shift: int) -> Integers:
    """Divide by ``2**shift`` and round half up; an exact left shift for ``shift <= 0``."""
    v = np.asarray(v, dtype=np.int64)
    if shift <= 0:
        return v << -shift
    return (v + (1 << (shift - 1))) >> shift


def saturate(v: npt.ArrayLike, fmt: Format) -> Integers:
    """Clip to the range of ``fmt``."""
    return np.clip(np.asarray(v, dtype=np.int64), fmt.min, fmt.max)


def requantise(v: npt.ArrayLike, shift: int, fmt: Format) -> Integers:
    """Round half up by ``shift`` bits, then saturate: the one way a tensor changes its grid."""
    return saturate(round_shift(v, shift), fmt)


def centre(x: npt.ArrayLike, offset: int, shift: int, fmt: Format) -> Integers:
    """Network input from image counts: subtract ``offset``, round by ``shift`` bits, saturate to ``fmt``."""
    return requantise(np.asarray(x, dtype=np.int64) - offset, shift, fmt)


def sign(x: npt.ArrayLike, threshold: npt.ArrayLike) -> Integers:
    """+1 where ``x >= threshold``, else -1. ``x: (C, H, W)``, ``threshold: (C,)``."""
    x, threshold = np.asarray(x), np.asarray(threshold)
    return np.where(x >= threshold[:, None, None], 1, -1).astype(np.int64)


def srm_threshold(k: npt.ArrayLike, b: npt.ArrayLike, fmt: Format) -> Integers:
    """Spectral redistribution folded into a threshold: ``k*x + b >= 0`` is ``x >= ceil(-b/k)`` for ``k > 0``.

    Args:
        k: positive slopes, float64, ``(C,)``; taken as at least ``2**-8``.
        b: biases in steps of ``fmt`` (not in real units), float64, ``(C,)``.
        fmt: format of x. The threshold saturates to ``[fmt.min, fmt.max + 1]``, so that "never" can be written.
    """
    k = np.maximum(np.asarray(k, dtype=np.float64), K_MIN)
    threshold = np.ceil(-np.asarray(b, dtype=np.float64) / k)
    if not np.isfinite(threshold).all():
        raise FormatError("a spectral redistribution slope or bias is not finite")
    return np.clip(threshold, fmt.min, fmt.max + 1).astype(np.int64)


def conv2d(x: npt.ArrayLike, weights: npt.ArrayLike, pad_value: int = 0) -> Integers:
    """Same-size convolution (correlation), stride 1, ``(I, H, W) * (O, I, k, k) -> (O, H, W)``, k odd.

    With ``pad_value=-1`` and operands of +1 and -1 this is the XNOR-popcount convolution: ``2*popcount - k*k*I``.
    """
    x, weights = np.asarray(x, dtype=np.int64), np.asarray(weights, dtype=np.int64)
    kernel = weights.shape[-1]
    height, width = x.shape[1:]
    margin = kernel // 2
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin)), constant_values=pad_value)
    # float64 BLAS is exact while every partial sum stays below 2**53.
    bound = int(np.abs(weights).sum(axis=(1, 2, 3)).max(initial=0)) * int(np.abs(padded).max(initial=0))
    if bound >= 1 << 53:
        raise FormatError(f"a convolution's sum may reach {bound}, beyond the exact range of float64")
    padded_float, weights_float = padded.astype(np.float64), weights.astype(np.float64)
    total = np.zeros((weights.shape[0], height * width))
    for dy in range(kernel):
        for dx in range(kernel):
            window = padded_float[:, dy : dy + height, dx : dx + width].reshape(x.shape[0], -1)
            total += weights_float[:, :, dy, dx] @ window
    return total.astype(np.int64).reshape(-1, height, width)


def depthwise(x: npt.ArrayLike, weights: npt.ArrayLike, shift: int, fmt: Format) -> Integers:
    """Same-size convolution of each channel with a filter of its own, padded with 0, then requantised.

    Args:
        x: ``(C, H, W)``.
        weights: integers, ``(C, 1, k, k)``, k odd.
        shift: bits to round off.
        fmt: format of the result ``(C, H, W)``.
    """
    x, weights = np.asarray(x, dtype=np.int64), np.asarray(weights, dtype=np.int64)
    kernel = weights.shape[-1]
    height, width = x.shape[1:]
    margin = kernel // 2
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin)))
    total = np.zeros_like(x)
    for dy in range(kernel):
        for dx in range(kernel):
            total += weights[:, :, dy, dx, None] * padded[:, dy : dy + height, dx : dx + width]
    return requantise(total, shift, fmt)


def rprelu(
    p: npt.ArrayLike,
    x: npt.ArrayLike,
    knee: npt.ArrayLike,
    slope_above: npt.ArrayLike,
    slope_below: npt.ArrayLike,
    bias_above: npt.ArrayLike,
    bias_below: npt.ArrayLike,
    shift: int,
    fmt: Format,
) -> Integers:
    """RPReLU of the scaled convolution, plus the residual.

    The paper's ``alpha*p -> (. - gamma) * (1 or beta) + zeta`` is one multiply-add per branch once alpha is folded:
    ``x + round((slope*p + bias) / 2**shift)``, "above" where ``p >= knee``, saturated to ``fmt``.

    Args:
        p: popcounts, ``(C, H, W)``.
        x: residual, ``(C, H, W)``, on the grid of ``fmt``.
        knee, slope_above, slope_below, bias_above, bias_below: integers, ``(C,)``.
        shift: fraction bits of slopes and biases.
        fmt: format of x and of the result.
    """

    def per_channel(v: npt.ArrayLike) -> Integers:
        return np.asarray(v, dtype=np.int64)[:, None, None]

    p = np.asarray(p, dtype=np.int64)
    above = p >= per_channel(knee)
    slope = np.where(above, per_channel(slope_above), per_channel(slope_below))
    bias = np.where(above, per_channel(bias_above), per_channel(bias_below))
    return saturate(np.asarray(x, dtype=np.int64) + round_shift(slope * p + bias, shift), fmt)


NORM_FRACTION = 6
"""Fraction bits of the norm's gains and biases."""

NORM_RANGE = Format(15)
"""Range of a normalised feature, in steps of the features."""

NORM_LEADING = 12
"""Leading bits of each variance that the norm's ratio is taken from."""

NORM_MEAN = 12
"""Fraction bits of the norm's ``1/C``."""

NORM_MIDPOINTS = (81, 121, 169, 225)
"""``64 * (1 + (2j + 1)/8)**2``: where the mantissa of the norm's ratio rounds up."""


def _leading(v: Integers) -> tuple[Integers, Integers]:
    """The leading ``NORM_LEADING`` bits of ``v >= 0`` and their exponent: ``v ~ bits * 2**exponent``, truncated."""
    exponent = np.frexp(v.astype(np.float64))[1].astype(np.int64) - NORM_LEADING
    return (v << np.maximum(-exponent, 0)) >> np.maximum(exponent, 0), exponent


def deviation_ratio(vf: npt.ArrayLike, vb: npt.ArrayLike) -> tuple[Integers, Integers]:
    """``sqrt(vf / vb)`` of two variances as ``mantissa * 2**exponent``, mantissa 4 to 8: within 12 %.

    Hardware finds the leading ones, and the mantissa by four comparisons; there is no divider and no root. The
    mantissa is 0 where either variance is.
    """
    vf, vb = np.asarray(vf, dtype=np.int64), np.asarray(vb, dtype=np.int64)
    (a, p), (b, q) = _leading(vf), _leading(vb)
    double = p - q
    odd = double & 1
    a, double = a << odd, double - odd
    less = (a < b).astype(np.int64)
    a, double = a << 2 * less, double - 2 * less  # now 1 <= a/b < 4
    mantissa = 4 + sum((64 * a >= midpoint * b).astype(np.int64) for midpoint in NORM_MIDPOINTS)
    return np.where((vf > 0) & (vb > 0), mantissa, 0), double // 2 - 2


def channel_norm(
    x: npt.ArrayLike,
    residual: npt.ArrayLike,
    gain: npt.ArrayLike,
    centre: npt.ArrayLike,
    bias: npt.ArrayLike,
    fmt: Format,
) -> Integers:
    """BNNPan's norm over the channels of each pixel, and the residual (Hou et al., CVPR 2025).

    ``residual + kappa * (s_r / s_x) * (x - m_x - phi) + m_r + eta`` with the pixel's mean m and deviation s of x and of
    the residual. Where either deviation is zero what is left is ``residual + m_r + eta``.

    Args:
        x: ``(C, H, W)``, what the RPReLU gives.
        residual: the features in front of the sign, ``(C, H, W)``, on the grid of x.
        gain: kappa times ``2**ceil(log2 C) / C``, in ``2**-NORM_FRACTION``, ``(C,)``.
        centre: C times phi in steps, ``(C,)``.
        bias: eta in ``2**-NORM_FRACTION`` steps, ``(C,)``.
        fmt: format of x, residual and result.
    """
    x, residual = np.asarray(x, dtype=np.int64), np.asarray(residual, dtype=np.int64)
    gain, centre, bias = (np.asarray(v, dtype=np.int64)[:, None, None] for v in (gain, centre, bias))
    channels = len(x)
    sum_x, sum_r = x.sum(axis=0), residual.sum(axis=0)
    variances = (channels * (v * v).sum(axis=0) - s * s for v, s in ((residual, sum_r), (x, sum_x)))
    mantissa, exponent = deviation_ratio(*variances)
    shift = (channels - 1).bit_length() - exponent
    scaled = (channels * x - sum_x - centre) * mantissa << np.maximum(-shift, 0)
    right = np.maximum(shift, 0)
    normal = saturate((scaled + ((1 << right) >> 1)) >> right, NORM_RANGE)
    mean = round_shift(sum_r * round((1 << NORM_MEAN) / channels), NORM_MEAN)
    return saturate(residual + round_shift(gain * normal + (mean << NORM_FRACTION) + bias, NORM_FRACTION), fmt)


AFFINE_FRACTION = 8
"""Fraction bits of the channel affine's scales, and of its offsets beyond the features'."""


AFFINE_SCALE, AFFINE = Format(12, AFFINE_FRACTION), Format(20, AFFINE_FRACTION)
"""Range of the scales, and format of scales and offsets as a scene parameter."""


def affine_integers(scale: npt.ArrayLike, offset: npt.ArrayLike, fmt: Format) -> Integers:
    """The scene parameter ``(2, C)`` of a scale and an offset per channel, float64, the offset in steps of ``fmt``.

    Rounded half up and saturated: scales to -8 ... 8, offsets to what their 20 bits hold.
    """
    stacked = np.stack([np.asarray(scale, dtype=np.float64), np.asarray(offset, dtype=np.float64)])
    if not np.isfinite(stacked).all():
        raise FormatError("a scale or an offset of a channel affine is not finite")
    scales, offsets = np.floor(stacked * (1 << AFFINE_FRACTION) + 0.5)
    limited = [np.clip(scales, AFFINE_SCALE.min, AFFINE_SCALE.max), np.clip(offsets, AFFINE.min, AFFINE.max)]
    return np.stack(limited).astype(np.int64)


def channel_affine(y: npt.ArrayLike, affine: npt.ArrayLike, fmt: Format) -> Integers:
    """``y * scale + offset`` per channel: BNNPan's LDPC and CDC, a scene parameter ``(2, C)`` in 1/256."""
    scale, offset = np.asarray(affine, dtype=np.int64)[:, :, None, None]
    return requantise(np.asarray(y, dtype=np.int64) * scale + offset, AFFINE_FRACTION, fmt)


def keys_coefficients(ratio: int, shift: float = 0.0) -> Integers:
    """Keys' cubic kernel (a = -1/2; IEEE ASSP-29, 1981) for one axis, block-aligned phase, in ``2**-COEFFICIENT_BITS``.

    Args:
        ratio: PAN pixels per MS pixel.
        shift: displacement of the MS sample's centre in PAN pixels, at most half an MS pixel.

    Returns:
        ``(ratio, TAPS)``: row p weighs the MS samples i-2 ... i+2 for the PAN pixel ``ratio*i + p``; rows sum to 1024.
    """
    if abs(shift) > ratio / 2:
        raise FormatError(f"a shift of {shift} PAN pixels exceeds half an MS pixel ({ratio / 2})")
    phase = ((np.arange(ratio) + 0.5) / ratio - 0.5 - shift / ratio)[:, None]
    distance = np.minimum(np.abs(phase - np.arange(-2, 3)), 2)
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    kernel = np.where(distance <= 1, near, far)
    coefficients = np.floor(kernel * (1 << COEFFICIENT_BITS) + 0.5).astype(np.int64)
    # Rounding may leave a sum of 1023 or 1025 at odd shifts; the largest tap takes it up.
    rows = np.arange(ratio)
    coefficients[rows, coefficients.argmax(axis=1)] += (1 << COEFFICIENT_BITS) - coefficients.sum(axis=1)
    return coefficients


def bordered(ms: npt.ArrayLike) -> Integers:
    """An image ``(B, h, w)`` with :data:`BORDER` more samples on each side: its edges, where there is no more of it."""
    return np.pad(np.asarray(ms, dtype=np.int64), ((0, 0), (BORDER, BORDER), (BORDER, BORDER)), mode="edge")


def interpolate(ms: npt.ArrayLike, rows: npt.ArrayLike, columns: npt.ArrayLike) -> Integers:
    """MS upsampled to the PAN grid: vertical pass, then horizontal, each rounded half up, unclipped.

    Args:
        ms: ``(B, h + 2 * BORDER, w + 2 * BORDER)``.
        rows, columns: coefficients of the two axes, ``(ratio, TAPS)``.

    Returns:
        ``(B, ratio*h, ratio*w)``; the range of bits-bit imagery fits ``lms_format(bits)``.
    """

    def along_rows(image: Integers, coefficients: Integers) -> Integers:
        bands, height, width = image.shape
        index = np.arange(height - 2 * BORDER)[:, None] + np.arange(TAPS)
        total = np.einsum("bhtw,pt->bhpw", image[:, index], coefficients)
        return round_shift(total.reshape(bands, -1, width), COEFFICIENT_BITS)

    image = along_rows(np.asarray(ms, dtype=np.int64), np.asarray(rows, dtype=np.int64))
    image = along_rows(image.transpose(0, 2, 1), np.asarray(columns, dtype=np.int64))
    return np.ascontiguousarray(image.transpose(0, 2, 1))


def lms_format(bits: int) -> Format:
    """Format of the upsampled MS: two cubic passes overshoot by less than half the range on either side."""
    return Format(bits + 2, 0, signed=True)


def add_clip(lms: npt.ArrayLike, residual: npt.ArrayLike, bits: int) -> Integers:
    """The fused image: upsampled MS plus the network's residual, clipped to unsigned ``bits``."""
    return add(lms, residual, Format(bits, 0, signed=False))


# --- Resampling: wavelet, pool, bilinear, skip ---


def _quarters(x: npt.ArrayLike) -> tuple[Integers, Integers, Integers, Integers]:
    """The pixels of each 2x2 block, top left, top right, bottom left, bottom right; views, each ``(C, H/2, W/2)``."""
    x = np.asarray(x, dtype=np.int64)
    if x.shape[-2] % 2 or x.shape[-1] % 2:
        raise FormatError(f"an image of {x.shape[-2]} x {x.shape[-1]} has no whole 2x2 blocks; give even sizes")
    return x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2], x[..., 1::2, 1::2]


def haar_format(fmt: Format) -> Format:
    """Format of the subbands of an image in ``fmt``: two bits and one fraction bit more, signed."""
    return Format(fmt.bits + 2 + (not fmt.signed), fmt.fraction + 1)


def haar(x: npt.ArrayLike) -> tuple[Integers, Integers, Integers, Integers]:
    """One level of the orthonormal Haar wavelet, exact: the sums of each block, whose 1/2 is the added fraction bit.

    Of a block ``a b / c d``, the first letter speaks of the horizontal direction, the second of the vertical one:
    ``LL = a+b+c+d``, ``LH = a+b-c-d``, ``HL = a-b+c-d``, ``HH = a-b-c+d``.

    Args:
        x: ``(C, H, W)``, H and W even.

    Returns:
        LL, LH, HL, HH, each ``(C, H/2, W/2)`` in ``haar_format(...)`` of x's format.
    """
    a, b, c, d = _quarters(x)
    return a + b + c + d, a + b - c - d, a - b + c - d, a - b - c + d


def inverse_haar(
    ll: npt.ArrayLike, lh: npt.ArrayLike, hl: npt.ArrayLike, hh: npt.ArrayLike, shift: int, fmt: Format
) -> Integers:
    """The inverse of :func:`haar`: the same sums over the subbands, one rounding, one saturation.

    Args:
        ll, lh, hl, hh: ``(C, H/2, W/2)``, all of one fraction f + 1.
        shift: bits to round off, at least 1; 2 gives fraction f, and the image itself for subbands as delivered.
        fmt: format of the result ``(C, H, W)``.
    """
    if shift < 1:
        raise FormatError(f"an inverse wavelet rounds at least one bit off, not {shift}")
    ll, lh, hl, hh = (np.asarray(band, dtype=np.int64) for band in (ll, lh, hl, hh))
    image = np.empty((*ll.shape[:-2], 2 * ll.shape[-2], 2 * ll.shape[-1]), dtype=np.int64)
    a, b, c, d = _quarters(image)
    a[...], b[...] = ll + lh + hl + hh, ll + lh - hl - hh
    c[...], d[...] = ll - lh + hl - hh, ll - lh - hl + hh
    return requantise(image, shift, fmt)


def average_pool(x: npt.ArrayLike) -> Integers:
    """Mean of each 2x2 block, rounded half up, ``(C, H, W) -> (C, H/2, W/2)``; cannot leave the format of x."""
    a, b, c, d = _quarters(x)
    return round_shift(a + b + c + d, 2)


def bilinear_up(x: npt.ArrayLike) -> Integers:
    """Twice the size, ``(C, h, w) -> (C, 2h, 2w)``: ``(9a + 3b + 3c + d + 8) >> 4``, a the nearest pixel.

    Block-aligned phase, edges replicated, rounded once; cannot leave the format of x.
    """
    x = np.asarray(x, dtype=np.int64)

    def along(image: Integers, axis: int) -> Integers:
        index = np.arange(image.shape[axis])
        before, after = (np.take(image, index + step, axis, mode="clip") for step in (-1, 1))
        pair = np.stack([3 * image + before, 3 * image + after], axis=axis + 1)
        return pair.reshape([size * (1 + (i == axis)) for i, size in enumerate(image.shape)])

    return round_shift(along(along(x, 1), 2), 4)


def add(a: npt.ArrayLike, b: npt.ArrayLike, fmt: Format) -> Integers:
    """Saturating sum of two tensors of the same fraction: a skip connection."""
    return saturate(np.asarray(a, dtype=np.int64) + np.asarray(b, dtype=np.int64), fmt)
