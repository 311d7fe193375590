"""The CPU engine's kernels by operation, or by the operations that one runs at once.

Each takes the node's tensors, then its constants, attributes and scene parameters by name, as the operation's function
in :mod:`bitpan.arithmetic` does, and a :class:`.Step`, and gives :class:`.Rows`: a place for the result and a function
that fills some of its rows. Where it is not made for the numbers it gives None, and the reference does the work. An
operation with several outputs gives them stacked.

The inner loops are those of :mod:`bitpan.host.compiled`.
"""

from __future__ import annotations

from collections.abc import Mapping

from bitpan.host.compiled.machine_code import Compiled
from bitpan.host.engine import binary, channels, images, resampling
from bitpan.host.engine.step import Kernel

KERNELS: Mapping[tuple[str, ...], Kernel] = {
    ("interpolate",): images.interpolate,
    ("centre",): images.centre,
    ("concat",): images.concat,
    ("conv",): images.conv,
    ("sign", "binary_conv", "rprelu"): binary.sign_conv_rprelu,
    ("sign",): binary.sign,
    ("binary_conv", "rprelu"): binary.conv_rprelu,
    ("depthwise",): images.conv,
    ("norm",): channels.norm,
    ("affine",): channels.affine,
    ("haar",): resampling.haar,
    ("inverse_haar",): resampling.inverse_haar,
    ("inverse_haar", "affine"): resampling.inverse_haar_affine,
    ("inverse_haar", "affine", "haar"): resampling.next_subbands,
    ("pool",): resampling.pool,
    ("up",): resampling.up,
    ("up", "add"): resampling.up_add,
    ("add",): resampling.add,
    ("add_clip",): images.add_clip,
}

IN_BANDS = Compiled("bands.in_bands")
"""Calls the kernels of a frame."""
