"""The command line's manners: one line, the right exit code, nothing heavy imported."""

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
