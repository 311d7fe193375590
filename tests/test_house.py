"""The rules of the house: who may import whom, what is loaded at once, how large rooms, files and functions get."""

import ast
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

import bitpan

ROOT = Path(__file__).parents[1]
PARTS = {
    "bitpan": {"bitpan"},
    "host": {"bitpan", "host"},
    "models": {"bitpan", "models"},
    "hw": {"bitpan", "hw"},
    "build": {"bitpan", "hw", "build"},
    "commands": {"bitpan", "host", "models", "hw", "build", "commands"},
}
"""What each part may import. Parts meet in files; the commands alone know them all."""

LAZILY = {"host": {"hw"}, "bitpan": {"host", "commands"}}
"""What they may import besides, inside a function: the simulated device, the Python face and the command line."""

FILES = [file for part in ("bitpan", "models", "hw", "build", "host") for file in sorted((ROOT / part).rglob("*.py"))]
FEW = 17
"""Modules of a room, its ``__init__`` included."""


def part_of(module):
    parts = module.split(".")
    known = len(parts) > 1 and parts[1] in PARTS
    return parts[1] if known else "bitpan"


def imports(file):
    """``(module, whether inside a function or for types alone)`` of every import of ours in a file."""
    tree = ast.parse(file.read_text())
    inner = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(outer, ast.If) and ast.unparse(outer.test) == "TYPE_CHECKING")
        for node in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names if node.module == "bitpan")]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from ((name, id(node) in inner) for name in names if name.split(".")[0] == "bitpan")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_follow_the_rules(file):
    place = file.relative_to(ROOT).parts
    own = "commands" if place[:2] == ("bitpan", "commands") else place[0]
    for module, lazy in imports(file):
        allowed = PARTS[own] | (LAZILY.get(own, set()) if lazy else set())
        assert part_of(module) in allowed, f"{file}: {own} imports {module}"


def test_the_rules_are_seen_to_be_broken(tmp_path):
    file = tmp_path / "wrong.py"
    file.write_text("from bitpan.models import x\ndef f():\n    import bitpan.hw.sources\nfrom bitpan import build\n")
    found = {(part_of(module), lazy) for module, lazy in imports(file)}
    assert found == {("models", False), ("hw", True), ("bitpan", False), ("build", False)}


def test_core_and_host_load_nothing_heavier_than_numpy():
    """All modules but the compiled ones, which are loaded when an engine is made, or counts are put in their place."""
    modules = []
    for file in FILES:
        parts = file.relative_to(ROOT).with_suffix("").parts
        compiled = parts[:2] == ("host", "compiled") and file.stem not in ("__init__", "layout", "machine_code")
        compiled = compiled or file.stem == "torch_engine"
        own = parts[0] == "host" and not compiled
        if own or (parts[0] == "bitpan" and "commands" not in parts):
            modules.append(".".join(("bitpan", *parts) if own else parts).removesuffix(".__init__"))
    code = (
        f"import sys, importlib\nfor name in {modules}:\n    importlib.import_module(name)\n"
        "heavy = {'torch', 'onnx', 'qonnx', 'finn', 'rasterio', 'numba', 'pynq', 'scipy', 'tqdm', 'PIL'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_every_package_is_installed():
    import tomllib

    packages = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {file.parent.relative_to(ROOT).parts for file in FILES if file.name == "__init__.py"}
    assert packages == {".".join(parts if parts[0] == "bitpan" else ("bitpan", *parts)) for parts in folders}
    assert bitpan.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_rooms_files_and_functions_are_small():
    for folder in {file.parent for file in FILES}:
        assert len(list(folder.glob("*.py"))) <= FEW, f"{folder} has more than {FEW} modules: part it by subject"
    for file in FILES:
        text = file.read_text()
        assert text.count("\n") <= 400, f"{file} has more than 400 lines: part it by subject"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{file}: {node.name}"


def test_no_name_needs_quotes():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout")
    assert not [name for name in listed.stdout.split("\0") if set(name) & set(" ,")]


def test_every_folder_of_tests_is_collected(pytestconfig):
    """By itself, pytest passes over folders that are called build."""
    folders = {folder for folder in (ROOT / "tests").rglob("*") if folder.is_dir()}
    passed_over = pytestconfig.getini("norecursedirs")
    assert {f.name for f in folders for pattern in passed_over if fnmatch(f.name, pattern)} <= {"__pycache__"}
