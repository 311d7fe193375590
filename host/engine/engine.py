"""The CPU engines: an integer model executed on any frame, equal in every bit to :func:`bitpan.model.execute`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import FormatError, ModelError, SlowEngineWarning
from bitpan.host.engine.step import Array, Kernel, Step, narrowest
from bitpan.model import IntegerModel, Node, execute
from bitpan.operations import OPERATIONS


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


@dataclass(frozen=True)
class _Part:
    """Nodes that are computed at once: a chain whose inner tensors nobody else reads, or one operation's outputs.

    Attributes:
        nodes: in order.
        kernel: computes them, if there is one.
        reads: the tensors it takes.
        last: tensors that nobody reads afterwards.
        spare: those of them that may be overwritten: all but what was given.
    """

    nodes: list[Node]
    kernel: Kernel | None
    reads: list[str]
    last: set[str]
    spare: set[str]


class CompiledEngine:
    """Bit-packed XNOR-popcount kernels, a sign, its convolution and its RPReLU fused, rows shared among threads.

    A step the kernels are not made for (another kernel size, sums beyond 32 bits) runs on the reference.

    Args:
        model: the network.
        threads: default: all cores.
    """

    def __init__(self, model: IntegerModel, threads: int | None = None) -> None:
        from bitpan.host.engine.kernels import KERNELS

        self.model = model
        self.threads = threads or default_threads()
        self._kernels = KERNELS
        self._plans: dict[tuple[str, ...], list[_Part]] = {}
        self._pool = ThreadPoolExecutor(self.threads)

    def run(self, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers], until: str = "fused") -> Array:
        """See :class:`Engine`. The result's type is the narrowest of int16, int32, int64 that holds its format."""
        self.model.check_inputs(inputs)
        asked = (until, *sorted(inputs))
        if asked not in self._plans:
            self._plans[asked] = self._plan(until, inputs)
        read = {until}.union(*(part.reads for part in self._plans[asked]))
        values = {name: self._narrow(name, value) for name, value in inputs.items() if name in read}
        for part in self._plans[asked]:
            values |= self._compute(part, values, scene)
            for name in part.last:
                values.pop(name, None)
        return values[until]

    def _plan(self, until: str, given: Collection[str]) -> list[_Part]:
        """What to compute, in order."""
        rest, parts, ready = needed_nodes(self.model, until, given), [], {*given}
        while rest:
            chain = self._chain(rest, until, ready)
            nodes = chain
            if OPERATIONS[chain[0].op].output:  # all of them at once
                nodes = [node for node in rest if (node.op, node.inputs) == (chain[0].op, chain[0].inputs)]
            rest = [node for node in rest if node not in nodes]
            outputs = {node.output for node in nodes}
            reads = [name for node in chain for name in node.inputs if name not in outputs]
            last = {*reads, *outputs}.difference([until], *(node.inputs for node in rest))
            kernel = self._kernels.get(tuple(node.op for node in chain))
            parts.append(_Part(nodes, kernel, reads, last, last.difference(given)))
            ready |= outputs
        return parts

    def _chain(self, rest: Sequence[Node], until: str, ready: Collection[str]) -> list[Node]:
        """The first of the nodes, and those that a kernel computes together with it."""
        chain = [rest[0]]
        while chain[-1].output != until:
            readers = [node for node in rest for name in node.inputs if name == chain[-1].output]
            if len(readers) != 1 or not {chain[-1].output, *ready}.issuperset(readers[0].inputs):
                break
            chain.append(readers[0])
        while len(chain) > 1 and tuple(node.op for node in chain) not in self._kernels:
            chain.pop()
        return chain

    def _compute(self, part: _Part, values: Mapping[str, Array], scene: Mapping[str, Integers]) -> dict[str, Array]:
        """What comes of a part, by name."""
        result, which = part.nodes[-1].output, OPERATIONS[part.nodes[0].op].output
        taken, found = {name: values[name] for name in part.reads}, None
        if part.kernel is not None:
            named = {key: value for node in part.nodes for key, value in self.model.arguments(node, scene).items()}
            named.pop(which, None)
            formats = [self.model.tensors[name].format for name in (*part.reads, result)]
            spare = [value for name, value in taken.items() if name in part.spare]
            step = Step(formats[:-1], formats[-1], self._share, spare)
            found = part.kernel(*(taken[name] for name in part.reads), **named, step=step)
        if found is None:
            computed: dict[str, Array] = {}
            execute(replace(self.model, nodes=part.nodes), taken, scene, result, computed.__setitem__)
            return computed
        return {node.output: found[node.attributes[which]] for node in part.nodes} if which else {result: found}

    def _narrow(self, name: str, value: npt.ArrayLike) -> Array:
        """An input in its format's narrowest type; raise :class:`FormatError` if it does not fit the format."""
        fmt, array = self.model.tensors[name].format, np.asarray(value)
        if array.size and not fmt.min <= array.min() <= array.max() <= fmt.max:
            raise FormatError(f"{name} holds {array.min()} to {array.max()}, its format {fmt.min} to {fmt.max}")
        return np.ascontiguousarray(array, dtype=narrowest(fmt))

    def _share(self, rows: Callable[[int, int], None], height: int) -> None:
        """Run a step's rows on all threads."""
        bands = min(height, 2 * self.threads if self.threads > 1 else 1)
        edges = [height * i // bands for i in range(bands + 1)]
        if bands == 1:
            rows(0, height)
        else:
            list(self._pool.map(rows, edges[:-1], edges[1:]))
