import numpy as np
import pytest
import torch
from torch import nn

from bitpan.cli import main
from bitpan.errors import ModelError
from bitpan.models.layers.wavelet import haar
from bitpan.models.networks.backbones import BACKBONES, UNIT_NETWORKS, UNITS, Subbands, UShape
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.registry import NETWORKS
from bitpan.models.networks.twins import TWINS
from bitpan.models.training.checkpoint import load_network, save_checkpoint
from bitpan.models.training.settings import Settings
from bitpan.models.training.training import Training

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"synthetic": 1, "scene_size": 32, "channels": 8, "batch": 2, "patch": 16, "iterations": 60}


def build(name, **settings):
    torch.manual_seed(0)
    return UNIT_NETWORKS[name](Configuration(**{"blocks": depth(name), "channels": 8, **settings}))


def depth(name):
    """A small one; the U shape has its own."""
    return 10 if name.startswith("s2bnet-") and "flat" not in name else 1


def noise(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def test_each_subband_has_its_own_unit():
    """The horizontal detail's comes before the vertical one's, as in older checkpoints."""
    x, factors = noise(1, 2, 4, 6), [3.0, 5.0, 7.0, 11.0]
    remaining = iter(factors)
    with torch.no_grad():
        y = Subbands(lambda: Scaled(next(remaining)))(x).numpy()
    ll, vertical, horizontal, hh = (band.numpy() for band in haar(x))
    ll, horizontal, vertical, hh = 3 * ll, 5 * horizontal, 7 * vertical, 11 * hh
    for i in range(4):
        for j in range(6):
            rows, columns = (-1) ** (i % 2), (-1) ** (j % 2)
            band = (Ellipsis, i // 2, j // 2)
            details = columns * horizontal[band] + rows * vertical[band] + rows * columns * hh[band]
            assert np.allclose(y[..., i, j], (ll[band] + details) / 2)


def pooled(x):
    return (x[..., ::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, ::2] + x[..., 1::2, 1::2]) / 4


def raised(x):
    """Each pixel from the nearest coarse one (9), its neighbours on the pixel's side (3, 3) and the diagonal one."""
    n, channels, height, width = x.shape
    result = np.empty((n, channels, 2 * height, 2 * width))
    for i in range(2 * height):
        for j in range(2 * width):
            near = i // 2, j // 2
            far = (
                min(max(near[0] + (1 if i % 2 else -1), 0), height - 1),
                min(max(near[1] + (1 if j % 2 else -1), 0), width - 1),
            )
            a, b = x[:, :, near[0], near[1]], x[:, :, near[0], far[1]]
            c, d = x[:, :, far[0], near[1]], x[:, :, far[0], far[1]]
            result[:, :, i, j] = (9 * a + 3 * b + 3 * c + d) / 16
    return result


def test_u_shape_resamples_and_adds_its_skips():
    """Units double; two a level make four."""
    x = noise(1, 2, 8, 12)
    fine = 4 * x.numpy()
    coarse = 4 * pooled(fine)
    bottom = 4 * pooled(coarse)
    middle = 4 * (raised(bottom) + coarse)
    expected = 4 * (raised(middle) + fine)
    assert np.allclose(UShape(lambda: Scaled(2.0))(x).numpy(), expected, rtol=0, atol=1e-9)


def test_u_shape_has_ten_units_on_three_scales():
    shape, sizes = UShape(nn.Identity), []
    for module in shape.modules():
        if isinstance(module, nn.Identity):
            module.register_forward_hook(lambda module, inputs, output: sizes.append(tuple(output.shape[2:])))
    shape(noise(1, 2, 16, 8))
    assert sizes == [(16, 8)] * 2 + [(8, 4)] * 2 + [(4, 2)] * 2 + [(8, 4)] * 2 + [(16, 8)] * 2


@pytest.mark.parametrize(("backbone", "shape", "said"), [(UShape, (8, 6), "4"), (Subbands, (3, 8), "2")])
def test_sizes_that_do_not_divide_are_refused(backbone, shape, said):
    with pytest.raises(ModelError, match=f"{shape[0]} x {shape[1]} pixels: .* multiples of {said}"):
        backbone(nn.Identity)(noise(1, 2, *shape))


def test_registry():
    expected = {f"{backbone}-{unit}" for backbone in BACKBONES for unit in UNITS}
    expected -= {f"bnnpan-{twin}" for twin in TWINS}
    assert UNIT_NETWORKS.keys() == expected and len(expected) == 27
    for name, network in UNIT_NETWORKS.items():
        assert network.name == name and NETWORKS[name] is network
        assert network.default_blocks == {"s2bnet-flat": 8, "s2bnet": 10, "bnnpan": 4}[name.rpartition("-")[0]]


@pytest.mark.parametrize(("backbone", "units"), [("s2bnet-flat", 2), ("s2bnet", 10), ("bnnpan", 8)])
def test_number_of_units(backbone, units):
    network = build(f"{backbone}-bbcu", blocks=10 if backbone == "s2bnet" else 2)
    binary = [module for module in network.modules() if getattr(module, "binary", False)]
    assert len(binary) == units and len({id(module.weight) for module in binary}) == units
    assert sum(module.weight.numel() for module in binary) == units * 9 * 8 * 8


@pytest.mark.parametrize("name", UNIT_NETWORKS)
def test_checkpoints_load_again_and_have_no_integer_form(name, make_pair, tmp_path, capsys):
    network, (pan, ms) = build(name), make_pair(samples=2)
    network(pan, ms)  # moves batch statistics off their start
    path, out = tmp_path / "net.pt", tmp_path / "net.onnx"
    save_checkpoint(path, network, {})
    again, _ = load_network(path)
    assert again.name == name and type(again) is type(network)
    with torch.no_grad():
        fused = again(pan, ms)
        assert fused.shape == (2, 4, 32, 32)
        assert torch.equal(fused, network.eval()(pan, ms))
    assert main(["export", str(path), "-o", str(out)]) == 1
    said = capsys.readouterr().err
    assert "has no integer form" in said and len(said.strip().splitlines()) == 1 and not out.exists()


def test_twin_is_the_float_formula(make_pair):
    """Head, units in series and tail, centred and in units of the residual."""
    network, (pan, ms) = build("s2bnet-flat-fp", blocks=2), make_pair()
    with torch.no_grad():
        prepared = network.prepare(pan, ms)
        x = network.head(prepared["input"] / 256)
        for block in network.blocks:
            x = block(x)
        expected = prepared["lms"] + 64 * network.tail(x)
        assert torch.allclose(network(pan, ms), expected.clamp(0, 2047))
        assert float(network.tail.weight.abs().max()) <= 0.1 / np.sqrt(8)


def test_the_head_is_scaled_to_unit_spread(make_pair):
    network, pair = build("s2bnet-flat-bnn"), make_pair(samples=4)
    network.scale_head(*pair)
    seen = []
    network.head.register_forward_hook(lambda module, inputs, output: seen.append(float(output.detach().std())))
    network(*pair)
    assert seen == pytest.approx([1.0], abs=1e-4)


@pytest.mark.parametrize("name", UNIT_NETWORKS)
def test_training_lowers_the_loss(name):
    training = Training(Settings(**SMALL, network=name, blocks=depth(name)))
    losses = [training.step()[0] for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:5])
