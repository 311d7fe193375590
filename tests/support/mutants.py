"""Faults of one token each, planted in a copy of the sources: the tests that mirror a file must fail by them.

    python tests/support/mutants.py --count 150

Faults are drawn from all of :data:`SOURCES` in turn, by a seed. What was tried is kept in ``out/mutants.jsonl`` and not
tried again: a killed fault until its file changes, one that survived until a test does.
"""

import argparse
import ast
import hashlib
import importlib
import io
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import tokenize
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SOURCES = (
    *(f"bitpan/{name}.py" for name in ("arithmetic", "formats", "model", "package", "radiometry", "registers")),
    "bitpan/qonnx/*.py",
    "bitpan/rasters/*.py",
    *(f"host/{name}.py" for name in ("device/fpga", "device/dma", "fuser", "scene/*", "stream", "tile_log")),
    *(f"hw/{name}.py" for name in ("packing", "operators/base", "operators/convolution", "operators/facts")),
    "models/quality/metrics.py",
    *(f"hw/rtl/bp_{unit}.sv" for unit in ("add", "centre", "channel_affine", "depthwise", "frame_counter")),
    *(f"hw/rtl/bp_{unit}.sv" for unit in ("frame_gate", "pair_beats", "quant_mvu", "scene_words", "sign_threshold")),
    *(f"hw/rtl/bp_{unit}.sv" for unit in ("stream_fifo", "unpair_beats", "width_converter")),
)
"""Whose faults are planted. Kernels that are compiled and cached are not among them."""

PACKAGES = ("models", "hw", "build", "host")
"""Folders that are imported from within ``bitpan``."""

OTHERS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "+": "-", "-": "+"}
PYTHON = {**OTHERS, "and": "or", "or": "and", "not": ""}
VERILOG = {**OTHERS, "&&": "||", "||": "&&"}

VERILOG_TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "[^"\n]*" | `\w+ | \d*'s?[bdho][\w?]+ | \d*' | [A-Za-z_$][\w$]* | ;
    | (?P<live> \d+ | <<<|>>>|<<|>>|===|!==|<=|>=|==|!=|&&|\|\||\+\+|--|\+:|-:|->|[-+<>=()] )""",
    re.VERBOSE | re.DOTALL,
)

DECLARES = ("parameter", "input", "output", "logic")
"""Words whose widths and defaults stay: a wider wire is no fault, and a narrower one is no Verilog."""

HEAVY = ("hypothesis", "numpy", "onnx", "rasterio", "scipy.ndimage")
"""Modules that most tests import: once, for all of them."""

MEMORY = 12 << 30
"""Bytes of memory that a test run may take."""


@dataclass(frozen=True)
class Fault:
    """``old`` at ``offset`` of the file's text becomes ``new``."""

    path: str
    offset: int
    line: int
    old: str
    new: str

    def planted(self, text):
        return text[: self.offset] + self.new + text[self.offset + len(self.old) :]

    def __str__(self):
        return f"{self.path}:{self.line} {self.old} -> {self.new or 'nothing'} at character {self.offset}"


# --- Tokens ---


def python_tokens(text):
    """``(offset, token)`` of operators and numbers."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.OP, tokenize.NUMBER) or token.string in PYTHON:
            yield starts[token.start[0] - 1] + token.start[1], token.string


def verilog_tokens(text):
    """``(offset, token)`` of operators and numbers; no ``<=`` that assigns, and nothing that declares."""
    depth, assigned, declares = 0, False, False
    for match in VERILOG_TOKEN.finditer(text):
        token = match[0]
        depth += (token == "(") - (token == ")")
        assigned &= token not in (";", "begin")
        declares = token in DECLARES or (declares and token not in (";", "localparam"))
        assigns = token in ("=", "<=") and depth == 0 and not assigned
        assigned |= assigns
        if match["live"] and not assigns and not declares:
            yield match.start(), token


def other(token, table):
    """What takes a token's place; None where it stays."""
    if token[0].isdigit():
        value = ast.literal_eval(token)
        return repr(value - 1 if value else 1)
    return table.get(token)


def faults_of(path, text):
    """All that can be planted in a file, in its order."""
    tokens, table = (python_tokens, PYTHON) if path.endswith(".py") else (verilog_tokens, VERILOG)
    for offset, token in tokens(text):
        new = other(token, table)
        if new is not None:
            yield Fault(path, offset, text.count("\n", 0, offset) + 1, token, new)


def draw(root, sources, count, seed):
    """``count`` faults, or all there are: one of each file, in random order, then another of each."""
    paths = sorted({path.relative_to(root).as_posix() for source in sources for path in root.glob(source)})
    heaps = []
    for path in paths:
        heap = list(faults_of(path, (root / path).read_text()))
        random.Random(f"{seed} {path}").shuffle(heap)
        heaps.append(heap)
    random.Random(seed).shuffle(heaps)
    rounds = [heap[number] for number in range(max(map(len, heaps))) for heap in heaps if number < len(heap)]
    return rounds[:count]


# --- Tests ---


def tests_of(root, path):
    """The tests of a file's name; else of its folder, those that name it, or all; a unit's, of one around it."""
    folder, own = root / "tests" / Path(path).parent, Path(path).stem
    if (folder / f"test_{own}.py").is_file():
        return [folder / f"test_{own}.py"]
    if found := naming(rf"\b{own} import|\"{own}\"", folder.glob("test_*.py")):
        return found
    if path.endswith(".py"):
        return sorted(folder.glob("test_*.py"))
    around = [unit for unit in naming(rf"\b{own} #", (root / path).parent.glob("*.sv")) if unit.stem != own]
    return [test for unit in around for test in tests_of(root, f"{Path(path).parent}/{unit.name}")][:1]


def naming(pattern, files):
    return [file for file in sorted(files) if re.search(pattern, file.read_text())]


def copied(root, folder):
    """The tree without what was made in it, as one package: nothing that is installed is imported instead."""
    left_out = shutil.ignore_patterns(".*", "out", "__pycache__")
    tree = Path(shutil.copytree(root, folder / "tree", ignore=left_out))
    for package in PACKAGES:
        if (tree / package).is_dir():
            (tree / "bitpan" / package).symlink_to(f"../{package}")
    return tree


def work(tree, tests):
    """Run tests in the tree, in a process of its own that has what takes long to import; it ends with their status."""
    os.setsid()
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "BITPAN_CACHE": str(tree / "out" / "cache")}
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    sys.exit(pytest.main(["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *map(str, tests)]))


def passes(tree, tests, limit):
    """Whether these tests pass in the tree within ``limit`` seconds."""
    run = multiprocessing.get_context("fork").Process(target=work, args=(tree, tests))
    run.start()
    try:
        run.join(limit)
        return run.exitcode == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.join()


# --- Trying them ---


class Trial:
    """Of faults, in a copy of a tree; outcomes are kept in the file ``results``."""

    def __init__(self, root, tree, results):
        self.tree, self.results, self.limits = copied(root, tree), results, {}
        files = sorted((self.tree / "tests").rglob("*.py"))
        self.tests = digest(*(file.read_bytes() for file in files))
        lines = results.read_text().splitlines() if results.is_file() else []
        self.known = {entry["fault"]: entry for entry in map(json.loads, lines)}

    def outcome(self, fault):
        """``killed`` or ``survived``, from an earlier run where nothing has changed since that could change it."""
        file = self.tree / fault.path
        text = file.read_text()
        entry = {"fault": str(fault), "source": digest(text.encode()), "tests": self.tests}
        known = self.known.get(entry["fault"], {})
        if known.get("source") == entry["source"] and (known["killed"] or known["tests"] == self.tests):
            return known["killed"]
        tests = tests_of(self.tree, fault.path)
        limit = self.limit(tuple(tests))
        file.write_text(fault.planted(text))
        try:
            entry["killed"] = not passes(self.tree, tests, limit)
        finally:
            file.write_text(text)
        with self.results.open("a") as log:
            log.write(json.dumps(entry) + "\n")
        return entry["killed"]

    def limit(self, tests):
        """Seconds for tests that a fault may slow down, once they have passed without one."""
        if tests not in self.limits:
            began = time.monotonic()
            if not tests or not passes(self.tree, tests, None):
                raise SystemExit(f"these do not pass without a fault: {', '.join(map(str, tests)) or 'no tests'}")
            self.limits[tests] = 30 + 4 * (time.monotonic() - began)
        return self.limits[tests]


def digest(*contents):
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def survivors(root, faults, results):
    """Those of ``faults`` that no test sees, told one by one."""
    results.parent.mkdir(exist_ok=True)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(root, Path(folder), results)
        for number, fault in enumerate(faults, start=1):
            began = time.monotonic()
            killed = trial.outcome(fault)
            found += [fault] * (not killed)
            seconds = time.monotonic() - began
            print(
                f"{number:4}/{len(faults)} {'killed' if killed else 'SURVIVED'} {fault} ({seconds:.0f} s)", flush=True
            )
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=150, help="of the faults")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=SOURCES, metavar="FILE", help="whose faults are planted")
    own = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the run under way ends, too
    os.environ["CI"] = "true"  # Hypothesis then tries the same examples each time, however long they take
    for module in HEAVY:
        importlib.import_module(module)
    faults = draw(ROOT, own.only, own.count, own.seed)
    found = survivors(ROOT, faults, ROOT / "out" / "mutants.jsonl")
    print(f"{len(faults)} faults, {len(found)} survived", *found, sep="\n  ")


if __name__ == "__main__":
    main()
