import onnx
import pytest

from bitpan.build.boards import board
from bitpan.build.build import build
from bitpan.build.deploy.verify import verify
from bitpan.build.finn import fifo
from bitpan.build.finn.folding import Fold, choose
from bitpan.errors import SimulationError
from bitpan.package import Package


@pytest.mark.parametrize("mw, mh, channels", [(288, 32, 32), (45, 32, 5), (32, 4, 32), (81, 6, 9)])
@pytest.mark.parametrize("target", [1, 2, 4, 9, 10, 36, 100, 10_000])
def test_fold_keeps_up_and_divides(mw, mh, channels, target):
    fold = choose(mw, mh, channels, target)
    assert (mw // fold.simd) * (mh // fold.pe) <= target
    assert mw % fold.simd == 0 and mh % fold.pe == 0
    assert channels % fold.simd == 0 or (fold.whole and fold.simd == mw)


def test_known_folds():
    assert choose(288, 32, 32, 36) == Fold(32, 8)
    assert choose(288, 32, 32, 1) == Fold(288, 32, whole=True)
    assert choose(45, 32, 5, 36) == Fold(5, 8)


def test_half_the_room_stops_the_accelerator(random_model, qonnx, tmp_path, monkeypatch):
    """The computed depths are needed: with half of them the duplicator waits for ever."""
    monkeypatch.setattr(fifo, "MARGIN_SHARE", 0.5)
    monkeypatch.setattr(fifo, "MARGIN_BEATS", 2)
    onnx.save(qonnx(random_model(blocks=1, channels=4, bands=1), 16, 16), tmp_path / "model.onnx")
    build(tmp_path / "model.onnx", tmp_path / "package", board("pynq-z2"), 36, quiet=True)
    with pytest.raises(SimulationError, match="no beat moved"):
        verify(Package.load(tmp_path / "package"), frames=1)


def test_fastest_fold_that_fits_is_taken(random_model, qonnx, tmp_path):
    onnx.save(qonnx(random_model(blocks=1), 8, 8), tmp_path / "model.onnx")
    targets = {}
    for name in ("pynq-z2", "zcu104"):
        build(tmp_path / "model.onnx", tmp_path / name, board(name), quiet=True)
        targets[name] = Package.load(tmp_path / name).period
    assert targets["zcu104"] < targets["pynq-z2"]
