"""The CPU engines: an integer model executed on any frame, equal in every bit to :func:`bitpan.model.execute`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import Integers
from bitpan.errors import FormatError, SlowEngineWarning
from bitpan.host.engine.memory import FrameMemory, Memory
from bitpan.host.engine.plan import Part, Plan, make_plan, needed_nodes
from bitpan.host.engine.step import Array, Step, narrowest
from bitpan.host.threads import default_threads
from bitpan.model import IntegerModel, execute
from bitpan.operations import OPERATIONS
from bitpan.optional import found, require

if TYPE_CHECKING:  # boards without a compiler have no such code
    from bitpan.host.compiled.machine_code import Bound


class Engine(Protocol):
    """Runs an integer model on the CPU.

    Attributes:
        threads: how many frames are worth computing at a time.
        side_by_side: how many of 128 or so pixels a side take less time as one than each alone.
    """

    threads: int
    side_by_side: int

    def run(self, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers], until: str = "fused") -> Array:
        """The tensor ``until``, from the tensors given in ``inputs``; only what lies between is computed."""


def make_engine(model: IntegerModel, threads: int | None = None, device: str = "cpu") -> Engine:
    """PyTorch's for ``cuda``, else the compiled one where Numba is installed, else, with a warning, the reference."""
    if device == "cuda":
        engine: Engine = require("bitpan.host.engine.torch_engine").TorchEngine(model, device)
        return engine
    if found("bitpan.host.compiled.machine_code") is None:
        warnings.warn(
            "Numba is not installed: NumPy computes, the same bits many times more slowly; pip install 'bitpan[numba]'",
            SlowEngineWarning,
            stacklevel=2,
        )
        return ReferenceEngine(model)
    return CompiledEngine(model, threads)


class ReferenceEngine:
    """:mod:`bitpan.arithmetic` itself: slow, and needs nothing but NumPy."""

    threads = 1
    side_by_side = 1  # its tensors, of 64 bits, leave the cache

    def __init__(self, model: IntegerModel) -> None:
        self.model = model

    def run(self, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers], until: str = "fused") -> Array:
        """See :class:`Engine`."""
        nodes = needed_nodes(self.model, until, inputs)
        return execute(replace(self.model, nodes=nodes), inputs, scene, until)


def code_folder() -> str:
    """Where the compiled engine keeps its machine code; nothing where there is no compiled engine."""
    machine_code = found("bitpan.host.compiled.machine_code")
    return str(machine_code.code_folder()) if machine_code else ""


BAND = 8
"""PAN pixels of a frame's rows that go through the network before the next ones, at least: they stay in the cache."""


class CompiledEngine:
    """Bit-sliced XNOR-popcount kernels, a sign, its convolution and its RPReLU fused, rows after rows through all.

    A step the kernels are not made for (another kernel size, sums beyond 32 bits) runs on the reference.

    Args:
        model: the network.
        threads: how many frames are worth computing at a time; default: as many as there are cores.
    """

    side_by_side = 8

    def __init__(self, model: IntegerModel, threads: int | None = None) -> None:
        from bitpan.host.engine.kernels import IN_BANDS, KERNELS

        self.model = model
        self.threads = threads or default_threads()
        self._kernels, self._in_bands = KERNELS, IN_BANDS
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._memory = Memory()
        self._band = -(-BAND // model.alignment) * model.alignment

    def run(self, inputs: Mapping[str, npt.ArrayLike], scene: Mapping[str, Integers], until: str = "fused") -> Array:
        """See :class:`Engine`. The result's type is the narrowest of int16, int32, int64 that holds its format."""
        size = self.model.check_inputs(inputs)
        asked = (until, *sorted(inputs))
        if asked not in self._plans:
            self._plans[asked] = make_plan(self.model, self._kernels, until, inputs, self._band)
        plan = self._plans[asked]
        for stride in {self.model.tensors[node.output].stride for part in plan.parts for node in part.nodes}:
            if any(side % stride for side in size):
                raise FormatError(f"{size[0]} x {size[1]} PAN pixels are no multiple of {stride}, a tensor's stride")
        read = {until}.union(*(part.reads for part in plan.parts))
        given = {name: _by_rows(self._narrow(name, value)) for name, value in inputs.items() if name in read}
        memory = FrameMemory(self._memory)
        frame = _Frame(self.model, scene, size, memory, given, plan.kept)
        computed = [_Computed(part, frame) for part in plan.parts]
        if all([each.begin() for each in computed]):
            kernels = np.array([each.called() for each in computed], np.int64).reshape(-1, 6)
            end, failed = size[0] + max((part.lag for part in plan.parts), default=0), np.zeros(1, np.int64)
            self._in_bands(kernels, self._band, end, failed)
            if failed[0]:
                raise MemoryError(f"no memory for what {plan.parts[failed[0] - 1].nodes[-1].output} needs meanwhile")
        else:  # the reference takes whole tensors
            frame = _Frame(self.model, scene, size, memory, given, {})
            for part in plan.parts:
                _Computed(part, frame).whole()
        memory.close()
        return np.moveaxis(frame.there[until], 1, 0)

    def _narrow(self, name: str, value: npt.ArrayLike) -> Array:
        """An input in its format's narrowest type; raise :class:`FormatError` if it does not fit the format."""
        fmt, array = self.model.tensors[name].format, np.asarray(value)
        if array.size and not fmt.min <= array.min() <= array.max() <= fmt.max:
            raise FormatError(f"{name} holds {array.min()} to {array.max()}, its format {fmt.min} to {fmt.max}")
        return array.astype(narrowest(fmt), copy=False)


def _by_rows(image: Array) -> Array:
    """``(channels, height, width)`` as in :class:`.Rows`."""
    return np.ascontiguousarray(np.moveaxis(image, 0, 1))


@dataclass
class _Frame:
    """What is known of a frame under way.

    Attributes:
        size: height and width, PAN pixels.
        memory: for its tensors.
        given: tensors that are there from the beginning.
        kept: PAN pixels' worth of rows that are kept of each tensor; of others all.
        there: the tensors that there are, or will be, as in :class:`.Rows`.
    """

    model: IntegerModel
    scene: Mapping[str, Integers]
    size: tuple[int, int]
    memory: FrameMemory
    given: Mapping[str, Array]
    kept: Mapping[str, int]
    there: dict[str, Array] = field(init=False)

    def __post_init__(self) -> None:
        self.there = dict(self.given)


class _Computed:
    """A part's results on one frame."""

    def __init__(self, part: Part, frame: _Frame) -> None:
        self._part, self._frame = part, frame
        self._stride = frame.model.tensors[part.nodes[-1].output].stride
        self._height = frame.size[0] // self._stride
        self._compute: Bound | None = None

    def begin(self) -> bool:
        """Find a place for the result; False where the reference has to compute it, or an input."""
        part, frame, model = self._part, self._frame, self._frame.model
        if part.kernel is None or not frame.there.keys() >= {*part.reads}:
            return False
        output, which = part.nodes[-1].output, OPERATIONS[part.nodes[-1].op].output
        taken = {name: frame.there[name] for name in part.reads}
        named = {key: value for node in part.nodes for key, value in model.arguments(node, frame.scene).items()}
        named.pop(which, None)
        formats = [model.tensors[name].format for name in (*part.reads, output)]
        outputs = [node.output for node in part.results]
        size, rows = (self._height, frame.size[1] // self._stride), self._height
        spare: list[Array] = []
        empty: Callable[[Sequence[int], npt.DTypeLike], Array] = np.empty
        if frame.kept.keys() >= {*outputs}:
            rows = min(rows, max(-(-frame.kept[name] // self._stride) for name in outputs))
            spare, empty = [taken[name] for name in part.spare], frame.memory.empty
        between = [model.tensors[node.output].format for node in part.nodes[: -len(part.results)]]
        step = Step(formats[:-1], formats[-1], size, rows, spare, empty, between)
        result = part.kernel(*(taken[name] for name in part.reads), **named, step=step)
        if result is None:
            return False
        self._compute = result.compute
        if which:
            frame.there |= {node.output: result.array[node.attributes[which]] for node in part.results}
        else:
            frame.there[output] = result.array
        return True

    def called(self) -> tuple[int, ...]:
        """How its kernel is called, see :func:`bitpan.host.compiled.bands.in_bands`."""
        assert self._compute is not None
        return (*self._compute.address, self._part.lag, self._stride, self._height)

    def whole(self) -> None:
        """Compute all rows, by the kernel or by the reference."""
        if self.begin():
            assert self._compute is not None
            self._compute(0, self._height)
            return
        frame, output = self._frame, self._part.nodes[-1].output
        taken = {name: np.moveaxis(frame.there[name], 1, 0) for name in self._part.reads}
        computed: dict[str, Array] = {}
        model = replace(frame.model, nodes=self._part.nodes)
        execute(model, taken, frame.scene, output, computed.__setitem__)
        frame.there |= {name: _by_rows(value) for name, value in computed.items()}
