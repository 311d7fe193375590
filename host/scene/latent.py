"""BNNPan's latent prior on the host: the condition encoder and the diffusion, in NumPy, once per scene.

The recipe is that of ``models.networks.latent``: two strided convolutions, a mean, two linear layers, and the denoiser
unrolled from the draw that the model stores. The encoder's mean runs over the scene's sample tiles.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bitpan.errors import ModelError

Float = npt.NDArray[np.float64]

SLOPE = 0.1
"""Of every LeakyReLU."""

STRIDE = 4
"""PAN pixels per sample of what :func:`encode` gives."""


def _leaky(x: Float) -> Float:
    return np.maximum(x, SLOPE * x)


def _linear(arrays: Mapping[str, Float], name: str, x: Float) -> Float:
    return np.asarray(arrays[f"{name}.weight"] @ x + arrays[f"{name}.bias"])


def _strided_conv(arrays: Mapping[str, Float], name: str, image: Float) -> Float:
    """3x3, stride 2, padded with one pixel of zeros, ``(I, H, W) -> (O, ceil(H/2), ceil(W/2))``."""
    weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    height, width = ((size + 1) // 2 for size in image.shape[1:])
    total = np.repeat(np.repeat(bias[:, None, None], height, axis=1), width, axis=2)
    for dy in range(3):
        for dx in range(3):
            taps = padded[:, dy : dy + 2 * height : 2, dx : dx + 2 * width : 2]
            total = total + np.tensordot(weight[:, :, dy, dx], taps, 1)
    return total


def encode(arrays: Mapping[str, Float], image: npt.ArrayLike) -> Float:
    """The condition encoder's last convolution on an image of about unit spread, ``(1 + B, H, W)`` to a quarter."""
    inner = _leaky(_strided_conv(arrays, "condition.conv1", np.asarray(image, dtype=np.float64)))
    return _leaky(_strided_conv(arrays, "condition.conv2", inner))


def prior(arrays: Mapping[str, Float], mean: npt.ArrayLike) -> Float:
    """The prior from the mean of what :func:`encode` gives: the condition, and the diffusion where there is one.

    Raises:
        ModelError: the arrays are of an older version, whose layers predicted the noise.
    """
    condition = _linear(arrays, "condition.fc2", _leaky(_linear(arrays, "condition.fc1", np.asarray(mean, np.float64))))
    if "noise" not in arrays:
        return condition
    if "predict1.weight" not in arrays:
        raise ModelError("the latent module is of an older version of bitpan; train the network again")
    z, alphas = np.asarray(arrays["noise"], dtype=np.float64), np.asarray(arrays["alphas"], dtype=np.float64)
    products = np.cumprod(alphas)
    for t in range(len(alphas), 0, -1):
        hidden = _leaky(_linear(arrays, "predict1", np.concatenate([z, [t / len(alphas)], condition])))
        alpha, product = alphas[t - 1], products[t - 1]
        noise = (z - np.sqrt(product) * _linear(arrays, "predict2", hidden)) / np.sqrt(1 - product)
        z = (z - (1 - alpha) / np.sqrt(1 - product) * noise) / np.sqrt(alpha)
    return z
