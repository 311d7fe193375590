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


def test_a_failed_write_leaves_the_old_checkpoint(make_network, tmp_path, monkeypatch):
    path = tmp_path / "net.pt"
    save_checkpoint(path, make_network(), {"seed": 1})

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(path, make_network(), {"seed": 2})
    assert load_network(path)[1] == {"seed": 1}
