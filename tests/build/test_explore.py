"""Rate against resources: what every folding costs, and which of them no other beats."""

import itertools
from dataclasses import replace

import pytest

from bitpan.build.boards import board
from bitpan.build.explore import RESOURCES, draw, explore, front, table

TARGETS = [1, 2, 4, 9, 36]


@pytest.fixture(scope="module")
def points(random_model):
    return explore(random_model(blocks=1, channels=8), board("pynq-z2"), (16, 32), TARGETS)


def test_slower_is_smaller(points):
    assert [point.target for point in points] == TARGETS
    for faster, slower in itertools.pairwise(points):
        assert faster.cycles < slower.cycles and faster.megapixels > slower.megapixels
        assert faster.used["LUT"] > slower.used["LUT"]
        assert slower.cycles == pytest.approx(slower.target, rel=0.15)


@pytest.mark.parametrize("resource", RESOURCES)
def test_nothing_beats_the_front(points, resource):
    best = front(points, resource)
    assert best
    for point in points:
        beaten = [b for b in best if b.cycles <= point.cycles and b.used[resource] <= point.used[resource]]
        assert beaten, point
    amounts = [point.used[resource] for point in best]
    assert amounts == sorted(amounts, reverse=True) and len(set(amounts)) == len(amounts)


def test_what_does_not_fit_is_marked(random_model):
    tiny = replace(board("pynq-z2"), lut=3000)
    points = explore(random_model(blocks=1, channels=8), tiny, (16, 32), [1])
    assert "LUT" in points[0].lacking
    assert "!" in table(points, tiny) and "of pynq-z2 may be filled 2,700 LUT" in table(points, tiny)


def test_a_picture_is_drawn(points, tmp_path):
    draw({"pynq-z2": points}, [board("pynq-z2")], tmp_path / "fronts.png")
    assert (tmp_path / "fronts.png").read_bytes().startswith(b"\x89PNG")
