"""What a network costs: parameters, and multiply-accumulates per PAN pixel, binary ones apart.

A multiply-accumulate (MAC) is one weight met at one output site of a convolution. What acts once per scene (linear
layers on channel statistics, BNNPan's latent encoder) counts with its parameters and not with its MACs. Parameters
that only training uses (the encoder of the truth) do not count, nor do weights that are zero by construction, which a
module's ``kept`` leaves out. A binary convolution is a module with ``binary = True``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from bitpan.models.networks.latent import LatentEncoder

SIDE = 32
"""PAN pixels of the pair that is counted on: a multiple of every network's deepest stride."""


@dataclass(frozen=True)
class Cost:
    """Counts of one network.

    Attributes:
        binary_weights: weights of one bit.
        other_parameters: everything else that is learned.
        binary_macs: XNORs with their bit count, per PAN pixel.
        other_macs: multiply-accumulates of convolutions that are not binary, per PAN pixel.
    """

    binary_weights: int
    other_parameters: int
    binary_macs: float
    other_macs: float

    @property
    def parameters(self) -> float:
        """Full precision and binary/32, as the tables of binary networks count them."""
        return self.other_parameters + self.binary_weights / 32

    @property
    def operations(self) -> float:
        """Full precision and binary/64 per PAN pixel, as the same tables do."""
        return self.other_macs + self.binary_macs / 64

    def to_json(self) -> dict[str, float]:
        """As plain types."""
        counts = ("binary_weights", "other_parameters", "parameters", "binary_macs", "other_macs", "operations")
        return {name: getattr(self, name) for name in counts}


def is_binary(module: nn.Module) -> bool:
    """Whether the module's convolution is of one-bit inputs and weights."""
    return getattr(module, "binary", False) is True


def dropped(module: nn.Module) -> int:
    """Weights of each output of the module that are zero by construction, see :mod:`bitpan.models.layers.head`."""
    kept = getattr(module, "kept", None)
    return 0 if kept is None else kept.numel() - int(kept.sum())


def cost(network: nn.Module) -> Cost:
    """Count ``network``, which has a ``configuration`` and is called as ``network(pan, ms)``."""
    macs, used = _run_once(network)
    binary_names = {
        f"{prefix}.{name}".lstrip(".")
        for prefix, module in network.named_modules()
        if is_binary(module)
        for name, weight in module.named_parameters()
        if weight.ndim == 4
    }
    binary = sum(count for name, count in used.items() if name in binary_names)
    zeros = sum(dropped(module) * next(module.parameters()).shape[0] for module in network.modules() if dropped(module))
    return Cost(binary, sum(used.values()) - binary - zeros, macs[True], macs[False])


def _run_once(network: nn.Module) -> tuple[dict[bool, float], dict[str, int]]:
    """MACs per PAN pixel, binary or not, and the sizes of the learned parameters that the fused image depends on."""
    own: Any = network.configuration
    learned = {name: value for name, value in network.named_parameters() if value.requires_grad}
    device = next(network.parameters()).device
    pan = torch.zeros(1, 1, SIDE, SIDE, device=device)
    ms = torch.zeros(1, own.bands, SIDE // own.ratio, SIDE // own.ratio, device=device)
    counter, training = _Convolutions(), network.training
    begin, end = register_module_forward_pre_hook(counter.begins), register_module_forward_hook(counter.ends)
    with begin, end, torch.enable_grad(), counter:
        fused = network.eval()(pan, ms)
    network.train(training)
    gradients = torch.autograd.grad(fused.sum(), list(learned.values()), allow_unused=True)
    used = {
        name: value.numel()
        for (name, value), gradient in zip(learned.items(), gradients, strict=True)
        if gradient is not None
    }
    return {binary: count / SIDE**2 for binary, count in counter.macs.items()}, used


class _Convolutions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the convolutions that run while it is active, by the kinds of modules that are running."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.inside: Counter[str] = Counter()
        self.macs = {True: 0, False: 0}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        result = func(*args, **(kwargs or {}))
        if func in (torch.ops.aten.convolution.default, torch.ops.aten.cudnn_convolution.default):
            weight: Tensor = args[1]
            if not self.inside["scene"]:
                products = weight[0].numel() - self.inside["dropped"]
                self.macs[self.inside["binary"] > 0] += result.numel() * products * (1 + self.inside["planes"])
        return result

    def begins(self, module: nn.Module, *_: object, by: int = 1) -> None:
        """Called before each module's forward pass."""
        self.inside["binary"] += by * is_binary(module)
        self.inside["planes"] += by * (getattr(module, "planes", 1) - 1)
        self.inside["dropped"] += by * dropped(module)
        self.inside["scene"] += by * isinstance(module, LatentEncoder)

    def ends(self, module: nn.Module, *_: object) -> None:
        """Called after it."""
        self.begins(module, by=-1)
