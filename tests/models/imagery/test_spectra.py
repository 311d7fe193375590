"""What sensors see: their bands, where they lie, and what of them is drawn at random."""

import numpy as np
import pytest

from bitpan.errors import DataError
from bitpan.models.imagery.degrade import SENSORS, nyquist_gains
from bitpan.models.imagery.spectra import OPTICS, WAVELENGTHS, cover_spectra, optics, responses, suited


def test_every_sensor_has_spectra_and_an_mtf_of_as_many_bands():
    assert OPTICS.keys() == SENSORS.keys()
    for sensor, own in OPTICS.items():
        assert len(nyquist_gains(sensor, len(own.names))) == len(own.names) == len(own.centres) == len(own.widths)


@pytest.mark.parametrize("sensor", OPTICS)
def test_responses_lie_where_the_bands_do(sensor):
    """The mean wavelength of each is its centre, unless the grid cuts it; and the PAN sees nothing outside its own."""
    own = optics(sensor)
    drawn = np.mean([responses(own, np.random.default_rng(seed)) for seed in range(50)], axis=0)
    np.testing.assert_allclose(drawn.sum(axis=1), 1)
    reach = 2.5 * own.widths
    inside = (own.centres - reach > 400) & (own.centres + reach < 1000)
    np.testing.assert_allclose((drawn[1:] @ WAVELENGTHS)[inside], own.centres[inside], atol=5)
    assert drawn[0, own.lower[0] - 40 > WAVELENGTHS].max(initial=0) < 2e-3
    assert drawn[0, own.upper[1] + 40 < WAVELENGTHS].max(initial=0) < 2e-3


def test_a_width_is_that_at_half_of_the_height():
    (blue, *_), (_, _, red, _) = optics("wv3", (2,)).widths, optics("landsat8").widths
    for deviation, width in ((blue, 517 - 445), (red, 673 - 636)):
        assert np.exp(-0.5 * (width / 2 / deviation) ** 2) == pytest.approx(0.5)


def test_landsats_pan_sees_no_near_infrared_and_others_do():
    """So that vegetation, bright in the near infrared, is dark in its PAN."""
    near = WAVELENGTHS > 760
    seen = {sensor: responses(optics(sensor), np.random.default_rng(0))[0, near].sum() for sensor in ("landsat8", "qb")}
    assert seen["landsat8"] < 0.001 < 0.2 < seen["qb"]


def test_bands_are_chosen_by_number():
    own = optics("wv2", (7, 5, 3))
    assert own.names == ("nir", "red", "green") and list(own.centres) == [832.5, 660, 545]
    assert own.lower == optics("wv2").lower
    assert optics().names == optics("generic", (1, 2, 3, 4)).names == ("blue", "green", "red", "nir")
    assert cover_spectra().shape[1] == len(WAVELENGTHS)


@pytest.mark.parametrize(("bands", "ratio"), [(4, 4), (8, 4), (4, 2)])
def test_a_sensor_that_suits(bands, ratio):
    assert len(optics(suited(bands, ratio)).names) == bands
    assert (suited(bands, ratio) == "landsat8") == (ratio == 2)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: optics("terra"), "'terra' are known; choose one of generic, wv2"),
        (lambda: optics("generic", (1, 5)), "sensor 'generic' has no band 5, only 4; bands count from 1"),
        (lambda: optics("wv3", (0,)), "no band 0, only 8"),
        (lambda: suited(9, 4), "no sensor here has 9 bands at ratio 4"),
        (lambda: suited(4, 3), "no sensor here has 4 bands at ratio 3"),
    ],
)
def test_refusals(call, said):
    with pytest.raises(DataError, match=said):
        call()
