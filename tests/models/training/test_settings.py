import math

import numpy as np
import pytest

from bitpan.errors import DataError, ModelError
from bitpan.models.training.settings import Settings, learning_rate, stage_ends

THREE = ("first", "prior", "joint")


def test_learning_rate_rises_then_falls():
    rates = [learning_rate(1e-2, i, 1000) for i in range(1000)]
    assert rates[0] < 3e-4 and np.argmax(rates) == 49 and rates[-1] < 1e-6


def test_stages_share_the_iterations():
    assert stage_ends(Settings(iterations=10), ("joint",), (1.0,)) == (10,)
    assert stage_ends(Settings(iterations=10), THREE, (0.4, 0.2, 0.4)) == (4, 6, 10)
    assert stage_ends(Settings(iterations=10, stages=(1.0, 1.0, 3.0)), THREE, (0.4, 0.2, 0.4)) == (2, 4, 10)
    assert stage_ends(Settings(iterations=7), THREE, (0.4, 0.2, 0.4))[-1] == 7


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stages": (0.5, 0.5)}, r"3 stages \(first, prior, joint\), but --stages has 2"),
        ({"lr": (1e-2, 1e-3)}, "--lr 2 values"),
        ({"iterations": 2}, "leave a stage of s2bnet-flat none"),
    ],
)
def test_stages_that_do_not_fit_are_refused(given, said):
    with pytest.raises(DataError, match=said):
        stage_ends(Settings(**given), THREE, (0.4, 0.2, 0.4))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"iterations": 0}, "--iterations 0: at least 1"),
        ({"validate_every": -1}, "--validate-every -1: at least 1"),
        ({"save_every": -1.0}, "--save-every -1.0: at least 0"),
        ({"save_every": math.nan}, "--save-every nan"),
        ({"seed": -1}, "--seed -1: at least 0"),
        ({"hold_out": 1.0}, r"must lie in \[0, 1\)"),
        ({"reserve": 1.0}, r"--reserve 1.0 must lie in \[0, 1\)"),
        ({"lr": 0.0}, "above 0"),
        ({"lr": (1e-2, -1e-2)}, "above 0"),
        ({"stages": (1.0, 0.0)}, "every share is above 0"),
        ({"patch": 18}, "multiple of the ratio 4"),
    ],
)
def test_impossible_settings_are_refused(wrong, said):
    with pytest.raises(DataError, match=said):
        Settings(**wrong)


def test_they_are_stored_and_read():
    settings = Settings(data=("a.mat",), bands=(3, 2, 1), lr=(1e-3, 1e-4), shift=(-2.25, 2.5))
    assert Settings.from_json(settings.to_json()) == settings
    assert not any(isinstance(value, tuple) for value in settings.to_json().values())


def test_older_settings_take_the_defaults_and_unknown_ones_are_refused():
    stored = Settings(lr=1e-3).to_json()
    for name in ("stages", "shift", "finetune", "save_every", "amp"):
        del stored[name]
    assert Settings.from_json(stored) == Settings(lr=1e-3)
    del stored["head"]
    assert Settings.from_json(stored) == Settings(lr=1e-3, head="full")
    with pytest.raises(ModelError, match="unknown setting 'colour'"):
        Settings.from_json({**stored, "colour": "red"})


def test_settings_whose_bands_counted_from_0_are_refused():
    stored = Settings(bands=(1, 2), command="bitpan train --bands 1,2 --out a").to_json()
    del stored["version"]
    with pytest.raises(ModelError, match=r"counted bands from 0\); train again, .* from 1: bitpan train --bands 1,2"):
        Settings.from_json(stored)
