"""PyTorch's engine equals the number contract in every bit of every tensor, on the CPU and on a GPU if there is one."""

import numpy as np
import pytest
import torch
from whole_networks import frame, make

from bitpan.errors import DeviceError
from bitpan.host.engine.torch_engine import FUNCTIONS, TorchEngine
from bitpan.model import execute
from bitpan.operations import OPERATIONS

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU")
ARMS = [
    ("s2bnet-flat", {}),
    ("s2bnet-flat", {"channels": 33, "srm": "static"}),
    ("s2bnet-flat", {"bands": 8, "bits": 16, "offset": 9000, "input_fraction": 7, "residual_gain": 10}),
    ("s2bnet", {}),
    ("s2bnet", {"gsfa": "features"}),
    ("s2bnet", {"planes": "2"}),
    ("bnnpan", {"blocks": 2}),
    ("bnnpan", {"blocks": 2, "channels": 33}),
    ("bnnpan", {"blocks": 2, "norm": "none", "prior": "none", "cdc": "none"}),
    ("bnnpan", {"blocks": 2, "outer_skip": "add"}),
]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=CUDA)])
def device(request):
    return request.param


def test_every_operation_is_there():
    assert FUNCTIONS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("kind", ["random", "extremes", "edge"])
@pytest.mark.parametrize(("name", "settings"), ARMS, ids=str)
def test_every_tensor(name, settings, kind, device):
    model, expected = make(name, **settings), {}
    inputs, scene = frame(model, 20, 36, kind)
    execute(model, inputs, scene, watch=expected.__setitem__)
    engine = TorchEngine(model, device)
    for tensor, value in expected.items():
        np.testing.assert_array_equal(engine.run(inputs, scene, tensor), value, err_msg=tensor)


def test_starts_from_given_tensors(device):
    model = make("s2bnet-flat")
    inputs, scene = frame(model, 8, 12)
    x1 = execute(model, inputs, scene, "x1")
    np.testing.assert_array_equal(
        TorchEngine(model, device).run({"x1": x1}, scene, "x2"), execute(model, inputs, scene, "x2")
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu():
    with pytest.raises(DeviceError, match="finds none"):
        TorchEngine(make("s2bnet-flat"), "cuda")
