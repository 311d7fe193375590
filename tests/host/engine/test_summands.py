"""What the outputs of a binary convolution add up; that the sums are right is :mod:`test_binary`'s."""

import numpy as np
import pytest

from bitpan.host.compiled.layout import GROUP, VARIANTS, WORDS
from bitpan.host.engine.summands import summands


@pytest.mark.parametrize(("channels", "words"), [(1, 3 + 1), (5, 15 + 5 + 1 + 1), (32, 96 + 32 + 10 + 4 + 1 + 1)])
def test_every_word_is_counted_once_and_groups_are_filled_up_with_nothing(channels, words):
    own = summands(some_weights(8, channels), 8)
    free = min(words, GROUP)
    np.testing.assert_array_equal(own.picks % WORDS, 0)
    for picks, groups in zip(own.picks // WORDS, own.groups, strict=True):
        used = picks[: GROUP * groups.sum()] // VARIANTS
        counted = np.where(used < words, used, used - free)[used < words + free]
        assert sorted(counted.tolist()) == list(range(words))
        assert {*picks[GROUP * groups.sum() :].tolist()} <= {0}


@pytest.mark.parametrize("channels", [32, 33, 48, 64])
def test_there_are_no_more_groups_than_the_words_fill(channels):
    words = (9 * channels) // 2
    assert {*summands(some_weights(32, channels), 32).groups.sum(axis=1).tolist()} == {-(-words // GROUP)}


def some_weights(outputs, channels):
    return np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (outputs, channels, 3, 3)).tobytes()
