"""The CPU engines: an integer model executed on any frame, equal in every bit to :func:`bitpan.model.execute`."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import ModelError, SlowEngineWarning
from bitpan.model import IntegerModel, Node, execute

Array = npt.NDArray[Any]
Rows = Callable[[int, int], None]
"""Computes rows ``first`` to ``last - 1`` of a step's output."""


class Engine(Protocol):
    """Runs an integer model on the CPU."""

    def run(self, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers], until: str = "fused") -> Array:
        """The tensor ``until``, from the tensors given in ``inputs``; only what lies between is computed."""


def make_engine(model: IntegerModel, threads: int | None = None) -> Engine:
    """The compiled engine where Numba is installed, else, with a warning, the reference."""
    try:
        import numba  # noqa: F401
    except ImportError:
        warnings.warn(
            "Numba is not installed: NumPy computes, the same bits many times more slowly; pip install 'bitpan[numba]'",
            SlowEngineWarning,
            stacklevel=2,
        )
        return ReferenceEngine(model)
    return CompiledEngine(model, threads)


class ReferenceEngine:
    """:mod:`bitpan.arithmetic` itself: slow, and needs nothing but NumPy."""

    def __init__(self, model: IntegerModel) -> None:
        self.model = model

    def run(self, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers], until: str = "fused") -> Array:
        """See :class:`Engine`."""
        nodes = needed_nodes(self.model, until, inputs)
        return execute(replace(self.model, nodes=nodes), inputs, scene, until)


def needed_nodes(model: IntegerModel, until: str, given: Collection[str]) -> list[Node]:
    """The nodes that ``until`` depends on, where the tensors ``given`` need not be computed."""
    wanted, nodes = {until}, []
    for node in reversed(model.nodes):
        if node.output in wanted and node.output not in given:
            nodes.append(node)
            wanted.update(node.inputs)
    missing = wanted - {node.output for node in nodes} - set(given)
    if missing:
        raise ModelError(f"model {model.name} cannot compute {until!r}: {', '.join(sorted(missing))} not given")
    return nodes[::-1]


def default_threads() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class CompiledEngine:
    """Bit-packed XNOR-popcount kernels, a sign, its convolution and its RPReLU fused, rows shared among threads.

    A step the kernels are not made for (another kernel size, sums beyond 32 bits) runs on the reference.

    Args:
        model: the network.
        threads: default: all cores.
    """

    def __init__(self, model: IntegerModel, threads: int | None = None) -> None:
        from bitpan.host.engine.steps import Steps

        self.model = model
        self.threads = threads or default_threads()
        self._steps = Steps(model)
        self._pool = ThreadPoolExecutor(self.threads)

    def run(self, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers], until: str = "fused") -> Array:
        """See :class:`Engine`. The result's type is the narrowest of int16, int32, int64 that holds its format."""
        nodes = needed_nodes(self.model, until, inputs)
        uses = Counter(name for node in nodes for name in node.inputs)
        uses[until] += 1
        values = {name: self._steps.narrow(name, value) for name, value in inputs.items() if name in uses}
        owned: set[str] = set()  # computed here, so that a last use may overwrite it
        skipped: set[str] = set()
        for node in nodes:
            if node.output in skipped:
                continue
            chain = self._steps.chain(node, nodes, uses, values)
            skipped.update(link.output for link in chain)
            # One use by the chain's sign, one as its residual: then nobody else reads it and it is overwritten.
            in_place = chain[0].inputs[0] in owned and uses[chain[0].inputs[0]] == 2
            found = self._steps.run(chain, values, scene, in_place, self._share)
            values |= found
            owned |= found.keys()
            for link in chain:
                uses.subtract(link.inputs)
            for name in [name for name in values if uses[name] <= 0]:
                del values[name]
        return values[until]

    def _share(self, rows: Rows, height: int) -> None:
        """Run a step's rows on all threads."""
        bands = min(height, 2 * self.threads if self.threads > 1 else 1)
        edges = [height * i // bands for i in range(bands + 1)]
        if bands == 1:
            rows(0, height)
        else:
            list(self._pool.map(rows, edges[:-1], edges[1:]))
