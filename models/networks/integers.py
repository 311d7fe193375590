"""From a network to its integers: tensor formats, constants, scene parameters, and the integer model made of them."""

from __future__ import annotations

from bitpan.model import IntegerModel, Node, SceneParameter, Tensor
from bitpan.models.layers.operation import Arrays, SceneOperation
from bitpan.models.networks.binary_network import BinaryNetwork


def tensor_table(network: BinaryNetwork) -> dict[str, Tensor]:
    """Channels, format and stride of every tensor of the graph, in order."""
    table = network.inputs()
    for step in network.graph():
        spec = step.layer.output(*(table[name] for name in step.inputs))
        table |= dict.fromkeys(step.outputs, spec)
    return table


def scene_parameters(network: BinaryNetwork) -> tuple[list[SceneParameter], Arrays]:
    """The scene parameters in order of computation, and their float arrays by ``<name>.<key>``."""
    table = tensor_table(network)
    parameters: list[SceneParameter] = []
    arrays: Arrays = {}
    for step in network.graph():
        if isinstance(step.layer, SceneOperation):
            tensors = (table[name] for name in step.inputs)
            parameters += step.layer.parameters_of(step.scene, step.inputs, *tensors)
            arrays |= {f"{step.scene[0]}.{key}": value for key, value in step.layer.recipe().items()}
    return parameters, arrays | network.recipe()


def to_integer_model(network: BinaryNetwork) -> IntegerModel:
    """The network as an integer model, without the detour over a QONNX file."""
    own = network.configuration
    nodes: list[Node] = []
    constants: Arrays = {}
    for step in network.graph():
        nodes += step.nodes()
        constants |= {f"{step.name}.{key}": value for key, value in step.layer.arrays().items()}
    parameters, recipes = scene_parameters(network)
    constants |= recipes
    table = tensor_table(network)
    return IntegerModel(network.name, own.bands, own.bits, own.ratio, table, nodes, parameters, constants)
