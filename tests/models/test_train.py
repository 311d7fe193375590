import math
import os
import signal

import numpy as np
import pytest
import torch

from bitpan.cli import main
from bitpan.errors import DataError, ModelError
from bitpan.models.checkpoint import load_network, read_checkpoint
from bitpan.models.settings import Settings, learning_rate
from bitpan.models.train import Training, resume

SMALL = {"synthetic": 2, "scene_size": 32, "blocks": 1, "channels": 8, "batch": 2, "patch": 16, "iterations": 6}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def states(path):
    return read_checkpoint(path)["state"]


@pytest.mark.parametrize("network", ["s2bnet-flat", "s2bnet-flat-fp", "s2bnet-irnet", "bnnpan-reactnet"])
def test_resume_goes_on_to_the_same_bits(tmp_path, network):
    settings = Settings(**SMALL, network=network, validate_every=3)
    Training(settings).run(tmp_path / "whole")
    half = Training(settings)
    for _ in range(3):
        half.step()
    half.save(tmp_path / "half.pt", math.nan, resumable=True)
    again = resume(tmp_path / "half.pt")
    assert again.iteration == 3 and again.settings == settings
    again.run(tmp_path / "resumed")
    whole, resumed = states(tmp_path / "whole" / "checkpoint.pt"), states(tmp_path / "resumed" / "checkpoint.pt")
    assert whole.keys() == resumed.keys()
    for name in whole:
        assert torch.equal(whole[name], resumed[name]), name


def test_a_resumed_training_without_its_optimiser_differs(tmp_path):
    """So the test above can fail."""
    settings = Settings(**SMALL)
    whole, half = Training(settings), Training(settings)
    for _ in range(6):
        whole.step()
    for _ in range(3):
        half.step()
    half.optimiser.state.clear()
    for _ in range(3):
        half.step()
    own, other = whole.network.state_dict(), half.network.state_dict()
    assert any(not torch.equal(own[name], other[name]) for name in own)


def test_units_are_told_how_far_the_training_is():
    training = Training(Settings(**SMALL, network="s2bnet-flat-irnet"))
    for progress in (0, 1 / 6, 2 / 6):
        training.step()
        assert training.network.blocks[0].progress == progress


def test_seeds_differ():
    one, other = Training(Settings(**SMALL, seed=1)), Training(Settings(**SMALL, seed=2))
    assert not torch.equal(one.network.head.conv.weight, other.network.head.conv.weight)


def test_ctrl_c_finishes_the_iteration_and_saves(tmp_path, capsys):
    training = Training(Settings(**{**SMALL, "iterations": 50}))
    step, previous = training.step, signal.getsignal(signal.SIGINT)

    def interrupted_step():
        if training.iteration == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return step()

    training.step = interrupted_step
    with pytest.raises(KeyboardInterrupt):
        training.run(tmp_path)
    assert signal.getsignal(signal.SIGINT) is previous
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
    assert resume(tmp_path / "last.pt").iteration == 3


def test_training_learns(tmp_path):
    settings = Settings(**{**SMALL, "iterations": 120, "batch": 4, "channels": 16, "blocks": 2})
    training = Training(settings)
    losses = [training.step()[0] for _ in range(120)]
    assert np.mean(losses[-20:]) < 0.9 * np.mean(losses[:5])


def test_learning_rate_rises_then_falls():
    rates = [learning_rate(Settings(iterations=1000, lr=1e-2), i) for i in range(1000)]
    assert rates[0] < 3e-4 and np.argmax(rates) == 49 and rates[-1] < 1e-6


def test_command_line(tmp_path, capsys):
    arguments = ["--synthetic", "1", "--scene-size", "32", "--blocks", "1", "--channels", "8", "--iterations", "2"]
    out = tmp_path / "out"
    assert main(["train", *arguments, "--batch", "2", "--patch", "16", "--out", str(out)]) == 0
    assert "validation PSNR" in capsys.readouterr().out
    network, provenance = load_network(out / "checkpoint.pt")
    assert network.configuration.blocks == 1
    assert provenance["quality"].keys() == {"s2bnet-flat", "EXP", "GSA"}
    assert provenance["settings"]["iterations"] == 2 and provenance["iteration"] == 2
    assert (out / "checkpoint.pt").stat().st_size < (out / "last.pt").stat().st_size
    assert main(["train", "--resume", str(out / "checkpoint.pt"), "--out", str(out)]) == 1
    assert "resume from last.pt" in capsys.readouterr().err
    assert main(["train", "--out", str(out)]) == 1
    assert "--synthetic N" in capsys.readouterr().err


def test_a_diverging_training_stops():
    training = Training(Settings(**SMALL))
    training.network.head.bias.data.fill_(math.nan)
    with pytest.raises(ModelError, match="lower --lr"):
        training.step()


def test_sources_of_different_bands_are_refused(tmp_path):
    for name, bands in (("a", 3), ("b", 4)):
        np.savez(
            tmp_path / f"{name}.npz",
            pan=np.full((32, 32), 9),
            ms=np.full((8, 8, bands), 9),
            gt=np.full((32, 32, bands), 9),
        )
    sources = (str(tmp_path / "a.npz"), str(tmp_path / "b.npz"))
    with pytest.raises(DataError, match=r"\[3, 4\] bands"):
        Training(Settings(data=sources, hold_out=0))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"iterations": 0}, "--iterations 0: at least 1"),
        ({"validate_every": -1}, "--validate-every -1: at least 1"),
        ({"hold_out": 1.0}, r"must lie in \[0, 1\)"),
        ({"lr": 0.0}, "above 0"),
        ({"patch": 18}, "multiple of the ratio 4"),
    ],
)
def test_impossible_settings_are_refused(wrong, said):
    with pytest.raises(DataError, match=said):
        Settings(**{**SMALL, **wrong})
