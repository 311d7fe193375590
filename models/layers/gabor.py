"""The frozen Gabor bank of GSFA (S2BNet, arXiv 2509.23321): random frequencies and angles within a preset range."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FREQUENCIES = (np.pi / 2) * 2.0 ** (-np.arange(5) / 2)
ANGLES = np.arange(8) * np.pi / 8


def gabor_bank(outputs: int, inputs: int, kernel: int, seed: int) -> npt.NDArray[np.float64]:
    """One filter per (output, input) pair, ``(O, I, k, k)``, each of RMS ``1/sqrt(k*k*I)``.

    ``exp(-(x'^2 + y'^2) / 2 sigma^2) * cos(f*x' + psi)`` on a centred grid, ``sigma = pi/f``, psi uniform in 0 ... pi.
    The usual ``1/(2 pi sigma^2)`` would let the low frequencies vanish beside the weights, hence the common RMS.
    """
    random = np.random.default_rng(seed)
    shape = (outputs, inputs, 1, 1)
    frequency = random.choice(FREQUENCIES, shape)
    angle = random.choice(ANGLES, shape)
    phase = random.uniform(0, np.pi, shape)
    grid = np.arange(kernel) - kernel // 2
    y, x = grid[:, None], grid[None, :]
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    sigma = np.pi / frequency
    bank = np.exp(-(along**2 + across**2) / (2 * sigma**2)) * np.cos(frequency * along + phase)
    rms = np.sqrt((bank**2).mean(axis=(2, 3), keepdims=True))
    return np.asarray(bank / rms / np.sqrt(kernel**2 * inputs))
