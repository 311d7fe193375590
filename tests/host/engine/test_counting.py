"""What the outputs of a binary convolution add up; that the sums are right is :mod:`test_binary`'s."""

import numpy as np

from bitpan.host.engine.counting import GROUP, summands
from bitpan.host.engine.lanes import WORDS


def test_words_of_an_output_fill_whole_groups():
    weights = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (8, 32, 3, 3))
    own = summands(weights.tobytes(), 8)
    words = 96 + 32 + 11 + 4 + 2 + 1
    assert own.digits == 8
    np.testing.assert_array_equal(own.picks % WORDS, 0)
    for picks, groups in zip(own.picks, own.groups, strict=True):
        used = picks[: GROUP * groups.sum()]
        assert sorted({*(used // (4 * WORDS)).tolist()})[:words] == list(range(words))
