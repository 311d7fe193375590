"""The window unit against NumPy's windows of the padded image."""

from dataclasses import dataclass

import numpy as np
import pytest

from bench import check, folded, integers, lint, run
from bitpan.errors import BuildError, SimulationError
from bitpan.hw.packing import literal, pack
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources

SOURCES = unit_sources("bp_window")


@dataclass(frozen=True)
class Case:
    kernel: int
    channels: int
    bits: int
    in_pe: int
    simd: int
    times: int = 1
    groups: int = 1
    share: float = 1.0  # of the elements, kept
    width: int = 7
    stride_bits: int = 0

    @property
    def keep(self):
        """``(kernel, kernel, channels)``, as many in each group of channels."""
        taps = np.random.default_rng(3).random((self.kernel, self.kernel, self.channels // self.groups)) < self.share
        taps[self.kernel // 2, self.kernel // 2] = True
        return np.tile(taps, (1, 1, self.groups))

    def parameters(self):
        shape = {"Kernel": self.kernel, "Channels": self.channels, "Bits": self.bits, "InPe": self.in_pe}
        shape |= {"Width": self.width, "StrideBits": self.stride_bits, "Simd": self.simd}
        return {**shape, "Times": self.times, "Groups": self.groups, "Keep": literal(self.keep, 1)}

    @property
    def pieces(self):
        """Beats of a window."""
        return int(self.keep.sum()) // self.simd * self.times // self.groups

    def clocks(self, rows, columns):
        """Of a frame among others."""
        margin, folds, apart = self.kernel // 2, self.channels // self.in_pe, min(2, self.pieces)
        line = max(columns * self.pieces + margin * apart, columns * folds)
        return rows * line + max(margin - 1, 0) * (columns * max(folds, apart) + margin * apart)

    def beats(self, image):
        """Pieces ``(n, simd)`` of an image ``(C, H, W)``."""
        margin = self.kernel // 2
        padded = np.pad(image, ((0, 0), (margin, margin), (margin, margin)))
        taps = np.lib.stride_tricks.sliding_window_view(padded, (self.kernel, self.kernel), axis=(1, 2))
        windows = taps.transpose(1, 2, 3, 4, 0)  # H, W, ky, kx, C
        height, width = image.shape[1:]
        groups = []
        for channels in np.split(np.arange(self.channels), self.groups):
            elements = windows[..., channels][..., self.keep[..., channels]]
            pieces = elements.reshape(height * width, 1, -1, self.simd)
            groups.append(np.repeat(pieces, self.times // self.groups, axis=1).reshape(height * width, -1, self.simd))
        return np.concatenate(groups, axis=1).reshape(-1, self.simd)


def size(case, rows, columns):
    return rows << 16 + case.stride_bits | columns << case.stride_bits


def frames(case, count, rows, columns, seed=0):
    """Beats in and out of random frames back to back."""
    rng = np.random.default_rng(seed)
    images = [integers(rng, case.bits, (case.channels, rows, columns), case.bits > 1) for _ in range(count)]
    inputs = np.concatenate([folded(image, case.in_pe, case.bits) for image in images])
    return inputs, pack(np.concatenate([case.beats(image) for image in images]), case.bits)


CASES = [
    Case(3, 4, 1, 4, 36),  # a window a clock
    Case(3, 4, 1, 2, 36, times=4),  # whole windows, repeated
    Case(3, 4, 1, 2, 12, times=2, width=130),  # a row of the window a piece; block memory
    Case(3, 4, 10, 1, 2, times=2, groups=2),  # nine taps of two channels, then of the others
    Case(3, 6, 3, 3, 3, times=4, groups=2, stride_bits=1),
    Case(3, 3, 5, 1, 1, times=2, share=0.4),
    Case(5, 2, 4, 2, 50),
    Case(5, 2, 4, 1, 2, times=2, share=0.5, width=6),
    Case(1, 6, 4, 2, 3, times=2),
    Case(1, 2, 4, 2, 2),
    Case(3, 2, 2, 2, 18, width=1),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_windows(case):
    columns = min(case.width, 9)
    inputs, outputs = frames(case, 3, 4, columns)
    with Simulation(SOURCES, "bp_window", case.parameters()) as simulation:
        simulation.poke("size_i", size(case, 4, columns))
        check(simulation, {"in0": inputs}, {"out0": outputs})
        wrong = outputs.copy()
        wrong[-1, 0] ^= 1
        with pytest.raises(AssertionError, match="wrong bytes"):
            run(simulation, {"in0": inputs}, {"out0": wrong})


@pytest.mark.parametrize("case", CASES, ids=str)
def test_frames_of_any_size_up_to_the_width(case):
    """One line, one column, and more; the size changes between frames, without a reset."""
    with Simulation(SOURCES, "bp_window", case.parameters()) as simulation:
        for rows, columns in ((1, 1), (1, 3), (5, 1), (2, 2), (3, case.width), (6, 5)):
            if columns <= case.width:
                inputs, outputs = frames(case, 3, rows, columns, seed=rows)
                simulation.poke("size_i", size(case, rows, columns))
                run(simulation, {"in0": inputs}, {"out0": outputs})


@pytest.mark.parametrize("case", CASES, ids=str)
def test_frames_follow_each_other_without_a_gap(case):
    rows, columns = 6, min(case.width, 16)
    inputs, outputs = frames(case, 10, rows, columns)
    with Simulation(SOURCES, "bp_window", case.parameters()) as simulation:
        simulation.poke("size_i", size(case, rows, columns))
        simulation.push("in0", inputs)
        ends = []
        for count in (4, 10):
            simulation.run(10**6, until={"out0": count * len(outputs) // 10})
            ends.append(simulation.cycle)
    # A unit of a window a clock has a clock between frames; a window of 5 x 5, at most the first line's last column.
    assert 0 <= (ends[1] - ends[0]) / 6 - case.clocks(rows, columns) <= max(1, 3 * (case.kernel // 2 - 1))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("!exists[Kernel-1-row]", "1'b0"),
        ("!rst_ni || next && !exists", "next && !exists"),
        ("last_q && take", "out0_tready_i"),
        ("rank = element % Channels / GroupChannels * kept(0);", "rank = 0;"),
    ],
)
def test_a_planted_fault_is_found(plant, right, wrong):
    plant("bp_window", right, wrong)
    with pytest.raises((AssertionError, SimulationError, BuildError)):
        fault_cases()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("column_q != load_column_q", "1'b1"),  # the next frame overtakes
        ("keep_q <= margin_q == '0;", "keep_q <= 1'b1;"),
        ("load ? load_column_q : column_q", "column_q"),
        ("{above_q, real_line_q} : '0", "{above_q, 1'b1} : '0"),
        ("above_q <= (Kernel - 1)'(1)", "above_q <= '1"),
        ("<= loading_q;", "<= 1'b0;"),
    ],
)
def test_a_planted_fault_of_the_columns_is_found(plant, right, wrong):
    plant("bp_window_columns", right, wrong)
    with pytest.raises((AssertionError, SimulationError)):
        fault_cases()


def fault_cases():
    for case in (CASES[1], CASES[4], CASES[6]):
        inputs, outputs = frames(case, 3, 4, 5)
        with Simulation(unit_sources("bp_window"), "bp_window", case.parameters()) as simulation:
            simulation.poke("size_i", size(case, 4, 5))
            check(simulation, {"in0": inputs}, {"out0": outputs}, ("never", "half"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Kernel": 2, "Keep": "16'hffff", "Simd": 16}, "Kernel is odd"),
        ({"LineMemory": 3}, "LineMemory is 0"),
        ({"InPe": 3}, "InPe divides Channels"),
        ({"Groups": 3, "Simd": 3, "Times": 3}, "Groups divides Channels and Times"),
        ({"Groups": 2, "Simd": 6, "Times": 3}, "Groups divides Channels and Times"),
        ({"Simd": 8}, "Simd divides the elements"),
        ({"Keep": "36'h0"}, "Simd divides the elements"),
        ({"Keep": "36'hffffffffe", "Groups": 2, "Times": 2, "Simd": 1}, "as many elements in each group"),
    ],
)
def test_illegal_parameters_stop_elaboration(change, message):
    lint(SOURCES, "bp_window")
    with pytest.raises(BuildError, match=message):
        lint(SOURCES, "bp_window", change)
