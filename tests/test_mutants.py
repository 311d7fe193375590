"""Faults of one token: where they are planted, and which of them the tests of a small tree see."""

import shutil
import subprocess
import sys
from pathlib import Path

import mutants
import pytest

PYTHON = '''"""Not here: 1 + 2 < 3."""
def f(a, *, b=2):  # nor here: 1 + 1
    return -a <= b and not a == 0.5
'''
VERILOG = """// not here: 1 + 1
module bp_a #(parameter int W = 8, localparam int D = W - 1) (input logic [W-1:0] a_i, output logic [7:0] b_o);
    always_ff @(posedge clk_i) begin
        if (a_i <= 4'd3 && go) b_o <= a_i < 16'(W) ? a_i + 1 : '0;
    end
endmodule
"""


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", PYTHON, ["2 -> 1", "- -> +", "<= -> <", "and -> or", "not -> ", "== -> !=", "0.5 -> -0.5"]),
        ("a.sv", VERILOG, ["- -> +", "1 -> 0", "<= -> <", "&& -> ||", "< -> <=", "+ -> -", "1 -> 0", "0 -> 1"]),
    ],
)
def test_faults_of_a_text(path, text, expected):
    faults = list(mutants.faults_of(path, text))
    assert [f"{fault.old} -> {fault.new}" for fault in faults] == expected
    for fault in faults:
        planted = fault.planted(text)
        before, line = text.splitlines(), planted.splitlines()
        assert [i for i, pair in enumerate(zip(before, line, strict=True), 1) if len(set(pair)) > 1] == [fault.line]


def test_every_file_gives_one_before_any_gives_another():
    faults = mutants.draw(mutants.ROOT, mutants.SOURCES, 160, seed=0)
    assert faults == mutants.draw(mutants.ROOT, mutants.SOURCES, 160, seed=0)
    paths = [fault.path for fault in faults]
    files = len(set(paths))
    assert len(paths) == len(set(faults)) == 160 and files > 30 and len(set(paths[:files])) == files
    for path in set(paths):
        assert mutants.tests_of(mutants.ROOT, path), path


def test_survivors_of_a_small_tree(tmp_path):
    """What was killed is not tried again, what survived is where a test has changed."""
    for folder in ("bitpan", "tests/bitpan", "tests/support"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(mutants.__file__, tmp_path / "tests/support")
    (tmp_path / "bitpan/__init__.py").write_text("")
    source = tmp_path / "bitpan/least.py"
    source.write_text("def least(a, b):\n    return a if a < b else b\n\n\ndef next(a):\n    return a + 1\n")
    test = tmp_path / "tests/bitpan/test_least.py"
    test.write_text("from bitpan.least import least, next\n\n\ndef test_next():\n    assert next(1) == 2\n")
    tried = []
    for more in ("", "\n\ndef test_of_equal_ones():\n    assert least(1, 1.0).__class__ is float\n"):
        test.write_text(test.read_text() + more)
        for _ in range(2):
            command = [sys.executable, tmp_path / "tests/support/mutants.py", "--only", "bitpan/*.py"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            tried.append(len((tmp_path / "out/mutants.jsonl").read_text().splitlines()))
        survivors = [] if more else ["  bitpan/least.py:2 < -> <= at character 35"]
        assert done.stdout.splitlines()[3:] == [f"3 faults, {len(survivors)} survived", *survivors]
    assert tried == [3, 3, 4, 4]
    assert "a < b" in source.read_text() and Path(mutants.__file__).is_file()
