"""``report.html``: well-formed, complete, its sums those of ``estimates.json``, and nothing fetched from anywhere."""

import json
import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from bitpan.build.boards import board
from bitpan.build.deploy import roofline
from bitpan.build.deploy.package import estimate_report
from bitpan.build.deploy.report import SHELL, report
from bitpan.build.deploy.units import rows
from bitpan.build.finn import shell
from bitpan.build.finn.design import compile_model
from bitpan.build.finn.fifo import MARGIN_BEATS, MARGIN_SHARE, fullest
from bitpan.build.finn.flow import instance
from bitpan.model import IntegerModel
from bitpan.shipped import find_model

VOID = {"meta", "br", "hr", "img", "link", "input"}
BOARD = board("zcu104")


class Page(HTMLParser):
    """Checks nesting; keeps the cells of every table, line by line, and the text of every heading."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tables, self.lines = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        """Nothing is opened."""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.tables and {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data

    def table(self, *heads):
        (found,) = (table for table in self.tables if table[0][: len(heads)] == list(heads))
        return found

    def columns(self, table):
        """Cells by column and by the first cell of the line."""
        return {head: {line[0]: line[i] for line in table[1:]} for i, head in enumerate(table[0]) if head}


def value(cell):
    return float(cell.replace(",", ""))


@pytest.fixture(scope="module")
def design(resampler, tmp_path_factory):
    model = resampler(("unit", ("haar", "unit"), ("pool", "unit")), channels=4)
    return compile_model(model, 16, 16, BOARD, tmp_path_factory.mktemp("work"), 8)


@pytest.fixture(scope="module")
def areas(design):
    """As Yosys would count: a unit's number among the units, and 1,000 LUTs of the top."""
    names = [node.name for node in design.graph.graph.node]
    nodes = {name: {"LUT": i, "FF": 2, "BRAM36": 0, "DSP": 1, "URAM": 0, "levels": 5} for i, name in enumerate(names)}
    totals = {"LUT": sum(range(len(names))) + 1000, "FF": 7, "BRAM36": 1.5, "DSP": 3, "URAM": 0, "levels": 5}
    return {"family": "xcup", "totals": totals, "nodes": nodes}


@pytest.fixture(scope="module")
def text(design):
    return report(design, BOARD)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_it_needs_nothing_beside_it(text):
    assert not re.findall(r"https?:|src=|href=|url\(|@import|<script|<link|\$\w", text)


def test_graph_and_roofline_are_well_formed(text):
    drawn = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    assert [svg.get("class") for svg in drawn] == ["graph", "roofline"]


def test_it_names_every_unit(design, text, page):
    names = {node.name.removeprefix("node_") for node in design.graph.graph.node}
    listed = [line[0] for table in page.tables if table[0][:2] == ["unit", "kind"] for line in table[1:]]
    assert {*listed} - {"on streams", SHELL, "in all"} == names
    drawn = " ".join(re.findall(r"<title>(.*?)</title>", text))
    assert all(name in drawn for name in names)


def test_its_sums_are_those_of_the_estimates(design, page):
    estimates = json.loads(json.dumps(estimate_report(design, BOARD, None)))
    shown, folded = (table for table in page.tables if table[0][:2] == ["unit", "kind"])
    columns = page.columns(shown)
    for head, key, scale in (("LUT", "LUT", 1), ("DSP", "DSP", 1), ("BRAM36", "BRAM_18K", 2), ("URAM", "URAM", 1)):
        cells = columns[head]
        assert scale * value(cells["in all"]) == estimates["totals"][key]
        computing = sum(value(cell) for name, cell in cells.items() if name not in ("on streams", "in all"))
        around = shell.estimates(BOARD, design.model.bands)
        assert scale * value(cells[SHELL]) == sum(entry[key] for entry in around.values())
        passing = sum(map(value, page.columns(folded)[head].values()))
        assert scale * passing == scale * value(cells["on streams"])
        assert scale * (computing + passing) == estimates["totals"][key]
    for table in page.tables:
        if table[0][:2] == ["", "LUT"]:
            assert sum(value(line[1]) for line in table[1:]) == estimates["totals"]["LUT"]


def test_clocks_are_the_units_own(design, page):
    clocks = {node.name.removeprefix("node_"): instance(node).clocks() for node in design.graph.graph.node}
    columns = page.columns(next(table for table in page.tables if table[0][:2] == ["unit", "kind"]))
    assert all(value(cell) == clocks[name] for name, cell in columns["clocks"].items() if cell)
    assert max(value(cell.rstrip("%")) for cell in columns["of the pace"].values() if cell) == 100


def test_fifos_are_all_there(design, page):
    columns = page.columns(page.table("FIFO"))
    assert sorted(value(cell) for cell in columns["depth"].values()) == sorted(design.fifos.values())
    assert all(value(full) < value(columns["depth"][name]) for name, full in columns["fullest"].items())


def test_the_fullest_moment_is_what_the_depth_was_made_of():
    assert all(fullest(math.ceil(beats * MARGIN_SHARE) + MARGIN_BEATS) == beats for beats in range(1, 5000))


def test_every_compared_step_has_its_verdict(design, page):
    lines = page.table("step")[1:]
    steps = ["integer graph", "RTL nodes", "folding, width converters, FIFOs"]
    assert [line[0] for line in lines] == steps
    assert {tuple(line[1:]) for line in lines} == {(str(len(design.model.nodes)), "1", "equal")}


def test_yosys_stands_beside_the_estimates(design, areas):
    page = Page(report(design, BOARD, areas))
    shown = next(table for table in page.tables if table[0][:2] == ["unit", "kind"])
    columns = page.columns(shown)
    assert value(columns["LUT"]["in all"]) == design.totals["LUT"]
    assert value(columns["LUT, Yosys"]["in all"]) == areas["totals"]["LUT"]
    assert columns["LUT, Yosys"][SHELL] == "1,000"
    assert ["FF", "Yosys", "7", "of 460,800", "0.0%", ""] in page.tables[0]


def test_blocks_and_strides_are_the_networks(design):
    found = {row.name: row for row in rows(design, None)}
    assert found["head"].block == "head"
    assert {row.stride for row in found.values()} == {1, 2}
    assert all(row.block != "input" for row in found.values())


def test_convolutions_are_counted_a_pan_pixel(random_model):
    model = random_model(blocks=1, channels=8)
    by_name = {node.name: roofline.products(model, node) for node in model.nodes}
    assert {name: count for name, count in by_name.items() if count} == {
        "head": 5 * 9 * 8,
        "block0.conv": 8 * 9 * 8,
        "tail": 8 * 4,
    }
    model.constants["head.weights"][:, 1:] *= [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    (head,) = (node for node in model.nodes if node.name == "head")
    assert roofline.products(model, head) == (9 + 4) * 8
    assert roofline.traffic(model) == 2 + 4 * 2 / 16 + 4 * 2


def test_work_done_is_below_the_roof(design):
    loads = roofline.loads(design, BOARD)
    assert loads.keys() == {"binary", "integer"}
    for load in loads.values():
        assert load.done <= load.peak
        assert load.done == load.operations * 256 / design.period * 200e6


@pytest.mark.slow
def test_the_page_of_the_largest_network_is_small(tmp_path):
    model = IntegerModel.load(find_model("bnnpan"))
    text = report(compile_model(model, 64, 64, BOARD, tmp_path, 8), BOARD)
    Page(text)
    assert len(text.encode()) < 400_000
