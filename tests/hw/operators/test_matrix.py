import pytest

from bitpan.hw.operators.matrix import Fold, choose


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
