"""Counts against counting by hand."""

import json
import re
from pathlib import Path

import pytest
from torch import nn

import bitpan
from bitpan.models.networks.bnnpan import BNNPan
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.cost import cost
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.networks.s2bnet import S2BNetFlat
from bitpan.models.training.checkpoint import load_network

SHIPPED = Path(bitpan.__file__).parent / "pretrained" / "s2bnet-flat"


def test_the_network_that_ships_costs_what_its_card_says():
    network, _ = load_network(SHIPPED / "checkpoint.pt")
    own = cost(network)
    card = (SHIPPED / "README.md").read_text()
    stated = re.search(
        r"([\d,]+) binary weights and ([\d,]+) others, ([\d,]+) binary and ([\d,]+) 8-bit MACs per PAN pixel", card
    )
    counts = (own.binary_weights, own.other_parameters, own.binary_macs, own.other_macs)
    assert counts == tuple(int(number.replace(",", "")) for number in stated.groups()) == (73_728, 8_460, 73_728, 672)
    assert own.parameters == 8_460 + 2_304 and own.operations == 672 + 1_152
    assert json.loads(json.dumps(own.to_json()))["operations"] == 1_824
    assert not network.training


@pytest.mark.parametrize("bands", [3, 8])
def test_flat_by_hand(bands):
    blocks, channels = 3, 8
    own = cost(S2BNetFlat(Configuration(bands=bands, blocks=blocks, channels=channels, srm="none", gsfa="none")))
    assert own.binary_weights == own.binary_macs == blocks * 9 * channels**2
    assert own.other_macs == (9 + bands + 2 * (bands // 2)) * channels + channels * bands
    rprelu = 4 * channels
    assert own.other_parameters == own.other_macs + channels + bands + blocks * rprelu


@pytest.mark.parametrize(("head", "taps"), [("split", 1), ("planes", 2)])
@pytest.mark.parametrize("name", ["s2bnet-flat", "bnnpan", "bnnpan-fp", "s2bnet-flat-bbcu"])
def test_other_heads_by_hand(name, head, taps):
    """Nine products of PAN and one or, on average, two of each band; the other weights are no parameters."""
    full, own = (cost(NETWORKS[name](Configuration(blocks=1, channels=8, head=head))) for head in ("full", head))
    assert full.other_macs - own.other_macs == full.other_parameters - own.other_parameters == 8 * 4 * (9 - taps)
    assert (full.binary_weights, full.binary_macs) == (own.binary_weights, own.binary_macs)


def test_gabor_features_by_hand():
    """Nine more MACs a channel and unit, one learned share a channel; the bank is frozen."""
    settings = {"blocks": 3, "channels": 8, "srm": "none"}
    plain, own = (cost(S2BNetFlat(Configuration(gsfa=gsfa, **settings))) for gsfa in ("none", "features"))
    assert (own.binary_weights, own.binary_macs) == (plain.binary_weights, plain.binary_macs)
    assert own.other_macs == plain.other_macs + 3 * 8 * 9
    assert own.other_parameters == plain.other_parameters + 3 * 8


def test_two_planes_by_hand():
    """Twice the binary MACs with the same weights, and a shift a channel and unit."""
    settings = {"blocks": 3, "channels": 8}
    plain, own = (cost(S2BNetFlat(Configuration(planes=planes, **settings))) for planes in ("1", "2"))
    assert (own.binary_weights, own.binary_macs) == (plain.binary_weights, 2 * plain.binary_macs)
    assert own.other_macs == plain.other_macs and own.other_parameters == plain.other_parameters + 3 * 8


def test_the_twin_has_nothing_binary():
    own = cost(NETWORKS["s2bnet-flat-fp"](Configuration(blocks=1, channels=8)))
    assert own.binary_weights == own.binary_macs == 0
    assert own.other_macs == 17 * 8 + 9 * 64 + 8 * 4


@pytest.mark.parametrize("prior", ["diffusion", "condition", "none"])
def test_bnnpan_by_hand(prior):
    """Four subbands at half the resolution; the latent module once per scene, and its truth's encoder not at all."""
    own = cost(BNNPan(Configuration(blocks=2, channels=8, prior=prior, cdc="none", norm="none")))
    assert own.binary_weights == 2 * 4 * 9 * 8**2 and own.binary_macs == own.binary_weights / 4
    assert own.other_macs == 17 * 8 + 8 * 4
    convolutions = own.other_macs + 8 + 4
    encoder = (9 * 5 * 16 + 16) + (9 * 16 * 32 + 32) + (32 * 8 + 8) + (8 * 8 + 8)
    denoiser = (17 * 16 + 16) + (16 * 8 + 8)
    latent = {"none": 0, "condition": encoder, "diffusion": encoder + denoiser}[prior]
    rprelu = 2 * 4 * 4 * 8
    modulation = 0 if prior == "none" else 2 * (8 * 16 + 16)
    assert own.other_parameters == convolutions + latent + rprelu + modulation


@pytest.mark.parametrize(("wavelet", "units", "sites"), [("haar", 4, 1 / 4), ("none", 1, 1)])
def test_bnnpans_twin_by_hand(wavelet, units, sites):
    """The latent module, calibration and norm as BNNPan's; real weights, and a bias where BNNPan has a knee."""
    configuration = Configuration(blocks=2, channels=8, wavelet=wavelet)
    own, binary = cost(NETWORKS["bnnpan-fp"](configuration)), cost(BNNPan(configuration))
    assert own.binary_weights == own.binary_macs == 0
    weights = 2 * units * 9 * 8**2
    assert own.other_macs == 17 * 8 + weights * sites + 8 * 4
    encoder = (9 * 5 * 16 + 16) + (9 * 16 * 32 + 32) + (32 * 8 + 8) + (8 * 8 + 8)
    denoiser = (17 * 16 + 16) + (16 * 8 + 8)
    calibration = (8 * 16 + 16) + (24 * 8 + 8)
    per_channel = 2 * units * (3 + 3) * 8
    ends = 17 * 8 + 8 + 8 * 4 + 4
    assert own.other_parameters == weights + per_channel + ends + encoder + denoiser + 2 * calibration
    scales = 2 * units * 8  # which real weights have in themselves
    assert own.other_parameters + scales == binary.other_parameters + binary.binary_weights


@pytest.mark.parametrize("unit", ["bnn", "reactnet", "bbcu", "irnet", "btm", "e2fif", "bisrnet"])
@pytest.mark.parametrize(("backbone", "blocks", "sites"), [("s2bnet-flat", 2, 1), ("bnnpan", 1, 1 / 4)])
def test_rivals_have_our_binary_cost(backbone, blocks, sites, unit):
    own = cost(NETWORKS[f"{backbone}-{unit}"](Configuration(blocks=blocks, channels=8)))
    assert own.binary_weights == (blocks if sites == 1 else 4 * blocks) * 9 * 8**2
    assert own.binary_macs == own.binary_weights * sites and own.other_macs == 17 * 8 + 8 * 4


def test_u_shaped_by_hand():
    """Four units at full resolution, four at half, two at a quarter."""
    own = cost(NETWORKS["s2bnet"](Configuration(blocks=10, channels=8)))
    assert own.binary_weights == 10 * 9 * 8**2
    assert own.binary_macs == (4 + 4 / 4 + 2 / 16) * 9 * 8**2


class Halved(nn.Module):
    """A strided binary convolution, a linear layer once per scene, and one convolution on the MS."""

    configuration = Configuration(bands=4)

    class Unit(nn.Module):
        binary = True

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 6, 3, stride=2, padding=1, bias=False)
            self.scale = nn.Linear(1, 6)

        def forward(self, x):
            return self.conv(x) * self.scale(x.mean(dim=(2, 3)))[:, :, None, None]

    def __init__(self):
        super().__init__()
        self.unit, self.coarse = self.Unit(), nn.Conv2d(4, 2, 1, bias=False)
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)

    def forward(self, pan, ms):
        return self.depthwise(self.unit(pan)) + self.coarse(ms).mean()


def test_strides_groups_grids_and_marked_modules():
    own = cost(Halved())
    assert (own.binary_weights, own.binary_macs) == (54, 54 / 4)
    assert own.other_parameters == 12 + 8 + 54 + 6
    assert own.other_macs == 8 / 16 + 54 / 4
