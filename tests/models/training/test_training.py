import math
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from bitpan.errors import ModelError
from bitpan.host.scene.brightness import balance_in
from bitpan.models.imagery import images
from bitpan.models.imagery.triples import synthetic
from bitpan.models.layers.consistency import consistent
from bitpan.models.networks.backbones import UNIT_NETWORKS
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.training.checkpoint import load_network, network_of, read_checkpoint
from bitpan.models.training.finetune import finetune
from bitpan.models.training.patches import gather
from bitpan.models.training.settings import Settings, learning_rate
from bitpan.models.training.training import Training, psnr, resume, validate
from bitpan.radiometry import balance_of, levelled

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"synthetic": 2, "scene_size": 32, "blocks": 1, "channels": 8, "batch": 2, "patch": 16, "iterations": 6}
STAGED = {**SMALL, "network": "staged", "iterations": 10, "lr": (1e-2, 3e-2, 5e-3)}
"""Stages end at 4, 6 and 10."""


class Staged(UNIT_NETWORKS["s2bnet-flat-fp"]):
    """A network whose stages train different parameters, draw noise, fuse nothing, and copy weights at a beginning."""

    name = "staged"
    stages = ("first", "prior", "joint")
    stage_shares = (0.4, 0.2, 0.4)

    def __init__(self, configuration):
        super().__init__(configuration)
        self.prior = torch.nn.Linear(4, 4)
        self.begun = []

    def begin_stage(self, stage):
        self.begun.append(stage)
        if stage == "joint":
            self.tail.bias.data += self.prior.bias.data + torch.randn(4)

    def stage_parameters(self, stage):
        return list(self.prior.parameters()) if stage == "prior" else super().stage_parameters(stage)

    def loss(self, stage, pan, ms, gt):
        if stage != "prior":
            return super().loss(stage, pan, ms, gt)
        means = gt.mean(dim=(2, 3)) / 1024
        return (self.prior(means + 0.1 * torch.randn_like(means)) - means).abs().mean(), None


@pytest.fixture(autouse=True)
def staged(monkeypatch):
    monkeypatch.setitem(NETWORKS, "staged", Staged)


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def steps(training, count):
    return [training.step() for _ in range(count)]


def test_large_images_are_validated_in_parts(monkeypatch):
    """About equal ones, which cover the image; a small one is a part of its own. What counts is consistent with MS."""
    network, (held_out,) = Training(Settings(**SMALL)).network, synthetic(1, 192, 7, 11)

    def of(parts):
        found = []
        for rows, columns in parts:
            own = held_out.part(slice(0, 1), rows, columns)
            pan, ms, gt = (torch.from_numpy(each.astype(np.float32)) for each in (own.pan, own.ms, own.gt))
            with torch.no_grad():
                found.append(psnr(consistent(network.eval()(pan, ms), ms, 4), gt, 11))
        return np.mean(found)

    sizes = []
    network.register_forward_hook(lambda *call: sizes.append(call[1][0].shape[2:]))
    halves = slice(0, 96), slice(96, 192)
    for largest, parts in ((192, [(slice(None), slice(None))]), (100, [(r, c) for r in halves for c in halves])):
        monkeypatch.setattr(images, "LARGEST", largest)
        sizes.clear()
        assert validate(network, [held_out], torch.device("cpu")) == of(parts)
        assert sizes[: len(parts)] == [(192 if len(parts) == 1 else 96,) * 2] * len(parts)
        assert len(sizes) == 2 * len(parts)


def test_only_the_last_stage_is_validated(tmp_path, capsys):
    Training(Settings(**STAGED, validate_every=1)).run(tmp_path)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("iteration")]
    assert [line.split()[1] for line in said] == [f"{i}," for i in range(1, 10)]
    assert [("stage joint" in line) for line in said] == [("validation PSNR" in line) for line in said]
    assert sum("validation PSNR" in line for line in said) == 3


def test_a_network_keeps_the_balance_of_its_training(tmp_path):
    training = Training(Settings(**SMALL))
    images = [image for part in gather(training.settings)[0] for image in part.ms]
    balance = balance_of(images, training.network.configuration.offset)
    training.save(tmp_path / "new.pt", resumable=False)
    network = load_network(tmp_path / "new.pt")[0]
    assert network.configuration == training.network.configuration
    assert network.configuration.balance == balance_in(to_integer_model(network)) == balance and len({*balance}) == 4


@pytest.mark.parametrize("level", ["scene", "none"])
def test_a_new_network_sees_what_it_will_see(tmp_path, level):
    """Each image at its level, or as it is but for PAN, when it is built, goes on, is judged and is fine-tuned."""
    settings = Settings(**SMALL, level=level, save_every=0)
    training = Training(settings)
    own = training.network.configuration
    assert bool(own.balance) == (level == "scene")
    training.run(tmp_path)
    gone_on = resume(tmp_path / "last.pt")
    finetuned = finetune(tmp_path / "checkpoint.pt", {"synthetic": 2, "scene_size": 32, "patch": 16, "hold_out": 0.3})
    for parts, raw in zip((training.training, training.held_out), gather(settings), strict=True):
        for part, plain in zip(parts, raw, strict=True):
            seen = levelled(plain.pan[0], plain.ms[0], own.bits, own.offset, own.balance)[:2]
            assert all(map(np.array_equal, (part.pan[0], part.ms[0]), seen))
            assert np.array_equal(part.gt, plain.gt) == (level == "none")
    for other in (gone_on, finetuned):
        for one, two in zip(training.training + training.held_out, other.training + other.held_out, strict=True):
            assert all(map(np.array_equal, (one.pan, one.ms, one.gt), (two.pan, two.ms, two.gt)))


def test_units_are_told_how_far_the_training_is():
    training = Training(Settings(**SMALL, network="s2bnet-flat-irnet"))
    for progress in (0, 1 / 6, 2 / 6):
        training.step()
        assert training.network.blocks[0].progress == progress


@pytest.mark.parametrize(
    "network", ["s2bnet-flat", "bnnpan", "bnnpan-fp", "s2bnet-flat-fp", "s2bnet-flat-irnet", "bnnpan-reactnet"]
)
def test_resume_goes_on_to_the_same_bits(tmp_path, network):
    settings = Settings(**SMALL, network=network, validate_every=3, vary_bands=True)
    whole = Training(settings)
    whole.run(tmp_path)
    half = Training(settings)
    steps(half, 3)
    half.save(tmp_path / "half.pt", resumable=True)
    again = resume(tmp_path / "half.pt")
    assert again.iteration == 3 and again.settings == settings
    steps(again, 3)
    assert equal(whole.network.state_dict(), again.network.state_dict())


def test_stages_resume_anywhere_to_the_same_bits(tmp_path):
    """Within stages, at their boundaries (4 and 6), at the beginning and at the end."""
    whole = Training(Settings(**STAGED))
    for i in range(11):
        whole.save(tmp_path / f"{i}.pt", resumable=True)
        if i < 10:
            whole.step()
    assert whole.network.begun == ["first", "prior", "joint"]
    for i in range(11):
        again = resume(tmp_path / f"{i}.pt")
        steps(again, 10 - i)
        assert equal(whole.network.state_dict(), again.network.state_dict()), i
        begun = ["first", "prior", "joint"]
        assert again.network.begun == begun[1 if i <= 4 else 2 if i <= 6 else 3 :], i


def test_a_stage_begun_twice_differs(tmp_path):
    """So the test above can fail."""
    whole = Training(Settings(**STAGED))
    steps(whole, 8)
    whole.save(tmp_path / "8.pt", resumable=True)
    steps(whole, 2)
    again = resume(tmp_path / "8.pt")
    again.network.begin_stage("joint")
    steps(again, 2)
    assert not equal(whole.network.state_dict(), again.network.state_dict())


def test_each_stage_has_its_own_parameters_rates_and_optimiser():
    training = Training(Settings(**STAGED))
    before = {name: value.clone() for name, value in training.network.state_dict().items()}
    for i in range(10):
        stage, start, end = ((0, 0, 4), (1, 4, 6), (2, 6, 10))[(i >= 4) + (i >= 6)]
        loss, quality = training.step()
        assert training.stage == stage and math.isfinite(loss)
        assert math.isnan(quality) == (stage == 1)
        rate = training.optimiser.param_groups[0]["lr"]
        assert rate == learning_rate(STAGED["lr"][stage], i - start, end - start)
        assert {int(state["step"]) for state in training.optimiser.state.values()} == {i - start + 1}
        changed = {
            name for name, value in training.network.state_dict().items() if not torch.equal(value, before[name])
        }
        assert stage != 1 or changed == {"prior.weight", "prior.bias"}
        before = {name: value.clone() for name, value in training.network.state_dict().items()}


def test_a_resumed_training_without_its_optimiser_differs():
    """So the tests above can fail."""
    whole, half = Training(Settings(**SMALL)), Training(Settings(**SMALL))
    steps(whole, 6)
    steps(half, 3)
    half.optimiser.state.clear()
    steps(half, 3)
    assert not equal(whole.network.state_dict(), half.network.state_dict())


def test_files_whose_bands_counted_from_0_are_refused(tmp_path):
    """They would be gone on from with other bands; what is finished is read as ever."""
    training = Training(Settings(**SMALL, command="bitpan train --synthetic 1"))
    training.save(tmp_path / "last.pt", resumable=True)
    document = torch.load(tmp_path / "last.pt", weights_only=True)
    del document["provenance"]["settings"]["version"]
    torch.save(document, tmp_path / "last.pt")
    with pytest.raises(ModelError, match=r"last\.pt: .* counted bands from 0\); .*: bitpan train --synthetic 1"):
        resume(tmp_path / "last.pt")
    assert load_network(tmp_path / "last.pt")[0].name == "s2bnet-flat"


def test_bands_vary_where_they_are_asked_to():
    plain, again, varied = (steps(Training(Settings(**SMALL, vary_bands=own)), 1)[0] for own in (False, False, True))
    assert plain == again != varied


def test_seeds_differ():
    one, other = Training(Settings(**SMALL, seed=1)), Training(Settings(**SMALL, seed=2))
    assert not torch.equal(one.network.head.conv.weight, other.network.head.conv.weight)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_finish_the_iteration_and_save(tmp_path, number):
    training = Training(Settings(**{**SMALL, "iterations": 50}))
    step, previous = training.step, signal.getsignal(number)

    def interrupted_step():
        if training.iteration == 2:
            os.kill(os.getpid(), number)
        return step()

    training.step = interrupted_step
    with pytest.raises(KeyboardInterrupt):
        training.run(tmp_path)
    assert signal.getsignal(number) is previous
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
    assert resume(tmp_path / "last.pt").iteration == 3


@pytest.fixture
def foreground():
    """Ctrl-C interrupts, as it does where a shell has not started the tests in the background."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("foreground")
def test_a_second_ctrl_c_interrupts_at_once_and_a_second_sigterm_does_not(tmp_path):
    def interrupted_step(training, number):
        for _ in range(2):
            os.kill(os.getpid(), number)
        return Training.step(training)

    for number, left in ((signal.SIGINT, False), (signal.SIGTERM, True)):
        training = Training(Settings(**SMALL))
        training.step = lambda training=training, number=number: interrupted_step(training, number)
        with pytest.raises(KeyboardInterrupt):
            training.run(tmp_path)
        assert (tmp_path / "last.pt").exists() == left


def killed(out):
    """Train in a process of its own and kill it, not asking, while it is at work."""
    small = [f"--{name.replace('_', '-')}={value}" for name, value in {**SMALL, "iterations": 100_000}.items()]
    words = [*small, "--save-every", "0", "--threads", "1", "--out", str(out)]
    process = subprocess.Popen([sys.executable, "-m", "bitpan.cli", "train", *words], stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            if (out / "last.pt").exists():
                break
            time.sleep(0.1)
        time.sleep(random.uniform(0, 1))
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    return out / "last.pt"


def test_a_killed_training_leaves_a_whole_checkpoint(tmp_path):
    again = resume(killed(tmp_path))
    whole = Training(again.settings)
    steps(whole, again.iteration)
    assert again.iteration > 0 and equal(whole.network.state_dict(), again.network.state_dict())
    assert steps(whole, 3) == steps(again, 3)
    assert equal(whole.network.state_dict(), again.network.state_dict())


def test_last_pt_is_written_at_intervals(tmp_path, monkeypatch):
    """The time between two writings is all that a crash can cost."""
    clock = iter(np.arange(0, 1000, 5.0))  # two readings an iteration: an iteration takes 5 seconds and begins 10 apart
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    training, written = Training(Settings(**{**SMALL, "iterations": 20, "save_every": 30.0})), []
    monkeypatch.setattr(training, "save", lambda path, resumable: written.append((path.name, training.iteration)))
    training.run(tmp_path)
    assert written == [("last.pt", i) for i in (3, 6, 9, 12, 15, 18, 20)] + [("checkpoint.pt", 20)]


def test_a_training_killed_after_its_last_iteration_is_finished_by_resuming(tmp_path):
    whole = Training(Settings(**SMALL))
    steps(whole, 6)
    whole.save(tmp_path / "last.pt", resumable=True)
    quality = resume(tmp_path / "last.pt").run(tmp_path)
    assert math.isfinite(quality)
    assert read_checkpoint(tmp_path / "checkpoint.pt")["provenance"]["validation_psnr"] == quality


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: document["training"].pop("optimiser"),
        lambda document: document["training"].update(iteration=99),
        lambda document: document["training"].update(stage=7),
        lambda document: document["training"]["optimiser"]["param_groups"][0]["params"].pop(),
        lambda document: document["provenance"].pop("settings"),
        lambda document: document["provenance"]["settings"].update(colour="red"),
        lambda document: document.update(provenance=None),
    ],
)
def test_damaged_states_are_refused_in_one_line(tmp_path, damage):
    Training(Settings(**SMALL)).save(tmp_path / "last.pt", resumable=True)
    document = torch.load(tmp_path / "last.pt", weights_only=True)
    damage(document)
    torch.save(document, tmp_path / "last.pt")
    with pytest.raises(ModelError) as error:
        resume(tmp_path / "last.pt")
    assert str(error.value).startswith(str(tmp_path / "last.pt")) and "\n" not in str(error.value)


def test_training_learns():
    settings = Settings(**{**SMALL, "iterations": 120, "batch": 4, "channels": 16, "blocks": 2})
    losses = [loss for loss, _ in steps(Training(settings), 120)]
    assert np.mean(losses[-20:]) < 0.9 * np.mean(losses[:5])


def test_a_diverging_training_stops():
    training = Training(Settings(**SMALL))
    training.network.head.bias.data.fill_(math.nan)
    with pytest.raises(ModelError, match="lower --lr"):
        training.step()


def test_fine_tuning_is_the_last_stage_of_the_same_weights(tmp_path):
    Training(Settings(**STAGED)).run(tmp_path)
    network = network_of(read_checkpoint(tmp_path / "checkpoint.pt"), tmp_path)
    other = Settings(**{**SMALL, "network": "staged", "finetune": "checkpoint.pt", "seed": 5})
    training = Training(other, network)
    assert training.stages == ("joint",) and training.ends == (6,)
    assert equal(training.network.state_dict(), network.state_dict()) and training.network.begun == []
    assert training.network.configuration == network.configuration
    levels = [abs(float(part.ms.mean()) - network.configuration.offset) for part in training.training]
    assert max(levels) < 1
    steps(training, 3)
    training.save(tmp_path / "last.pt", resumable=True)
    again = resume(tmp_path / "last.pt")
    assert again.network.configuration == training.network.configuration
    steps(training, 3)
    steps(again, 3)
    assert equal(training.network.state_dict(), again.network.state_dict())
    assert again.network.begun == []
