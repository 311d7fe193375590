"""The drawing of a dataflow graph: well-formed, nothing on top of anything, every stream from its end to its end."""

import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from bitpan.build.deploy.graph_svg import BOX, Box, Edge, draw


def boxes(names):
    return [Box(name, "Kind", name, f"{name} <&>") for name in names]


def edges(*pairs, room=""):
    return [Edge(*pair, room, "a < b") for pair in pairs]


def places(svg):
    """Left upper corner of each box, by its title."""
    found = {}
    for group in ET.fromstring(svg).iter("g"):
        if "box" in group.get("class"):
            rect = group.find("rect")
            found[group.find("title").text.split()[0]] = float(rect.get("x")), float(rect.get("y"))
    return found


def ends(svg):
    """First and last place of each stream, and its class."""
    for group in ET.fromstring(svg).iter("g"):
        if "box" not in group.get("class"):
            numbers = [float(n) for n in re.findall(r"-?\d+", group.find("path").get("d"))]
            yield tuple(numbers[:2]), tuple(numbers[-2:]), group.get("class")


def wavelet(blocks):
    """Blocks of four branches with a skip in each, and a skip over all."""
    names, pairs, last = ["in"], [], "in"
    for i in range(blocks):
        names.append(f"h{i}")
        pairs.append((last, f"h{i}"))
        for j in range(4):
            chain = [f"h{i}", *(f"{kind}{i}{j}" for kind in "scr")]
            pairs += [
                *itertools.pairwise(chain),
                (chain[-1], f"n{i}{j}"),
                (chain[0], f"n{i}{j}"),
                (f"n{i}{j}", f"i{i}"),
            ]
            names += [*chain[1:], f"n{i}{j}"]
        names.append(last := f"i{i}")
    return [*names, "out"], [*pairs, (last, "out"), ("in", "out")]


def random_graph(seed):
    rng = np.random.default_rng(seed)
    names = [f"u{i}" for i in range(40)]
    pairs = {(names[int(rng.integers(max(0, i - 8), i))], names[i]) for i in range(1, 40) for _ in range(2)}
    return names, sorted(pairs)


@pytest.mark.parametrize("graph", [wavelet(4), *map(random_graph, range(6)), (["a", "b"], [("a", "b")])])
def test_boxes_do_not_overlap_and_streams_go_down_from_box_to_box(graph):
    names, pairs = graph
    svg = draw(boxes(names), edges(*pairs))
    found = places(svg)
    assert found.keys() == set(names)
    size = ET.fromstring(svg)
    for (x, y), (other_x, other_y) in itertools.combinations(found.values(), 2):
        assert abs(x - other_x) >= BOX[0] or abs(y - other_y) >= BOX[1]
    for x, y in found.values():
        assert 0 <= x <= float(size.get("width")) - BOX[0]
        assert 0 <= y <= float(size.get("height")) - BOX[1]
    for (source, target), (start, end, _) in zip(pairs, ends(svg), strict=True):
        (x, y), (to_x, to_y) = found[source], found[target]
        assert abs(start[0] - x - BOX[0] / 2) <= 1 and start[1] == y + BOX[1]
        assert abs(end[0] - to_x - BOX[0] / 2) <= 1 and end[1] == to_y
        assert start[1] < end[1]


def test_branches_lie_side_by_side_and_skips_are_marked():
    names, pairs = wavelet(2)
    svg = draw(boxes(names), edges(*pairs))
    found = places(svg)
    for kind in "scrn":
        row = [found[f"{kind}0{j}"] for j in range(4)]
        assert len({y for _, y in row}) == 1
        assert len({x for x, _ in row}) == 4
    marked = [pair for pair, (_, _, style) in zip(pairs, ends(svg), strict=True) if style == "skip"]
    assert marked == [("h0", f"n0{j}") for j in range(4)] + [("h1", f"n1{j}") for j in range(4)] + [("in", "out")]


def test_a_skip_is_straight_beside_what_it_passes():
    names = [f"u{i}" for i in range(8)]
    svg = draw(boxes(names), edges(*itertools.pairwise(names), ("u0", "u7")))
    found = places(svg)
    path = next(group for group in ET.fromstring(svg).iter("g") if group.get("class") == "skip").find("path").get("d")
    columns = {float(x) for x in re.findall(r"L(\d+) ", path)}
    assert len(columns) == 1
    assert columns.pop() > max(x for x, _ in found.values()) + BOX[0]


def test_what_waits_is_told_and_titles_are_escaped():
    svg = draw(boxes("ab"), [Edge("a", "b", "1,024", "a < b & c")])
    texts = [element.text for element in ET.fromstring(svg).iter("text")]
    assert "1,024" in texts
    assert [element.text for element in ET.fromstring(svg).iter("title")] == ["a < b & c", "a <&>", "b <&>"]


def test_what_joins_nothing_stands_just_above_its_reader():
    found = places(draw(boxes(["a", "b", "late", "c"]), edges(("a", "b"), ("b", "c"), ("late", "c"))))
    assert found["late"][1] == found["b"][1] > found["a"][1]
