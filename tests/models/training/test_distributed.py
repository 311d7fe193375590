"""Two processes on this CPU do what one does."""

import os
import subprocess
import sys

import pytest

from bitpan.cli import main
from bitpan.models.training import distributed
from bitpan.models.training.checkpoint import read_checkpoint
from bitpan.models.training.settings import Settings
from bitpan.models.training.training import Training, resume

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"synthetic": 2, "scene_size": 32, "blocks": 1, "channels": 8, "patch": 16}
SETTINGS = {**SMALL, "batch": 4, "iterations": 8, "lr": 0.05}

LAZY = """
from bitpan.models.training import distributed
average = distributed.average
def lazy(parameters, *numbers):
    parameters = list(parameters)
    own = [parameter.grad.clone() for parameter in parameters]
    numbers = average(parameters, *numbers)
    if distributed.rank() == 1:
        for parameter, gradient in zip(parameters, own):
            parameter.grad.copy_(gradient)
    return numbers
distributed.average = lazy
"""
"""The second process does not average."""

TOLD_TO_STOP = """
import os, signal
from bitpan.models.training import distributed
from bitpan.models.training.training import Training
step = Training.step
def told(self):
    if self.iteration == 3 and distributed.rank() == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    return step(self)
Training.step = told
"""
"""The second process alone hears a signal, in its fourth iteration."""


def torchrun(out, settings, fault=""):
    """Train with two processes, ``fault`` planted before; what they printed."""
    script = out / "training.py"
    script.write_text(f"{fault}\nimport sys\nfrom bitpan.cli import main\nsys.exit(main())\n")
    program = [str(script)] if fault else ["-m", "bitpan.cli"]
    words = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", *program]
    return subprocess.run(
        [*launch, "train", *words, "--threads", "1", "--out", str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def alone():
    training = Training(Settings(**SETTINGS))
    start = {name: value.clone() for name, value in training.network.state_dict().items()}
    for _ in range(SETTINGS["iterations"]):
        training.step()
    return start, training.network.state_dict()


def farthest(one, other):
    """The largest difference of two networks' weights."""
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def test_two_processes_equal_one(tmp_path, alone):
    result = torchrun(tmp_path, SETTINGS)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("validation PSNR") == 1  # the second process is silent
    start, expected = alone
    difference = farthest(read_checkpoint(tmp_path / "checkpoint.pt")["state"], expected)
    assert difference < 1e-4 * farthest(start, expected)


def test_a_process_that_does_not_average_differs(tmp_path, alone):
    """So the test above can fail."""
    assert torchrun(tmp_path, SETTINGS, LAZY).returncode == 0
    start, expected = alone
    difference = farthest(read_checkpoint(tmp_path / "checkpoint.pt")["state"], expected)
    assert difference > 1e-2 * farthest(start, expected)


def test_a_signal_to_one_stops_all_at_the_same_iteration(tmp_path):
    result = torchrun(tmp_path, SETTINGS, TOLD_TO_STOP)
    assert result.returncode != 0 and not (tmp_path / "checkpoint.pt").exists()
    assert resume(tmp_path / "last.pt").iteration == 4


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(distributed, "size", lambda: 2)
    assert main(["train", "--synthetic", "1", "--batch", "3", "--out", str(tmp_path)]) == 1
    assert "--batch 3 cannot be shared by 2 processes; take a multiple of 2" in capsys.readouterr().err
