"""What an error says."""

import pytest

from bitpan.errors import BitpanError, DataError, SceneIOError


@pytest.mark.parametrize("kind", [BitpanError, DataError, SceneIOError])
def test_it_is_one_line_whatever_a_file_had_in_it(kind):
    assert (
        str(kind("a.mat: has no array ms, only \x1b[2J\r\nnote\0\u2028")) == "a.mat: has no array ms, only  [2J  note  "
    )
    assert str(kind("größer als ½")) == "größer als ½"
