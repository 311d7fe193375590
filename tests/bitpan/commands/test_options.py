"""Options that several commands have."""

import argparse

import pytest

from bitpan.cli import main
from bitpan.commands.options import size


def test_size():
    assert size("64x48") == (64, 48) and size("64X48") == (64, 48) and size("64") == (64, 64)
    for wrong in ("64x", "0x4", "-4x4", "a", "1x2x3", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="write HEIGHTxWIDTH"):
            size(wrong)


@pytest.mark.parametrize(
    ("words", "new"),
    [
        (["export", "net.pt", "-o", "net.onnx", "--tile", "64x64"], "--tile is called --frame HxW"),
        (["export", "--til", "64x64"], "--tile is called --frame HxW"),
        (["simulate", "package", "--tiles", "4"], "--tiles is called --frames N"),
        (["simulate", "package", "--tile=4"], "--tiles is called --frames N"),
    ],
)
def test_old_names_are_refused_in_one_line_that_names_the_new(capsys, words, new):
    assert main(words) == 1
    printed = capsys.readouterr()
    assert f"{new} since bitpan 0.2.0" in printed.err and printed.err.count("\n") == 1 and not printed.out
