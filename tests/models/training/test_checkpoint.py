from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch

from bitpan.errors import ModelError
from bitpan.models.training.checkpoint import load_network, read_checkpoint, save_checkpoint


def test_round_trip(make_network, make_pair, tmp_path):
    network = make_network(srm="static")
    save_checkpoint(tmp_path / "deep" / "net.pt", network, {"seed": 3})
    again, provenance = load_network(tmp_path / "deep" / "net.pt")
    assert provenance == {"seed": 3}
    assert again.configuration == network.configuration
    with torch.no_grad():
        assert torch.equal(again(*make_pair()), network(*make_pair()))


def test_one_from_before_there_were_other_heads_has_a_full_one(make_network, tmp_path):
    save_checkpoint(tmp_path / "net.pt", make_network(head="full"), {})
    document = torch.load(tmp_path / "net.pt", weights_only=True)
    del document["configuration"]["head"]
    torch.save(document, tmp_path / "net.pt")
    assert load_network(tmp_path / "net.pt")[0].configuration.head == "full"


def damaged(path, **changes):
    document = torch.load(path, weights_only=True)
    torch.save({**document, **changes}, path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, "version 99, this bitpan reads 1"),
        ({"kind": "something"}, "not a bitpan checkpoint"),
        ({"network": "resnet"}, "'resnet'"),
        ({"configuration": {"blocks": 3}}, "does not fit"),
        ({"configuration": {"colour": 3}}, "does not fit"),
    ],
)
def test_foreign_checkpoints(make_network, tmp_path, changes, message):
    path = tmp_path / "net.pt"
    save_checkpoint(path, make_network(), {})
    damaged(path, **changes)
    with pytest.raises(ModelError, match=message) as error:
        load_network(path)
    assert str(path) in str(error.value)


def test_files_that_are_no_checkpoints(tmp_path):
    path = tmp_path / "net.pt"
    for content in (b"", b"hello, this is text", b"PK\x03\x04 truncated"):
        path.write_bytes(content)
        with pytest.raises(ModelError, match="not a checkpoint"):
            read_checkpoint(path)
    with pytest.raises(ModelError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "other.pt")


def wide(tensor):
    """A view that is larger than what it is of."""
    return tensor.flatten()[:1].expand(9000 * 9000)


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        (
            {"channels": 9000},
            "does not fit .*its configuration says that it holds [0-9,]* bytes, but only [0-9,]* are there",
        ),
        ({"blocks": 10**9}, "does not fit .*its configuration asks for more tensors than its 26 weights can fill"),
        ({"bands": 1 << 40}, "does not fit .*its configuration says that it holds"),
        ({"channels": "many"}, "does not fit"),
        ({"input_fraction": 1 << 40}, "does not fit .*fraction bits"),
    ],
)
def test_a_configuration_that_the_weights_cannot_fill(make_network, tmp_path, configuration, said):
    path, network = tmp_path / "net.pt", make_network()
    save_checkpoint(path, network, {})
    damaged(path, configuration=network.configuration.to_json() | configuration)
    with pytest.raises(ModelError, match=said):
        load_network(path)


def test_weights_that_are_larger_than_what_holds_them(make_network, tmp_path):
    path, network = tmp_path / "net.pt", make_network()
    save_checkpoint(path, network, {})
    damaged(path, state={name: wide(value) for name, value in network.state_dict().items()})
    with pytest.raises(ModelError, match="says that it holds 324,000,000 bytes, but only 32 are there"):
        load_network(path)


@pytest.mark.parametrize("extra", [bytearray(10), torch.zeros(3, dtype=torch.float16).to_sparse(), {1, 2}])
def test_what_is_no_part_of_a_checkpoint_is_not_loaded(make_network, tmp_path, extra):
    """PyTorch itself loads each, and makes a bytearray as long as it says."""
    path = tmp_path / "net.pt"
    save_checkpoint(path, make_network(), {})
    damaged(path, training=extra)
    torch.load(path, weights_only=True)
    with pytest.raises(ModelError, match=r"not a checkpoint \(it holds "):
        read_checkpoint(path)


def test_a_packed_checkpoint_has_a_limit(make_network, tmp_path, monkeypatch):
    path = tmp_path / "net.pt"
    save_checkpoint(path, make_network(), {})
    with ZipFile(path) as plain, ZipFile(tmp_path / "packed.pt", "w", ZIP_DEFLATED) as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    read_checkpoint(tmp_path / "packed.pt")
    monkeypatch.setenv("BITPAN_MEMORY", "1e-6")
    read_checkpoint(path)
    with pytest.raises(ModelError, match=r"not a checkpoint \(all of it says that it holds"):
        read_checkpoint(tmp_path / "packed.pt")


def test_a_failed_write_leaves_the_old_checkpoint(make_network, tmp_path, monkeypatch):
    path = tmp_path / "net.pt"
    save_checkpoint(path, make_network(), {"seed": 1})

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(path, make_network(), {"seed": 2})
    assert load_network(path)[1] == {"seed": 1}
