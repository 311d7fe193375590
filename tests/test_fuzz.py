"""Damaged files of every kind end in bitpan's own errors: a few of those that ``make fuzz`` tries by the thousand."""

import subprocess
import sys
from pathlib import Path

import fuzz

KINDS = ("tiff", "mat", "npz", "hdf5", "qonnx", "model", "package", "checkpoint", "sweep", "scene")


def test_every_kind_of_file_is_tried():
    assert tuple(fuzz.KINDS) == KINDS


def test_no_damaged_file_ends_in_another_error():
    """In a process of its own, since its workers are forked and their memory is limited."""
    done = subprocess.run(
        [sys.executable, Path(fuzz.__file__), "--inputs", "200"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.endswith("200 inputs, 0 faults\n"), done.stdout + done.stderr


def test_faults_are_found(tmp_path):
    """Another error, a death and a hang, each told with its number; the others go on."""

    class Faulty(fuzz.Kind):
        def make(self):
            (tmp_path / "made").touch()

        def read(self, rng):
            number = rng.integers(5)
            if number == 1:
                raise KeyError("untyped")
            if number == 2:
                fuzz.os.kill(fuzz.os.getpid(), 9)
            if number == 3:
                fuzz.time.sleep(60)

    kinds = dict(fuzz.KINDS)
    fuzz.KINDS["faulty"], patience = Faulty, fuzz.PATIENCE
    try:
        fuzz.PATIENCE = 2
        counts, faults = fuzz.fuzz("faulty", 0, 0, 12)
    finally:
        fuzz.KINDS.pop("faulty")
        fuzz.PATIENCE = patience
    assert kinds == fuzz.KINDS and sum(counts.values()) == 12 and counts["fault"] == len(faults)
    assert set(faults.values()) == {
        "fault: KeyError: 'untyped'",
        "fault: the process ended by -9",
        "fault: the process hung",
    }
