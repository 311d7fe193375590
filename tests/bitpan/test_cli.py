"""The command line's manners: one line, the right exit code, nothing heavy imported."""

import os

import pytest

from bitpan import cli
from bitpan.errors import SceneError
from bitpan.files.workspace import beside, occupied, within
from bitpan.shipped import PRETRAINED


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


def test_an_interrupt_while_words_are_parsed_is_one(monkeypatch, capsys):
    """argparse raises another error over it: it puts back what it has not put aside yet."""

    def interrupted(parser, words):
        try:
            raise KeyboardInterrupt
        finally:
            raise AttributeError("it has nothing to put back")

    fake_command(monkeypatch, None)
    monkeypatch.setattr(cli.argparse.ArgumentParser, "parse_intermixed_args", interrupted)
    assert cli.main(["fuse"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_our_own_missing_modules_are_not_blamed_on_an_extra(monkeypatch):
    fake_command(monkeypatch, ModuleNotFoundError("No module named 'bitpan.nothing'", name="bitpan.nothing"))
    with pytest.raises(ModuleNotFoundError):
        cli.main(["fuse"])


SWEEP = """
title = "Tiny"
[data]
test_scenes = 1
synthetic = 1
scene_size = 64
[budget]
iterations = 1
patch = 16
seeds = [0]
rates = [0.01]
[[arms]]
name = "a"
network = "s2bnet-flat"
"""
SHIPPED = PRETRAINED / "s2bnet-flat"
WRITING = {
    "synth": (within, "--size 64x64"),
    "train": (within, "--synthetic 1 --scene-size 64 --patch 16 --iterations 1"),
    "evaluate": (within, "--synthetic 1 --scene-size 64 --classical EXP"),
    "sweep": (within, "sweep.toml"),
    "export": (beside, f"{SHIPPED / 'checkpoint.pt'}"),
    "build": (beside, f"{SHIPPED / 'model.onnx'} --no-vivado"),
    "build --model-only": (within, f"{SHIPPED / 'model.onnx'}"),
    "explore": (beside, f"{SHIPPED} --cycles-per-pixel 64"),
    "fuse": (beside, "pan.tif ms.tif"),
    "demo": (within, ""),
}
"""Every command that writes: where it does, and what it takes."""


def test_every_command_that_writes_is_among_them():
    """But `wheel`, which wants a finished accelerator: tests/build/deploy/test_wheel.py."""
    assert {words.split()[0] for words in WRITING} == set(cli.COMMANDS) - {"area", "simulate", "metrics", "wheel"}


@pytest.mark.parametrize("words", WRITING)
def test_the_second_run_to_one_output_is_told_who_writes(tmp_path, monkeypatch, capsys, one_thread, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.toml").write_text(SWEEP)
    cli.main(["synth", "-o", ".", "--size", "64x64"])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    where, more = WRITING[words]
    with occupied(where(tmp_path / "out")):
        capsys.readouterr()
        assert cli.main([*words.split(), *more.split(), "-o", "out"]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bitpan ")]
    assert len(said) == 1 and f"out: process {os.getpid()} on " in said[0] and "is writing it" in said[0]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
