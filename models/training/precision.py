"""Mixed precision: bf16 where a network computes in floating point, never where it computes integers.

bf16 holds 8 bits. The operands +1 and -1 of a binary convolution fit, but its sums (up to 288 for 32 channels) do not,
and PyTorch rounds a convolution's output to its operands' type; 8-bit weights times 12-bit imagery fit even less. So
autocast is off everywhere, and on only inside the modules a network names in ``float_parts``, and only while it learns:
validation and quality tables are in full precision.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor

from bitpan.errors import BitpanWarning
from bitpan.models.networks.pansharpener import PanSharpener


def lower_precision(network: PanSharpener) -> None:
    """Let the floating-point parts of ``network`` compute in bf16 while gradients are recorded."""
    parts = network.float_parts()
    if not parts:
        said = f"--amp changes nothing: {network.name} has no part whose numbers fit bf16; leave it out"
        warnings.warn(said, BitpanWarning, stacklevel=2)
    for part in parts:
        part.forward = _in_bf16(part.forward)


def _in_bf16(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @wraps(forward)
    def lowered(x: Tensor, *rest: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=torch.is_grad_enabled()):
            result = forward(x, *rest)
        return result.float()

    return lowered
