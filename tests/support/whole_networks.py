"""Whole networks as integer models, and frames for them, for the engines."""

import numpy as np
import torch

from bitpan.arithmetic import keys_coefficients
from bitpan.models.networks.configuration import Configuration
from bitpan.models.networks.integers import to_integer_model
from bitpan.models.networks.registry import NETWORKS


def make(name, **settings):
    """An untrained network, its parameters moved away from their neutral starts, as an integer model."""
    torch.manual_seed(0)
    blocks = 2 if name == "bnnpan" else 10
    network = NETWORKS[name](Configuration(**{"blocks": blocks, "channels": 8, **settings}))
    for parameter in network.parameters():
        if parameter.requires_grad and parameter.ndim < 4:
            parameter.data += 0.2 * torch.randn_like(parameter)
    network.tail.conv.weight.data *= 5
    return to_integer_model(network)


def frame(model, height, width, kind="random"):
    """Images, and scene parameters anywhere in their formats or near what a scene gives."""
    rng, top = np.random.default_rng(height), (1 << model.bits) - 1
    shapes = {name: model.tensors[name].shape(height, width) for name in ("pan", "ms")}
    if kind == "random":
        inputs = {name: rng.integers(0, top + 1, shape) for name, shape in shapes.items()}
    elif kind == "extremes":
        inputs = {name: rng.choice([0, top], shape) for name, shape in shapes.items()}
    else:  # nothing but flat pixels and edges
        inputs = {
            name: np.where(np.arange(shape[2]) < shape[2] // 2, 0, top) + np.zeros(shape, int)
            for name, shape in shapes.items()
        }
    scene = {}
    for p in model.scene:
        if p.kind == "interpolation":
            scene[p.name] = keys_coefficients(4, rng.uniform(-2, 2))
        elif p.kind == "srm":
            scene[p.name] = rng.integers(p.format.min // 4, p.format.max // 4, p.shape)
            scene[p.name][:2] = p.format.min, p.format.max
        else:
            scene[p.name] = rng.integers([[100], [-4000]], [[400], [4000]], p.shape)
            if kind == "extremes":
                scene[p.name] = rng.choice([-2048, 2047], p.shape) * np.array([[1], [256]])
    return inputs, scene
