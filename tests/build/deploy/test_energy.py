"""The energy estimate: its arithmetic, and that every figure says where it is from."""

import pytest

from bitpan.build.boards import BOARDS, board
from bitpan.build.deploy.energy import DRAM_PICOJOULES, FIGURES, SOURCES, shares


@pytest.mark.parametrize("name", BOARDS)
def test_each_resource_takes_its_energy_in_every_clock(name):
    target = board(name)
    found = {each.name: each for each in shares({"LUT": 1000, "DSP": 10, "BRAM36": 0, "URAM": 2}, target, 0.0)}
    assert found.keys() == {"LUT", "DSP", "URAM"}
    for each in found.values():
        assert each.milliwatts == pytest.approx(each.count * each.picojoules * target.clock_mhz * 1e-3)


def test_figures_are_scaled_to_the_device():
    (lut,) = shares({"LUT": 1}, board("pynq-z2"), 0.0)
    assert lut.picojoules == pytest.approx(5.9 / 8 * 28 / 150 / 1.5**2)


def test_memory_takes_its_energy_a_byte():
    (memory,) = shares({}, board("zcu104"), 1e9)
    assert memory.milliwatts == pytest.approx(DRAM_PICOJOULES)


def test_every_figure_names_its_paper():
    assert all(any(f"({name})" in figure.basis for name in SOURCES) for figure in FIGURES.values())
