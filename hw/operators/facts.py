"""What the build asks of every node of a finished graph, ours and FINN's: lanes, dependence, pace, ports."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

Index = npt.NDArray[np.int64]


class Facts(HWCustomOp):  # type: ignore[misc]
    """Answers of a unit that has nothing to choose and gives a beat a clock; a class overrides what it does otherwise.

    Attributes:
        delay: clocks from the last beat an output depends on to that output's first beat, where they are fixed.
        smooth: whether a paced schedule spreads its output evenly, so that what comes in bursts waits in front of it.
        holds: whether what waits does so in memory of its own, so that it takes all inputs as soon as they are there.
        relays: whether it only hands beats on, in other lanes.
        repeats: whether a second one of it can take less than to keep its output until another branch needs it.
    """

    delay = 1
    smooth = False
    holds = False
    relays = False
    repeats = False

    @property
    def late(self) -> bool:
        """Whether it is such a second one: its output comes when it is needed, and its input waits until then."""
        return self.repeats and bool(self.get_nodeattr("Late"))

    @property
    def stream_inputs(self) -> list[str]:
        """Tensors that come in as streams; a node with more than one joins them beat by beat."""
        return [name for i, name in enumerate(self.onnx_node.input) if self.get_instream_width(i)]

    def fold(self, clocks: int) -> None:
        """Choose the fewest lanes with which a frame takes at most ``clocks``."""

    def follow(self, graph: ModelWrapper) -> None:
        """Take the lanes of the producer, which has chosen its own."""

    def saving(self, resource: str) -> tuple[float, float]:
        """How much of a resource it can do without, and the LUTs instead; zeros: there is no such choice."""
        return 0.0, 0.0

    def spare(self, resource: str) -> None:
        """Do without."""

    def scene_words(self) -> int:
        """Words on the scene-parameter bus; 0: there is no such port."""
        return 0

    def shared_ports(self) -> dict[str, int]:
        """Input ports that all units of the kind share, and their bits."""
        return {}

    def needs(self) -> Index:
        """For each output beat of a frame the last input beat it depends on, not descending; -1 for none."""
        inputs, outputs = self.beats_in(), self.beats_out()
        return np.asarray(-(-np.arange(1, outputs + 1) * inputs // outputs) - 1)

    def interval(self, feed: float) -> float:
        """Clocks from output beat to output beat when input waits; ``feed``: clocks between PAN pixels."""
        return 1.0

    def latency(self) -> int:
        """Clocks from the last beat an output depends on to that output's first beat."""
        return self.delay

    def clocks(self) -> int:
        """Clocks of a frame among others."""
        return int(self.get_exp_cycles())

    def beats_in(self) -> int:
        """Beats of a frame on each stream that comes in."""
        return int(np.prod(self.get_folded_input_shape(0)[:-1]))

    def beats_out(self) -> int:
        """Beats of a frame on each stream that goes out."""
        return int(np.prod(self.get_folded_output_shape(0)[:-1]))


def lanes_before(unit: Facts, graph: ModelWrapper) -> int:
    """Elements of a beat of a unit's first input, as its producer gives them."""
    tensor = unit.onnx_node.input[0]
    producer = graph.find_producer(tensor)
    if producer is None:  # the accelerator's own input: whole pixels
        return int(graph.get_tensor_shape(tensor)[-1])
    return int(getCustomOp(producer).get_folded_output_shape(list(producer.output).index(tensor))[-1])


def last_beats(rows: Index, columns: Index, width: int, folds: int) -> Index:
    """Needs of an image that is made of another of the same folds.

    Args:
        rows, columns: last row and last column of the other that each row and column depends on.
        width: pixels of a row of the other.
        folds: beats of a pixel.
    """
    pixels = rows[:, None, None] * width + columns[:, None]
    return np.maximum.accumulate((pixels * folds + np.arange(folds)).reshape(-1))
