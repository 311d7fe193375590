"""Each PyTorch operation against :mod:`bitpan.arithmetic`, on random and extreme integers, and its gradients."""

import numpy as np
import pytest
import torch

from bitpan import arithmetic
from bitpan.errors import DivergenceError
from bitpan.formats import Format
from bitpan.models.layers import functional
from bitpan.models.layers import learned as layers
from bitpan.models.layers.resampling import interpolate

FEATURES = Format(10, 6)


def integers(random, low, high, shape, extreme):
    return random.choice([low, high], shape) if extreme else random.integers(low, high + 1, shape)


def floats(value):
    return torch.from_numpy(np.asarray(value)).float()


@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("shift", [1, 4, 12])
def test_requantise_rounds_half_up_and_saturates(shift, extreme):
    v = integers(np.random.default_rng(shift), -(1 << 22), 1 << 22, (1, 3, 40, 40), extreme)
    result = functional.requantise(floats(v), shift, FEATURES).numpy()
    assert np.array_equal(result, arithmetic.requantise(v, shift, FEATURES))


def test_round_half_up_at_the_halves():
    assert functional.round_half_up(torch.tensor([-1.5, -0.5, 0.5, 1.5, 2.5])).tolist() == [-1, 0, 1, 2, 3]


@pytest.mark.parametrize("bits", [8, 11, 16])
def test_centre(bits):
    x = integers(np.random.default_rng(bits), 0, (1 << bits) - 1, (1, 2, 30, 30), False)
    x[0, 0, 0, :2] = 0, (1 << bits) - 1
    fmt, shift = Format(min(12, bits + 1), 8), max(0, bits - 11)
    assert np.array_equal(functional.centre(floats(x), 300, shift, fmt), arithmetic.centre(x, 300, shift, fmt))


@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("bits", [8, 11, 16])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (16, 16)])
def test_interpolate(shape, bits, extreme):
    random = np.random.default_rng(bits)
    ms = integers(random, 0, (1 << bits) - 1, (2, 3, *(side + 2 * arithmetic.BORDER for side in shape)), extreme)
    rows, columns = arithmetic.keys_coefficients(4, -2.0), arithmetic.keys_coefficients(4, 0.37)
    result = interpolate(floats(ms), floats(rows), floats(columns)).numpy()
    for image, expected in zip(result, ms, strict=True):
        assert np.array_equal(image, arithmetic.interpolate(expected, rows, columns))


def test_sign_at_the_threshold_and_at_never():
    x = np.arange(-512, 512)[None, None, :].repeat(5, axis=0)
    threshold = np.array([-512, -3, 0, 511, 512])
    expected = arithmetic.sign(x, threshold)
    assert np.array_equal(functional.sign(floats(x)[None], floats(threshold))[0], expected)
    trained = functional.trained_sign(
        floats(x)[None], floats(threshold)[None], torch.ones(1, 5), torch.zeros(1, 5), 1.0
    )
    assert np.array_equal(trained[0], expected)


def test_sign_gradient_is_the_triangle_of_k_x_plus_b():
    x = torch.arange(-128.0, 128.0).reshape(1, 1, 16, 16).double().requires_grad_()
    k = torch.tensor([[1.3]]).double().requires_grad_()
    b = torch.tensor([[-0.2]]).double().requires_grad_()
    functional.trained_sign(x, torch.zeros(1, 1), k, b, 2**-6).sum().backward()
    own = [v.detach().clone().requires_grad_() for v in (x, k, b)]
    u = own[1] * own[0] * 2**-6 + own[2]
    surrogate = torch.where(u.abs() < 1, 2 * u - u * u.abs(), u.sign())  # its derivative is max(0, 2 - |2u|)
    surrogate.sum().backward()
    for value, expected in zip((x, k, b), own, strict=True):
        torch.testing.assert_close(value.grad, expected.grad)


@pytest.mark.parametrize("extreme", [False, True])
def test_rprelu(extreme):
    random = np.random.default_rng(1)
    channels = 6
    p = integers(random, -288, 288, (2, channels, 20, 20), extreme)
    x = integers(random, FEATURES.min, FEATURES.max, p.shape, extreme)
    knee = integers(random, -289, 289, (channels,), False)
    slopes = integers(random, layers.SLOPE.min, layers.SLOPE.max, (2, channels), extreme)
    biases = integers(random, layers.BIAS.min, layers.BIAS.max, (2, channels), extreme)
    result = functional.rprelu(floats(p), floats(x), floats(knee), floats(slopes), floats(biases), 6, FEATURES).numpy()
    for i in range(2):
        expected = arithmetic.rprelu(p[i], x[i], knee, *slopes, *biases, 6, FEATURES)
        assert np.array_equal(result[i], expected)


def test_rprelu_gradients_are_those_of_the_float_function():
    torch.manual_seed(0)
    layer = layers.ScaledRPReLU(32, FEATURES, 1.0).double()  # fewer channels would saturate the slopes
    for parameter in layer.parameters():
        parameter.data += 0.2 * torch.randn(32)
    p = torch.randint(-40, 40, (2, 32, 9, 9)).double().requires_grad_()
    x = torch.randint(-200, 200, p.shape).double().requires_grad_()
    weights = torch.randn(p.shape, dtype=torch.float64)
    (layer(p, x) * weights).sum().backward()
    got = [v.grad.clone() for v in (p, x, *layer.parameters())]
    layer.zero_grad()
    p2, x2 = (v.detach().clone().requires_grad_() for v in (p, x))
    column = {name: value[:, None, None] for name, value in layer.named_parameters()}
    scaled = column["alpha"] * layer.unit * p2 - 64 * column["gamma"]
    bent = torch.where(scaled > 0, scaled, column["beta"] * scaled) + 64 * column["zeta"]
    ((x2 + bent) * weights).sum().backward()
    expected = [v.grad for v in (p2, x2, *layer.parameters())]
    for own, other in zip(got, expected, strict=True):
        torch.testing.assert_close(own, other, rtol=2e-2, atol=2e-2 * float(other.abs().max()))


def test_srm_threshold():
    random = np.random.default_rng(3)
    k, b = random.uniform(0, 2, 100), random.uniform(-64, 64, 100)
    k[:3] = 0.0, 2.0**-8, 2.0
    fmt = Format(10, 6)
    result = functional.srm_threshold(torch.from_numpy(k), torch.from_numpy(b), fmt)
    assert np.array_equal(result, arithmetic.srm_threshold(k, b, fmt))


def test_add_clip():
    lms, residual = np.meshgrid(np.arange(-900, 3000, 97), np.arange(-4096, 4096, 113))
    result = functional.add_clip(floats(lms), floats(residual), Format(11, 0, signed=False))
    assert np.array_equal(result, arithmetic.add_clip(lms, residual, 11))


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("gsfa", ["filters", "initialisation", "none"])
def test_binary_conv_pads_with_minus_one(gsfa, planes):
    torch.manual_seed(1)
    conv = layers.BinaryConv(8, gsfa, 3, planes)
    s = np.random.default_rng(2).choice([-1, 1], (1, 8 * planes, 12, 12))
    weights = conv.integers()[0].detach().numpy()
    assert set(np.unique(weights)) == {-1, 1} and np.array_equal(weights, np.tile(weights[:, :8], (1, planes, 1, 1)))
    assert np.array_equal(conv(floats(s)).detach()[0], arithmetic.conv2d(s[0], weights.astype(int), pad_value=-1))


@pytest.mark.parametrize("bands", [4, 8])
def test_integer_conv_is_exact_at_its_bound(bands):
    """White on all bands with extreme weights: 8 bands leave float32, so the layer computes in float64."""
    conv = layers.IntegerConv(1 + bands, 4, 3, Format(12, 8), FEATURES)
    conv.conv.weight.data = torch.where(torch.rand(conv.conv.weight.shape) < 0.9, 1.0, -0.01)
    assert conv.dtype == (torch.float32 if bands == 4 else torch.float64)
    x = np.random.default_rng(0).choice([-2048, 2047, 2045], (1 + bands, 8, 8), p=[0.1, 0.5, 0.4])
    weights, bias, shift = conv.integers()
    total = (
        arithmetic.conv2d(x, weights.detach().numpy().astype(int)) + bias.detach().numpy().astype(int)[:, None, None]
    )
    # Bits below the shift must survive, so a format wide enough for all of the sum is compared.
    conv.target = Format(40, 6)
    assert np.array_equal(conv(floats(x)[None]).detach()[0], arithmetic.requantise(total, shift, conv.target))


def test_runaway_weights_are_an_error():
    conv = layers.IntegerConv(4, 4, 1, FEATURES, Format(13), gain=6)
    conv.conv.weight.data.fill_(1e4)
    with pytest.raises(DivergenceError, match="lower --lr"):
        conv.integers()


@pytest.mark.parametrize("mode", ["dynamic", "static", "none"])
def test_a_second_sign_is_that_of_the_same_srm_moved(mode):
    """Its own recipe says the same as its calibration, and its parameters are the shift alone."""
    torch.manual_seed(0)
    x = torch.randint(-300, 300, (3, 4, 8, 8)).float()
    first = layers.SpectralRedistribution(4, mode, FEATURES, start=0.5)
    second = layers.SecondSign(first, -1.0)
    if mode != "none":
        first.fc2.bias.data += torch.randn(8)
    first.fc2.weight.data += torch.randn(8, 8)
    second.shift.data[1:] = torch.randn(3)
    assert [name for name, _ in second.named_parameters()] == ["shift"]
    assert second.shift.requires_grad == (mode != "none")
    (k, b), (own_k, own_b) = first.calibration(x), second.calibration(x)
    assert torch.equal(k, own_k)
    torch.testing.assert_close(own_b.atanh() - b.atanh(), second.shift.expand_as(b), rtol=1e-4, atol=1e-4)
    again = layers.SpectralRedistribution(4, mode, FEATURES)
    for name, value in second.recipe().items():
        again.get_parameter(name).data = torch.from_numpy(value).float()
    assert torch.equal(second.thresholds(own_k, own_b), again.thresholds(*again.calibration(x)))


def test_srm_arms():
    torch.manual_seed(0)
    x = torch.randint(-300, 300, (3, 4, 8, 8)).float()
    dynamic, static, none = (layers.SpectralRedistribution(4, arm, FEATURES) for arm in ("dynamic", "static", "none"))
    for srm in (dynamic, static):
        srm.fc2.bias.data = torch.randn(8)
    dynamic.fc2.weight.data = torch.randn(8, 8)
    assert len({tuple(row) for row in dynamic.thresholds(*dynamic.calibration(x)).tolist()}) == 3
    assert static.thresholds(*static.calibration(x)).shape == (1, 4)
    assert none.thresholds(*none.calibration(x)).tolist() == [[0, 0, 0, 0]]
    assert not any(parameter.requires_grad for parameter in none.parameters())
