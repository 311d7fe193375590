"""A checkpoint becomes a QONNX model, proved equal to PyTorch and to the integer model.

The graph holds standard ONNX operations and QONNX's BipolarQuant, float32 tensors that carry integers, and one static
tile shape. Its inputs are ``pan``, ``ms`` and the scene parameters; its output is ``fused``; tensors keep the names of
the integer model. The metadata property ``bitpan`` (JSON) says what the graph cannot: formats and scene parameters.
"""

from __future__ import annotations

import copy
import json
import math
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch

from bitpan import __version__
from bitpan.arithmetic import AFFINE, AFFINE_SCALE
from bitpan.compare import require_equal
from bitpan.errors import FormatError, ModelError
from bitpan.files import write_beside
from bitpan.formats import Format
from bitpan.model import IntegerModel, execute
from bitpan.models.layers.functional import EXACT
from bitpan.models.layers.learned import IntegerConv, IntegerLayer
from bitpan.models.networks.binary_network import BinaryNetwork
from bitpan.models.networks.integers import scene_parameters, tensor_table, to_integer_model
from bitpan.models.training.checkpoint import load_network
from bitpan.models.training.retarget import retarget
from bitpan.qonnx.exported import DOMAIN, METADATA, OPSET, Exported, infer_shapes

Arrays = Mapping[str, npt.NDArray[Any]]


class _Traced(torch.nn.Module):
    """The network with positional inputs and every named tensor as an output, so that the names reach the file."""

    def __init__(self, network: BinaryNetwork, scene: list[str]) -> None:
        super().__init__()
        self.network, self.scene = network, scene

    def forward(self, pan: torch.Tensor, ms: torch.Tensor, *scene: torch.Tensor) -> tuple[torch.Tensor, ...]:
        values = self.network.tensors(pan, ms, dict(zip(self.scene, scene, strict=True)))
        return tuple(values.values())


def to_qonnx(
    network: BinaryNetwork, tile: tuple[int, int], provenance: Mapping[str, Any] | None = None
) -> onnx.ModelProto:
    """Trace ``network`` for tiles of ``(height, width)`` PAN pixels and clean the graph up; verifies nothing."""
    grid = math.lcm(*(tensor.stride for tensor in tensor_table(network).values()))
    if min(tile) < 1 or tile[0] % grid or tile[1] % grid:
        raise FormatError(
            f"a tile of {tile[0]}x{tile[1]} is not made of whole pixels of every tensor; take multiples of {grid}"
        )
    model = _traced(network, tile)
    del model.graph.output[:-1]
    _constants_to_initializers(model.graph)
    infer_shapes(model)
    _name(model.graph, network)
    _annotate(model.graph, network)
    described = _description(network, provenance or {})
    model.graph.metadata_props.append(onnx.StringStringEntryProto(key=METADATA, value=json.dumps(described)))
    return model


def _traced(network: BinaryNetwork, tile: tuple[int, int]) -> onnx.ModelProto:
    """What PyTorch's exporter writes, with every tensor of the network as an output."""
    own = network.configuration
    parameters, _ = scene_parameters(network)
    names = [parameter.name for parameter in parameters]
    example = (
        torch.zeros(1, 1, *tile),
        torch.zeros(1, own.bands, tile[0] // own.ratio, tile[1] // own.ratio),
        *(torch.zeros(parameter.shape) for parameter in parameters),
    )
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter announces its own replacement
        torch.onnx.export(
            _Traced(frozen(network), names).eval(),
            example,
            buffer,  # type: ignore[arg-type]  # the TorchScript exporter takes files
            dynamo=False,
            opset_version=OPSET,
            input_names=["pan", "ms", *names],
            output_names=[name for name in tensor_table(network) if name not in ("pan", "ms")],
            custom_opsets={DOMAIN: 1},
            keep_initializers_as_inputs=False,
        )
    return onnx.load_from_string(buffer.getvalue())


def _constants_to_initializers(graph: onnx.GraphProto) -> None:
    """What qonnx's FoldConstants does, which takes a second per node."""
    constants = [node for node in graph.node if node.op_type == "Constant"]
    for node in constants:
        tensor = graph.initializer.add()
        tensor.CopyFrom(node.attribute[0].t)
        tensor.name = node.output[0]
        graph.node.remove(node)


def _name(graph: onnx.GraphProto, network: BinaryNetwork) -> None:
    """Name each node ``<node of the integer model it belongs to>.<operator><number>``."""
    owner = {node.output: node.name for node in to_integer_model(network).nodes}
    count: Counter[str] = Counter()
    for node in reversed(graph.node):
        belongs = owner[node.output[0]]
        for name in node.input:
            owner.setdefault(name, belongs)
        count[f"{belongs}.{node.op_type}"] += 1
        node.name = f"{belongs}.{node.op_type}{count[f'{belongs}.{node.op_type}']}"


def _annotate(graph: onnx.GraphProto, network: BinaryNetwork) -> None:
    """Give the tensors QONNX's data types, as its ``ModelWrapper.set_tensor_datatype`` does."""
    kinds = {name: _datatype(tensor.format) for name, tensor in tensor_table(network).items()}
    kinds |= {name: "BIPOLAR" for step in network.graph() if step.layer.op == "sign" for name in step.outputs}
    kinds |= {parameter.name: _datatype(parameter.format) for parameter in scene_parameters(network)[0]}
    for name, kind in kinds.items():
        entry = onnx.StringStringEntryProto(key="finn_datatype", value=kind)
        annotation = onnx.TensorAnnotation(tensor_name=name, quant_parameter_tensor_names=[entry])
        graph.quantization_annotation.append(annotation)


def _datatype(fmt: Format) -> str:
    return f"INT{fmt.bits}" if fmt.signed else f"UINT{fmt.bits}"


def _description(network: BinaryNetwork, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What the graph cannot say, see ``docs/qonnx.md``; the formats are in order of computation."""
    own = network.configuration
    parameters, arrays = scene_parameters(network)
    return {
        "name": network.name,
        "bands": own.bands,
        "bits": own.bits,
        "ratio": own.ratio,
        "formats": {
            name: [tensor.format.bits, tensor.format.fraction, tensor.format.signed]
            for name, tensor in tensor_table(network).items()
        },
        "scene": [
            {
                "name": parameter.name,
                "kind": parameter.kind,
                "shape": list(parameter.shape),
                "format": list(asdict(parameter.format).values()),
                "measures": parameter.measures,
                "arrays": {
                    key.removeprefix(parameter.name + "."): value.tolist()
                    for key, value in arrays.items()
                    if key.startswith(parameter.name + ".")
                },
            }
            for parameter in parameters
        ],
        "arrays": {key: value.tolist() for key, value in network.recipe().items()},
        "provenance": {**provenance, "bitpan": __version__},
    }


def verify(exported: onnx.ModelProto, network: BinaryNetwork, tile: tuple[int, int], seed: int = 0) -> None:
    """Compare every named tensor of PyTorch, QONNX and integer model on random and extreme tiles.

    Raises:
        MismatchError: naming stage, tensor and first wrong element.
    """
    model = to_integer_model(network)
    session = Exported(exported, (node.output for node in model.nodes))
    for inputs, scene in _stimuli(network, model, tile, seed):
        with torch.no_grad():
            tensors = network.tensors(torch.from_numpy(inputs["pan"]), torch.from_numpy(inputs["ms"]), _torch(scene))
        reference: dict[str, npt.NDArray[Any]] = {}
        images = {name: value[0].astype(np.int64) for name, value in inputs.items()}
        integers = {name: value.astype(np.int64) for name, value in scene.items()}
        execute(model, images, integers, watch=reference.__setitem__)
        onnx_values = session.run({**inputs, **scene})
        for name, tensor in tensors.items():
            require_equal("PyTorch against integers", name, reference[name], tensor.numpy()[0])
            require_equal("QONNX against integers", name, reference[name], onnx_values[name][0])


def _stimuli(
    network: BinaryNetwork, model: IntegerModel, tile: tuple[int, int], seed: int
) -> list[tuple[dict[str, npt.NDArray[np.float32]], dict[str, npt.NDArray[np.float32]]]]:
    """Noise, a checkerboard of the extremes, black and white, with measured, random and extreme scene parameters."""
    random = np.random.default_rng(seed)
    own, top = network.configuration, network.configuration.fused.max
    coarse = (tile[0] // own.ratio, tile[1] // own.ratio)
    y, x = np.mgrid[: tile[0], : tile[1]]
    images = [
        (random.integers(0, top + 1, (1, *tile)), random.integers(0, top + 1, (own.bands, *coarse))),
        (((y + x) % 2 * top)[None], random.choice([0, top], (own.bands, *coarse))),
        (np.zeros((1, *tile)), np.zeros((own.bands, *coarse))),
        (np.full((1, *tile), top), np.full((own.bands, *coarse), top)),
    ]
    stimuli = []
    for i, (pan, ms) in enumerate(images):
        inputs = {"pan": pan[None].astype(np.float32), "ms": ms[None].astype(np.float32)}
        measured = network.measure(torch.from_numpy(inputs["pan"]), torch.from_numpy(inputs["ms"]))
        scene = {name: value.numpy().astype(np.float32) for name, value in measured.items()}
        if i == 1:
            for parameter in model.scene:
                if parameter.kind == "srm":
                    limit = own.features.max + 1
                    scene[parameter.name] = random.integers(-limit, limit + 1, parameter.shape).astype(np.float32)
                elif parameter.kind == "affine":
                    limits = np.array([[AFFINE_SCALE.max], [AFFINE.max]])
                    scene[parameter.name] = random.integers(-limits, limits + 1, parameter.shape).astype(np.float32)
        stimuli.append((inputs, scene))
    return stimuli


def _torch(scene: Arrays) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in scene.items()}


def frozen(network: BinaryNetwork) -> BinaryNetwork:
    """A copy whose integers are constants; raise :class:`FormatError` if float32 cannot hold its sums."""
    network = copy.deepcopy(network).eval()
    for name, layer in network.named_modules():
        if isinstance(layer, IntegerLayer):
            layer.freeze()
        if isinstance(layer, IntegerConv) and layer.dtype != torch.float32:
            raise FormatError(f"{name}: sums of these weights may leave the exact range of ONNX's float32 ({EXACT})")
    return network


def export(
    checkpoint: Path, output: Path, tile: tuple[int, int] = (64, 64), bits: int | None = None, gain: int = 0
) -> onnx.ModelProto:
    """Export ``checkpoint`` to ``output``, verified; nothing is written unless everything is equal.

    ``bits`` and ``gain`` are for imagery of another depth or scale than the training's, see :func:`retarget`.
    """
    network, provenance = load_network(checkpoint)
    if not isinstance(network, BinaryNetwork):
        raise ModelError(f"{checkpoint}: {network.name} is a floating-point network and has no integer form")
    if bits is not None or gain:
        network = retarget(network, bits, gain)
        provenance = {**provenance, "retargeted": {"bits": network.configuration.bits, "gain": gain}}
    exported = to_qonnx(network, tile, provenance)
    verify(exported, network, tile)
    write_beside(output, exported.SerializeToString())
    return exported
