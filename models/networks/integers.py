"""From a network to its integers."""

from __future__ import annotations

from bitpan.model import IntegerModel, Node, SceneParameter, result_of
from bitpan.models.layers.operation import Arrays, SceneOperation
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.operations import OPERATIONS


def to_integer_model(network: BinaryNetwork) -> IntegerModel:
    """The network as an integer model, without the detour over a QONNX file."""
    own, tensors = network.configuration, network.inputs()
    nodes: list[Node] = []
    scene: list[SceneParameter] = []
    constants: Arrays = {}
    recipes: Arrays = {}
    for step in network.graph():
        layer, inputs, arrays = step.layer, [tensors[name] for name in step.inputs], step.layer.arrays()
        target = layer.target or inputs[0].format
        result = result_of(OPERATIONS[layer.op], inputs, arrays.get("weights"), target)
        tensors |= dict.fromkeys(step.outputs, result)
        nodes += step.nodes()
        constants |= {f"{step.name}.{key}": value for key, value in arrays.items()}
        if isinstance(layer, SceneOperation):
            scene += layer.parameters_of(step.scene, step.inputs, *inputs)
            recipes |= {f"{step.scene[0]}.{key}": value for key, value in layer.recipe().items()}
    constants |= recipes | network.recipe()
    return IntegerModel(network.name, own.bands, own.bits, own.ratio, tensors, nodes, scene, constants)
