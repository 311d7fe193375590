"""What a model's nodes are computed by on the CPU, in which order, and which rows of their results are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bitpan.errors import ModelError
from bitpan.host.engine.step import Kernel
from bitpan.model import IntegerModel, Node
from bitpan.operations import OPERATIONS


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


@dataclass(frozen=True)
class Part:
    """Nodes that are computed at once: a chain whose inner tensors nobody else reads.

    Attributes:
        nodes: in order.
        results: the last of them, whose outputs are there afterwards: several where one operation has several outputs.
        kernel: computes them, if there is one.
        reads: the tensors it takes.
        spare: those of them that nobody else reads, and that were not given.
        reach: how many PAN pixels beyond its own rows it reads of each.
        lag: PAN pixels by which its rows are behind the first parts', so that what they depend on is there.
    """

    nodes: list[Node]
    results: list[Node]
    kernel: Kernel | None
    reads: list[str]
    spare: set[str]
    reach: Mapping[str, int]
    lag: int


@dataclass(frozen=True)
class Plan:
    """How ``until`` is computed.

    Attributes:
        parts: in order.
        kept: PAN pixels' worth of rows that are kept of each tensor, by name.
    """

    parts: list[Part]
    kept: Mapping[str, int]


def make_plan(
    model: IntegerModel, kernels: Mapping[tuple[str, ...], Kernel], until: str, given: Collection[str], band: int
) -> Plan:
    """How to compute ``until`` from tensors that are given, ``band`` PAN pixels of rows at a time."""
    needed = needed_nodes(model, until, given)
    rest, lags = needed, dict.fromkeys(given, 0)
    parts: list[Part] = []
    while rest:
        chain = _chain(kernels, rest, until, lags)
        results = _at_once(rest, chain[-1])
        nodes = [*chain[:-1], *results]
        rest = [node for node in rest if node not in nodes]
        reads = [name for node in chain for name in node.inputs if name not in {node.output for node in nodes}]
        reach, stride = replace(model, nodes=chain).reaches(), model.tensors[chain[-1].output].stride
        lag = -(-max(lags[name] + reach[name] for name in reads) // stride) * stride
        lags |= dict.fromkeys((node.output for node in results), lag)
        others = {name for node in needed if node not in nodes for name in node.inputs}
        kernel = kernels.get(tuple(node.op for node in chain))
        parts.append(Part(nodes, results, kernel, reads, {*reads}.difference(others, given), reach, lag))
    ends = _last_reads(parts)
    whole = {node.output for part in parts for node in part.results if until in [each.output for each in part.results]}
    return Plan(parts, {name: band + end - lags[name] for name, end in ends.items() if name not in whole})


def _last_reads(parts: Sequence[Part]) -> dict[str, int]:
    """How far behind the first parts' rows the last reader of a tensor, or of what may lie on it, still reads."""
    ends: dict[str, int] = {}
    for part in reversed(parts):
        over = max(ends.get(node.output, 0) for node in part.results)
        for name in part.reads:
            last = max(part.lag + part.reach[name], over if name in part.spare else 0)
            ends[name] = max(ends.get(name, 0), last)
    return ends


def _chain(
    kernels: Mapping[tuple[str, ...], Kernel], rest: Sequence[Node], until: str, ready: Collection[str]
) -> list[Node]:
    """The first of the nodes, and those that a kernel computes together with it."""
    chain = [rest[0]]
    while chain[-1].output != until:
        readers = [node for node in rest for name in node.inputs if name == chain[-1].output]
        if not readers or readers != _at_once(rest, readers[0]):
            break
        if not {chain[-1].output, *ready}.issuperset(readers[0].inputs):
            break
        chain.append(readers[0])
    while len(chain) > 1 and tuple(node.op for node in chain) not in kernels:
        chain.pop()
    return chain


def _at_once(nodes: Sequence[Node], node: Node) -> list[Node]:
    """It, or those that give the outputs of one operation together with it."""
    if not OPERATIONS[node.op].output:
        return [node]
    return [other for other in nodes if (other.op, other.inputs) == (node.op, node.inputs)]
