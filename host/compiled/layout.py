"""What kernels and those who call them agree on: how long vectors are, and how constants lie."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

import numpy.typing as npt
from llvmlite import binding

from bitpan.arithmetic import NORM_RANGE

Array: TypeAlias = npt.NDArray[Any]


def _features() -> str:
    """Those that Numba compiles for: what it is told to, or all that there are."""
    try:
        return os.environ.get("NUMBA_CPU_FEATURES") or str(binding.get_host_cpu_features().flatten())
    except RuntimeError:  # LLVM does not know this processor's
        return ""


FEATURES = _features().split(",")
"""Of the processor, as LLVM names them: ``+avx2``."""

PROCESSOR = os.environ.get("NUMBA_CPU_NAME") or str(binding.get_host_cpu_name())
"""As LLVM names it."""

TERNARY = "+avx512f" in FEATURES
"""Whether any function of three bits is one instruction."""

GALOIS = "+gfni" in FEATURES and "+avx" in FEATURES
"""Whether matrices of eight by eight bits are multiplied by one instruction, in each 64-bit word of a vector."""

WORDS = 8 if TERNARY else 4
"""64-bit words of a vector of bits: 512 pixels, or 256."""

PIXELS = 32
"""Numbers of a vector of pixels: half a word's."""

SUMS = 4 * WORDS
"""Numbers of a vector of sums of products: two registers, so that there are enough for several such vectors."""

VARIANTS = 4
"""Of the majority of a, b and c, up to a complement: of none, of b, of c, of both complemented."""

GROUP = 16
"""Words that an output of a binary convolution adds at a time; so many, the last, are there complemented, too."""

OUTPUTS = 4
"""Of an integer convolution, at a time: an input's pixels are loaded once for them."""

MOST_LEFT = NORM_RANGE.bits - 1
"""A norm's shift to the left by more saturates no differently."""

MOST_RIGHT = 30
"""A shift to the right by more leaves nothing of numbers below ``2**29`` either, and fits the type."""
