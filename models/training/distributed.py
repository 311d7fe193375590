"""Training by several processes, one per GPU or per share of the CPU's cores: ``torchrun --nproc_per_node N``.

Every process holds the whole network and all data, and computes its share of the same batch. Gradients are averaged in
one message per iteration: the networks have some 10**5 parameters, so that there is nothing to gain from sending them
in pieces while the others are computed, and a stage may leave out as many parameters as it likes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import distributed, nn

from bitpan.errors import DataError


def rank() -> int:
    """This process's number; 0 prints and writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def size() -> int:
    """Number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


@contextmanager
def processes() -> Iterator[None]:
    """Join the processes that ``torchrun`` started, if it did: gloo carries what is on a CPU, NCCL what is on a GPU."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    distributed.init_process_group()
    try:
        yield
    finally:
        distributed.destroy_process_group()


def device(name: str) -> torch.device:
    """The device ``name``; where that is ``cuda`` and there are several processes, each has a GPU of its own.

    From then on a GPU computes float32 as such, not as TF32 with its 10 bits of fraction.

    Raises:
        DataError: if there is no such device.
    """
    if name == "cuda" and size() > 1:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    try:
        chosen = torch.device(name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError):
        raise DataError(f"--device {name}: PyTorch finds no such device; take cpu or cuda") from None
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    return chosen


def share(batch: int) -> slice:
    """Which samples of a batch are this process's.

    Raises:
        DataError: if the batch cannot be shared out equally.
    """
    if batch % size():
        raise DataError(f"--batch {batch} cannot be shared by {size()} processes; take a multiple of {size()}")
    part = batch // size()
    return slice(rank() * part, (rank() + 1) * part)


def same_start(network: nn.Module) -> None:
    """Give every process the parameters and buffers of the first."""
    if size() > 1:
        for value in network.state_dict().values():
            sent = value.contiguous()
            distributed.broadcast(sent, 0)
            value.copy_(sent)


def average(parameters: Iterable[nn.Parameter], *numbers: float) -> tuple[float, ...]:
    """Average the parameters' gradients over the processes, in place; the averages of ``numbers``."""
    if size() == 1:
        return numbers
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    values = [*gradients, torch.tensor(numbers, device=gradients[0].device)]
    message = torch.cat([value.flatten() for value in values])
    distributed.all_reduce(message)
    message /= size()
    for value, average in zip(values, torch.split(message, [value.numel() for value in values]), strict=True):
        value.copy_(average.view_as(value))
    return tuple(values[-1].tolist())
