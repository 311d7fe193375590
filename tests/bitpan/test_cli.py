"""The command line's manners: one line, the right exit code, nothing heavy imported."""

import subprocess
import sys

import pytest

from bitpan import cli
from bitpan.errors import SceneError


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in cli.COMMANDS)


def fake_command(monkeypatch, error):
    class Module:
        @staticmethod
        def add_arguments(parser):
            pass

        @staticmethod
        def run(arguments):
            raise error

    monkeypatch.setattr(cli.importlib, "import_module", lambda name: Module)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SceneError("pan.tif: no overlap; give a pair of one place"), 1, "bitpan fuse: pan.tif: no overlap"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 1, 'pip install "bitpan[train]"'),
        (ModuleNotFoundError("No module named 'pynq'", name="pynq"), 1, 'pip install "bitpan[board]"'),
        (ModuleNotFoundError("No module named 'finn'", name="finn"), 1, "finn-plus"),
        (OSError(28, "No space left on device", "out.onnx"), 1, "out.onnx: No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(monkeypatch, capsys, error, code, said):
    fake_command(monkeypatch, error)
    assert cli.main(["fuse"]) == code
    printed = capsys.readouterr().err
    assert said in printed and printed.count("\n") == 1


def test_our_own_missing_modules_are_not_blamed_on_an_extra(monkeypatch):
    fake_command(monkeypatch, ModuleNotFoundError("No module named 'bitpan.nothing'", name="bitpan.nothing"))
    with pytest.raises(ModuleNotFoundError):
        cli.main(["fuse"])


def test_core_and_host_import_nothing_heavier_than_numpy():
    """All modules but the compiled engine's own, which are loaded when the engine is made."""
    code = (
        "import sys, pkgutil, importlib, bitpan, bitpan.host\n"
        "own = ('kernels', 'steps', 'compiled')\n"
        "for package in (bitpan, bitpan.host):\n"
        "    for module in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "        if not module.ispkg and not (package is bitpan.host and module.name.endswith(own)):\n"
        "            importlib.import_module(module.name)\n"
        "heavy = {'torch', 'onnx', 'qonnx', 'finn', 'rasterio', 'numba', 'pynq', 'scipy', 'tqdm', 'PIL'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
