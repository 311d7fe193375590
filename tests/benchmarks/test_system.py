"""The roofline's picture: where points lie, and what is said beside them. Its points come from tests/host/device."""

import re
from xml.etree import ElementTree

import pytest

import system
from system import Point

NAMES = {"svg": "http://www.w3.org/2000/svg"}


def test_points_lie_on_the_roof_and_the_boards_own_is_marked():
    moved, compute = 10.5, 24.0
    points = [Point(rate, min(rate / moved, compute)) for rate in (25, 100, 1600)]
    drawn = ElementTree.fromstring(system.draw(points, points[-1], moved, compute, "a network on a board"))
    places = [(float(c.get("cx")), float(c.get("cy"))) for c in drawn.iterfind("svg:circle", NAMES)]
    roof = [tuple(map(float, pair.split(","))) for pair in drawn.find("svg:polyline", NAMES).get("points").split()]
    assert len(places) == 4 and places[2] == places[3], "the board's own lies on the last"
    (x0, y0), (x1, y1), (_, y2) = roof
    for x, y in places[:2]:
        assert (y - y0) / (x - x0) == pytest.approx((y1 - y0) / (x1 - x0), rel=0.01)
    assert places[2][1] == pytest.approx(y1, abs=0.1) == pytest.approx(y2)
    told = " ".join(text.text for text in drawn.iterfind("svg:text", NAMES))
    assert "a network on a board" in told and "the board's memory: 24.00" in told and "1,600" in told
    assert not re.search(r"nan|inf", told)
