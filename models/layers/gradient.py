"""Functions with a gradient of their own: what a result's gradient becomes is said beside the result."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

Takes = ParamSpec("Takes")
Gives = TypeVar("Gives")
Differentiable = tuple[Gives, Callable[..., Any], tuple[Tensor, ...]]
"""A result, the function from its gradients and what it kept to the gradients of the first arguments, what it keeps."""


class _Custom(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, function: Callable[..., Differentiable[Any]], *arguments: Any) -> Any:  # noqa: ANN401
        result, ctx.gradients, kept = function(*arguments)
        ctx.save_for_backward(*kept)
        ctx.others = len(arguments)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        found = ctx.gradients(*gradients, *ctx.saved_tensors)
        found = found if isinstance(found, tuple) else (found,)
        return None, *found, *(None,) * (ctx.others - len(found))


def custom_gradient(function: Callable[Takes, Differentiable[Gives]]) -> Callable[Takes, Gives]:
    """Make of a function that gives :data:`Differentiable` one that gives the result alone and has that gradient.

    It runs without recording; tensors that its gradient needs are among what it keeps, not in its closure, which would
    hold them beyond the backward pass. Tensors come before all other arguments, which are not named or named last.
    """

    @wraps(function)
    def differentiable(*arguments: Takes.args, **named: Takes.kwargs) -> Gives:
        return _Custom.apply(partial(function, **named), *arguments)  # type: ignore[no-any-return,no-untyped-call]

    return differentiable
