"""The documentation against the code: links, commands and their options, files, operations, measured figures."""

import argparse
import importlib.util
import re
import sys
from pathlib import Path

import pytest

from bitpan.cli import COMMANDS
from bitpan.operations import OPERATIONS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "hw" / "README.md"]
FOLDERS = ("bitpan", "models", "hw", "build", "host", "tests", "docs", "benchmarks", "rtl")
SOURCES = r"[\w./*-]+\.(?:py|sv|core|tcl|toml|md|cpp|hpp)"


def code(text):
    """Pieces of code in a page: lines of blocks, continued ones joined, and spans within lines."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line.split("  #")[0] for line in lines], re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", rest)


def pieces(page):
    lines, spans = code(page.read_text())
    return [*lines, *(" ".join(span.split()) for span in spans)]


def options(verb):
    """What a verb's parser takes; names of earlier versions, which it refuses, are hidden in it."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"bitpan.commands.{verb}").add_arguments(parser)
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    return {option for action in shown for option in action.option_strings}


def anchors(page):
    """Headings as GitHub names them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def wrong_links(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            yield target


def wrong_options(page):
    """Of commands of ours what follows the verb, and options that stand alone; other programs' are not ours to know."""
    known = {verb: options(verb) for verb in COMMANDS}
    for piece in pieces(page):
        verb, rest = (re.findall(r"\bbitpan(?:\.cli)? ([a-z]+)\b(.*)", piece) or [("", piece)])[0]
        if verb and verb not in COMMANDS:
            yield f"bitpan {verb}"
        elif verb or piece.startswith("--"):
            allowed = known[verb] if verb else set().union(*known.values())
            yield from (f"{piece}: {each}" for each in re.findall(r"(?<!\S)--[a-z][\w-]*", rest) if each not in allowed)


def wrong_files(page):
    for piece in pieces(page):
        for word in re.findall(rf"(?<![\w./$-]){SOURCES}(?![\w/])", piece):
            if word.split("/")[0] in FOLDERS:
                found = [*ROOT.glob(word), *page.parent.glob(word)]
            elif "/" not in word and word.endswith((".py", ".sv")):
                found = [file for folder in FOLDERS for file in (ROOT / folder).rglob(word)]
            else:
                continue
            if not found:
                yield word


def wrong_modules(page):
    for name in re.findall(r"\bbitpan(?:\.[a-z_]+)+\b", " ".join(pieces(page))):
        parent, _, last = name.rpartition(".")
        module = importlib.import_module(parent)
        if last not in ("bit", "hwh") and not hasattr(module, last) and importlib.util.find_spec(name) is None:
            yield name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.parametrize(
    "wrong", [wrong_links, wrong_options, wrong_files, wrong_modules], ids=lambda wrong: wrong.__name__
)
def test_pages_name_what_there_is(wrong, page):
    assert not list(wrong(page))


def test_a_wrong_page_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n[a](none.md) [b](#one) [c](#two) `bitpan fuse --tiles` `bitpan fry` `--nonsense`\n"
        "`hw/none.py` `none.sv` `bitpan.hw.none` `bitpan.bit`\n"
        "```\nbitpan export x --tile 64x64  # --remark\nbitpan train --lr 1 -o y\n```\n`bitpan build --board`\n"
    )
    assert list(wrong_links(page)) == ["none.md", "#two"]
    assert [each.split()[-1] for each in wrong_options(page)] == ["--tile", "--tiles", "fry", "--nonsense"]
    assert list(wrong_files(page)) == ["hw/none.py", "none.sv"]
    assert list(wrong_modules(page)) == ["bitpan.hw.none"]


TOLD = {"operator": ("fuse",), "engineer": ("build", "simulate", "explore")}
"""Commands whose options a page tells, all of them."""


@pytest.mark.parametrize(("page", "verbs"), TOLD.items())
def test_every_option_is_told(page, verbs):
    told = " ".join(pieces(ROOT / "docs" / f"{page}.md"))
    for verb in verbs:
        assert {option for option in options(verb) if option.startswith("--")} - {"--help", "--output"} <= {
            *told.split()
        }


def test_every_operation_has_a_row_in_the_grammar():
    rows = re.findall(r"^\| ([\w, ]+) \|", (ROOT / "docs" / "qonnx.md").read_text(), re.MULTILINE)
    assert set(OPERATIONS) <= {name for row in rows for name in row.split(", ")}


def test_measured_pages_are_what_the_records_make(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    results = importlib.import_module("results_page")
    monkeypatch.delitem(sys.modules, "results_page")
    records = results.json.loads(results.MEASURED.read_text())
    assert results.PAGE.read_text() == results.page(records), "`python benchmarks/results.py --page` writes it anew"
    text = results.README.read_text()
    assert text == results.readme(text, records), "`python benchmarks/results.py --page` writes it anew"
