"""The correction in PyTorch against the number contract's, and its gradient."""

import numpy as np
import pytest
import torch

from bitpan.camera import consistency
from bitpan.models.layers.consistency import consistent


@pytest.mark.parametrize(("ratio", "height", "width"), [(4, 48, 32), (2, 48, 20), (3, 9, 30), (4, 4, 8)])
@pytest.mark.parametrize("most", [2047, 65535])
def test_it_equals_the_contract(ratio, height, width, most):
    random = np.random.default_rng(ratio)
    ms = random.integers(0, most + 1, (2, height // ratio, width // ratio))
    noise = random.normal(0, most / 30, (2, height, width))
    fused = np.clip(np.kron(ms, np.ones((ratio, ratio))) + noise, 0, most).astype(np.int64)
    expected = consistency.consistent(fused, ms, np.ones(ms.shape[1:], bool), consistency.Camera(ratio))
    found = consistent(*(torch.from_numpy(image[None]).float() for image in (fused, ms)), ratio)[0].numpy()
    assert np.array_equal(found, expected)
    assert abs(found - fused).max() > 5


def test_what_the_camera_would_see_is_nothing_to_learn():
    ms = torch.full((1, 1, 8, 8), 500.0)
    off = torch.full((1, 1, 32, 32), 430.0, requires_grad=True)
    corrected = consistent(off, ms, 4)
    assert bool((corrected == 500).all())
    corrected[0, 0, 16, 16].backward()
    assert abs(float(off.grad.sum())) < 1e-3  # one level more everywhere is taken away again
    assert float(off.grad[0, 0, 16, 16]) > 0.8  # one pixel more is detail
