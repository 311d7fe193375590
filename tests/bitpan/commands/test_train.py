"""The command: what it writes, what it says, and one line for whatever it is given wrong."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

import bitpan
from bitpan.cli import main
from bitpan.errors import ModelError
from bitpan.models.imagery.synth import synthesise
from bitpan.models.training.checkpoint import load_network, read_checkpoint
from bitpan.models.training.finetune import FINETUNING
from bitpan.models.training.settings import Settings
from bitpan.models.training.training import resume

pytestmark = pytest.mark.usefixtures("one_thread")

SHIPPED = str(Path(bitpan.__file__).parent / "pretrained" / "s2bnet-flat" / "checkpoint.pt")
SMALL = ["--blocks", "1", "--channels", "8", "--iterations", "2", "--batch", "2", "--patch", "16"]
SYNTHETIC = ["--synthetic", "1", "--scene-size", "32", *SMALL]


def pair(bands=4, bits=11, seed=0):
    """A pair whose MS resembles its PAN, so that it can be trained on."""
    random = np.random.default_rng(seed)
    pan = random.integers(0, 1 << bits, (256, 256)).astype(np.uint16)
    coarse = pan.reshape(64, 4, 64, 4).mean(axis=(1, 3))
    return {"I_PAN": pan, "I_MS": np.stack([coarse * (i + 1) / bands for i in range(bands)], axis=-1).astype(np.uint16)}


@pytest.fixture
def write(tmp_path):
    def write(name="pair.mat", arrays=None, **changes):
        stored = {**(arrays or pair()), **changes}
        savemat(tmp_path / name, {key: value for key, value in stored.items() if value is not None})
        return str(tmp_path / name)

    return write


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkpoint and its last.pt."""
    out = tmp_path_factory.mktemp("finished")
    assert main(["train", *SYNTHETIC, "--out", str(out)]) == 0
    return out


def refused(capsys, *words):
    """The one line the command prints when it is given these."""
    assert main(["train", *words]) == 1
    printed = capsys.readouterr().err
    line = printed[printed.rindex("bitpan train: ") :]
    assert line.count("\n") == 1 and "Traceback" not in printed
    return line


def test_it_trains(finished, tmp_path, capsys):
    network, provenance = load_network(finished / "checkpoint.pt")
    assert network.configuration.blocks == 1
    assert provenance["quality"].keys() == {"s2bnet-flat", "EXP", "GSA"}
    assert provenance["settings"]["iterations"] == 2 and provenance["iteration"] == 2
    assert (finished / "checkpoint.pt").stat().st_size < (finished / "last.pt").stat().st_size
    assert main(["train", "--resume", str(finished / "last.pt"), "--out", str(tmp_path)]) == 0
    assert "validation PSNR" in capsys.readouterr().out
    one, other = (read_checkpoint(folder / "checkpoint.pt")["state"] for folder in (finished, tmp_path))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_nothing_held_out_is_no_validation(write, tmp_path, capsys):
    assert main(["train", "--data", write(), "--hold-out", "0", *SMALL, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "nothing was held out" in printed.out and "nan" not in printed.out


def test_options_reach_the_settings(write, tmp_path):
    words = ["--shift", "-2.25,2.5", "--lr", "3e-3", "--stages", "2", "--save-every", "7", "--bands", "3,2,1"]
    assert main(["train", "--data", write(), *words, *SMALL, "--out", str(tmp_path)]) == 0
    settings = Settings.from_json(load_network(tmp_path / "checkpoint.pt")[1]["settings"])
    assert settings.shift == (-2.25, 2.5) and settings.lr == 3e-3 and settings.stages == (2.0,)
    assert settings.save_every == 7 and settings.bands == (3, 2, 1) and settings.sensor == "generic"


def test_fine_tuning_takes_the_checkpoints_architecture(finished, write, tmp_path, capsys):
    words = ["--finetune", str(finished / "checkpoint.pt"), "--data", write(), "--patch", "16", "--batch", "2"]
    assert main(["train", *words, "--iterations", "1", "--hold-out", "0.3", "--out", str(tmp_path)]) == 0
    assert "before, on what is held out" in capsys.readouterr().out
    network, provenance = load_network(tmp_path / "checkpoint.pt")
    assert network.configuration.channels == 8 and network.configuration.blocks == 1
    settings = Settings.from_json(provenance["settings"])
    assert settings.channels == 8 and settings.finetune == str(finished / "checkpoint.pt")
    assert settings.lr == FINETUNING["lr"] and settings.iterations == 1
    old, new = (read_checkpoint(path)["state"] for path in (finished / "checkpoint.pt", tmp_path / "last.pt"))
    assert 0 < max(float((old[name] - new[name]).abs().max()) for name in old) < 2 * FINETUNING["lr"]


@pytest.mark.parametrize("network", ["s2bnet-flat", "s2bnet-flat-bbcu"])
def test_fine_tuning_may_change_a_full_head(write, tmp_path, capsys, network):
    """A checkpoint that has another head keeps it."""
    folders = tmp_path / "full", tmp_path / "planes", tmp_path / "again"
    assert main(["train", *SYNTHETIC, "--network", network, "--head", "full", "--out", str(folders[0])]) == 0
    words = ["--data", write(), "--patch", "16", "--batch", "2", "--iterations", "1"]
    for before, after, given in zip(folders, folders[1:], (["--head", "planes"], []), strict=False):
        assert main(["train", "--finetune", str(before / "checkpoint.pt"), *words, *given, "--out", str(after)]) == 0
        own, provenance = load_network(after / "checkpoint.pt")
        assert own.configuration.head == provenance["settings"]["head"] == "planes"
        (weight,) = (value for value in own.head.parameters() if value.ndim == 4)
        assert torch.equal(weight.any(dim=0, keepdim=True), own.head.kept > 0)
    line = refused(capsys, "--finetune", str(folders[1] / "checkpoint.pt"), *words, "--head", "full", "--out", "out")
    assert "its head is planes" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--network", "s2bnet-flat-fp"], "its network is s2bnet-flat, which --network s2bnet-flat-fp contradicts"),
        (["--channels", "16"], "its channels is 8"),
        (["--outer-skip", "add"], "which --outer-skip add contradicts"),
        (["--bits", "12"], "its bits is 11, which --bits 12 contradicts"),
        (["--ratio", "2"], "its ratio is 4"),
        (["--bands", "1,2,3"], "has 3 bands, the network 4; choose them with --bands, or give --transfer"),
    ],
)
def test_fine_tuning_to_what_does_not_fit(finished, write, tmp_path, capsys, words, said):
    checkpoint = str(finished / "checkpoint.pt")
    line = refused(capsys, "--finetune", checkpoint, "--data", write(), *words, "--out", str(tmp_path / "out"))
    assert said in line and checkpoint in line
    assert not (tmp_path / "out").exists()


def test_fine_tuning_on_eight_bands_names_what_the_checkpoint_is_for(finished, write, tmp_path, capsys):
    checkpoint, source = str(finished / "checkpoint.pt"), write(arrays=pair(bands=8))
    line = refused(capsys, "--finetune", checkpoint, "--data", source, "--out", str(tmp_path))
    assert source in line and "is for 4 bands at ratio 4" in line


@pytest.mark.parametrize("depth", [8, 10, 11, 12, 15])
def test_fine_tuning_takes_any_depth(finished, write, tmp_path, depth):
    """And the PAN may have a bit more than the MS."""
    arrays = pair(bits=depth)
    arrays |= {"I_PAN": arrays["I_PAN"] * 2, "I_MS": arrays["I_MS"] // 3 * 4}
    words = ["--data", write(arrays=arrays), "--patch", "16", "--batch", "2", "--iterations", "1"]
    assert main(["train", "--finetune", str(finished / "checkpoint.pt"), *words, "--out", str(tmp_path / "out")]) == 0
    network, provenance = load_network(tmp_path / "out" / "checkpoint.pt")
    assert network.configuration.bits == provenance["settings"]["bits"] == 11


def test_fine_tuning_says_before_and_after_and_keeps_the_better(tmp_path, capsys):
    """Before is what `bitpan evaluate` says of the weights that ship, on the same columns, to the last bit."""
    made = synthesise((64, 1024), seed=9)
    savemat(tmp_path / "pair.mat", {"I_PAN": made.pan[0], "I_MS": made.ms.transpose(1, 2, 0)})
    source = str(tmp_path / "pair.mat")
    judged = tmp_path / "judged"
    words = [SHIPPED, "--data", source, "--hold-out", "0.2", "--classical", "EXP", "--threads", "1", "-o", str(judged)]
    assert main(["evaluate", *words]) == 0
    expected = json.loads((judged / "table.json").read_text())["table"]["s2bnet-flat"]
    found = {}
    for rate in ("1e-9", "1"):
        out = tmp_path / rate
        words = ["--data", source, "--patch", "16", "--batch", "2", "--iterations", "4", "--validate-every", "2"]
        words += ["--threads", "1"]
        assert main(["train", "--finetune", SHIPPED, *words, "--lr", rate, "--out", str(out)]) == 0
        found[rate] = load_network(out / "checkpoint.pt")
        table = found[rate][1]["quality"]
        assert table.keys() == {"before", "s2bnet-flat", "EXP", "GSA"}
        assert table["before"] == {index: expected[index]["mean"] for index in ("PSNR", "SAM", "ERGAS")}
    shipped = load_network(Path(SHIPPED))[0]
    network, provenance = found["1"]
    said = capsys.readouterr().out
    assert "no iteration was better on what is held out: the weights are those it started from" in said
    assert provenance["iteration"] == 0 and provenance["quality"]["s2bnet-flat"] == provenance["quality"]["before"]
    assert network.configuration == shipped.configuration
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in shipped.state_dict().items())


def test_a_fine_tuning_resumed_keeps_what_the_whole_one_keeps(finished, write, tmp_path):
    words = ["--finetune", str(finished / "checkpoint.pt"), "--data", write(), "--patch", "16", "--batch", "2"]
    words += ["--iterations", "8", "--validate-every", "2", "--lr", "0.5", "--save-every", "0"]
    assert main(["train", *words, "--out", str(tmp_path / "whole")]) == 0
    training = resume(tmp_path / "whole" / "last.pt")
    document = read_checkpoint(tmp_path / "whole" / "last.pt")
    assert 0 <= document["training"]["kept"]["iteration"] <= 8 and training.iteration == 8
    training.run(tmp_path / "again")
    one, other = (read_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("whole", "again"))
    assert one["provenance"]["iteration"] == other["provenance"]["iteration"]
    assert one["provenance"]["quality"] == other["provenance"]["quality"]
    assert all(torch.equal(one["state"][name], other["state"][name]) for name in one["state"])


def test_bad_hdf5(tmp_path, capsys):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = np.zeros(3)
    with h5py.File(tmp_path / "group.h5", "w") as file:
        file.create_group("pan")
        file["ms"] = np.zeros((1, 4, 4, 4))
    with h5py.File(tmp_path / "text.h5", "w") as file:
        file["pan"], file["ms"] = [[[[b"text"]]]], np.zeros((1, 4, 4, 4))
    for name, said in (
        ("other", "has no array I_PAN or pan or PAN, only images"),
        ("group", "/pan is no array of numbers"),
        ("text", "/pan is no array of numbers"),
    ):
        line = refused(capsys, "--data", str(tmp_path / f"{name}.h5"), "--out", str(tmp_path))
        assert said in line and f"{name}.h5" in line


@pytest.mark.parametrize(
    ("changes", "words", "said"),
    [
        ({"I_PAN": np.full((256, 256), np.nan)}, [], "pan holds NaN"),
        ({"I_PAN": np.full((256, 256), 7)}, [], "the PAN is 7 everywhere"),
        ({"I_MS": np.dstack([pair()["I_MS"][..., 1:], np.full((64, 64), 9)])}, [], "MS band 4 is 9 everywhere"),
        ({"I_MS": np.dstack([pair()["I_MS"], np.full((64, 64), 9)])}, ["--bands", "1,5"], "MS band 5 is 9 everywhere"),
        ({"gt": pair()["I_MS"]}, ["--shift", "1,1"], "leave --shift out"),
        ({}, ["--shift", "99,0"], "at most 16 PAN pixels"),
        ({}, ["--device", "abacus"], "--device abacus: PyTorch finds no such device"),
        ({}, ["--patch", "128"], "hold no patch of 128"),
        ({}, ["--ratio", "0"], "--ratio 0: at least 1"),
        ({}, [*SMALL, "--network", "bnnpan", "--srm", "static"], "bnnpan has no srm to be 'static'; leave --srm out"),
        (
            {},
            [*SMALL, "--network", "s2bnet-bbcu", "--gsfa", "none"],
            "s2bnet-bbcu has no gsfa to be 'none'; leave --gsfa out",
        ),
        (
            {},
            ["--patch", "16", "--network", "s2bnet-bbcu", "--blocks", "4"],
            "s2bnet-bbcu has 10 units, not 4; leave --blocks out",
        ),
        ({}, ["--patch", "16", "--lr", "1e-3,1e-3"], "trains in 1 stages"),
    ],
)
def test_bad_data_and_settings(write, tmp_path, capsys, changes, words, said):
    assert said in refused(capsys, "--data", write(**changes), *words, "--out", str(tmp_path))


@pytest.mark.parametrize("network", ["s2bnet", "bnnpan"])
def test_a_pair_of_any_size_has_whole_parts_for_any_network(write, tmp_path, network):
    odd = {"I_MS": pair()["I_MS"][:61, :63], "I_PAN": pair()["I_PAN"][:122, :126]}
    words = ["--network", network, "--channels", "8", "--iterations", "12", "--batch", "2", "--patch", "16"]
    words += ["--ratio", "2", "--hold-out", "0.4"]
    assert main(["train", "--data", write(**odd), *words, "--out", str(tmp_path)]) == 0


def test_synthetic_scenes_are_of_the_sensor_bands_and_ratio(tmp_path, capsys):
    words = [*SYNTHETIC, "--sensor", "wv2", "--bands", "8,1", "--ratio", "2", "--bits", "12"]
    assert main(["train", *words, "--out", str(tmp_path)]) == 0
    own = load_network(tmp_path / "checkpoint.pt")[0].configuration
    assert (own.bands, own.ratio, own.bits) == (2, 2, 12)
    line = refused(capsys, *SYNTHETIC, "--bands", "1,5", "--out", str(tmp_path / "out"))
    assert "sensor 'generic' has no band 5, only 4" in line


@pytest.mark.parametrize("head", ["planes", "full"])
def test_a_finished_network_goes_on_with_other_bands_and_another_ratio(finished, write, tmp_path, capsys, head):
    """And starts near to what it gave: where all bands are alike, doubled ones and half of the rows and columns."""
    first = tmp_path / "first"
    assert main(["train", *SYNTHETIC, "--head", head, "--out", str(first)]) == 0
    words = ["--finetune", str(first / "checkpoint.pt"), "--synthetic", "1", "--scene-size", "32", "--sensor", "wv3"]
    words += ["--ratio", "2", "--bits", "14", "--patch", "16", "--batch", "2", "--iterations", "1"]
    assert "its bits is 11" in refused(capsys, *words, "--out", str(tmp_path / "no"))
    assert main(["train", *words, "--transfer", "--out", str(tmp_path / "out")]) == 0
    own, provenance = load_network(tmp_path / "out" / "checkpoint.pt")
    assert (own.configuration.bands, own.configuration.ratio, own.configuration.bits) == (8, 2, 14)
    assert provenance["settings"]["transfer"] and own.configuration.head == head
    weight = own.head.conv.weight
    assert torch.equal(weight.any(dim=0, keepdim=True), own.head.kept > 0)
    assert main(["train", "--resume", str(tmp_path / "out" / "last.pt"), "--out", str(tmp_path / "out")]) == 0
    assert "give it with --finetune" in refused(capsys, *SYNTHETIC, "--transfer", "--out", str(tmp_path / "no"))


def test_sources_that_differ(write, tmp_path, capsys):
    four, three, ten = write(), write("three.mat", pair(bands=3)), write("ten.mat", pair(bits=10))
    line = refused(capsys, "--data", four, three, "--out", str(tmp_path))
    assert f"{four} has 4 bands, {three} 3" in line
    as_they_are = "--level", "none", "--out", str(tmp_path)
    assert f"{four}: ms spans" in refused(capsys, "--data", ten, four, "--bits", "10", *as_they_are)
    nine = write("nine.mat", pair(bits=9))
    line = refused(capsys, "--data", four, nine, *as_they_are)
    assert f"the bit depths differ: {nine} fills 9 bits, {four} 11; " in line and f"as in {nine}:bits=9" in line
    assert main(["train", "--data", four, ten, f"{nine}:bits=9", *SMALL, *as_they_are]) == 0
    for bits in ("10", "16"):
        words = ["train", "--data", four, nine, "--bits", bits, *SMALL, "--out", str(tmp_path / bits)]
        assert main(words) == 0, "each at its level"
    assert "warning" not in capsys.readouterr().err
    line = refused(capsys, "--data", three, "--synthetic", "1", "--scene-size", "32", "--out", str(tmp_path))
    assert f"{three} has 3 bands, synthetic scene 0 4" in line


def test_bad_checkpoints(finished, write, tmp_path, capsys):
    stored, broken = (finished / "last.pt").read_bytes(), tmp_path / "broken.pt"
    document = read_checkpoint(finished / "last.pt")
    flipped = bytearray(stored)
    flipped[stored.index(document["state"]["tail.conv.weight"].numpy().tobytes()) + 5] ^= 1
    torch.save({**document, "version": 2}, tmp_path / "newer.pt")
    torch.save({**document, "network": "resnet"}, tmp_path / "other.pt")
    torch.save({**document, "configuration": {**document["configuration"], "bits": 99}}, tmp_path / "bits.pt")
    cases = {
        "newer.pt": "version 2, this bitpan reads 1",
        "other.pt": "'resnet'",
        "bits.pt": "no network has 4 bands, 99 bits",
    }
    for option in ("--resume", "--finetune"):
        words = ["--out", str(tmp_path)] + (["--data", write()] if option == "--finetune" else [])
        for content, said in (
            (stored[: len(stored) // 2], "not a checkpoint"),
            (bytes(flipped), "checksums"),
            (b"", "not a"),
        ):
            broken.write_bytes(content)
            line = refused(capsys, option, str(broken), *words)
            assert said in line and str(broken) in line
        for name, said in cases.items():
            line = refused(capsys, option, str(tmp_path / name), *words)
            assert said in line and str(tmp_path / name) in line
    assert "resume from last.pt" in refused(capsys, "--resume", str(finished / "checkpoint.pt"), "--out", str(tmp_path))
    resumed = refused(capsys, "--resume", str(finished / "last.pt"), "--lr", "1", "--out", str(tmp_path))
    assert "leave --lr out" in resumed


def test_nothing_to_train_on(tmp_path, capsys):
    assert "--synthetic N" in refused(capsys, "--out", str(tmp_path))


def test_a_checkpoint_without_weights_is_named(finished, tmp_path):
    document = read_checkpoint(finished / "last.pt")
    torch.save({**document, "state": None}, tmp_path / "no_state.pt")
    with pytest.raises(ModelError, match=r"no_state\.pt: a damaged checkpoint without its state"):
        load_network(tmp_path / "no_state.pt")
