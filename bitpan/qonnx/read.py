"""QONNX to integers: read an exported network back as an :class:`~bitpan.model.IntegerModel`.

The exporter writes a closed grammar (``docs/qonnx.md``): each operation of the number contract is a fixed arrangement
of standard operators. Here each arrangement is a pattern; the weights, shifts and offsets are read from the graph
itself, formats and the recipe of the scene parameters from the file's metadata. What fits no pattern stops the build.

Names are the file's own: the model's tensors have the same ones in the graph, and the operators that make up a node are
named ``<node>.<operator><number>``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bitpan.errors import BuildError, FormatError
from bitpan.formats import Format
from bitpan.intake.arrays import UNREADABLE
from bitpan.intake.budget import require_bearable
from bitpan.intake.documents import parsed
from bitpan.model import HEADER, IntegerModel, Node, SceneParameter, Tensor
from bitpan.operations import Array
from bitpan.qonnx.exported import DOMAIN, METADATA, frame_size, infer_shapes
from bitpan.qonnx.grammar import Site
from bitpan.qonnx.pattern import Graph
from bitpan.qonnx.plain import read_plain
from bitpan.qonnx.recognise import read_node, recognise, require_filled

if TYPE_CHECKING:
    import onnx

NEEDED = (*HEADER, "formats", "scene")
"""Keys of the metadata that no network is without."""


def load_qonnx(path: Path) -> onnx.ModelProto:
    """Read a QONNX file; :class:`BuildError` if it is none or was not written by ``bitpan export``."""
    try:
        proto = read_plain(path)
    except OSError as error:
        raise BuildError(f"{path}: cannot be read ({error.strerror}); make it with `bitpan export`") from None
    except ValueError as error:
        raise BuildError(f"{path}: cannot be read as ONNX ({error}); make it with `bitpan export`") from None
    properties = _properties(proto)
    if METADATA not in properties:
        raise BuildError(f"{path}: has no {METADATA!r} metadata; make it with `bitpan export`")
    try:
        document = parsed(properties[METADATA])
    except ValueError as error:
        raise BuildError(f"{path}: its {METADATA!r} metadata are damaged ({error}); export it again") from None
    if not isinstance(document, dict):
        raise BuildError(f"{path}: its {METADATA!r} metadata are no object; export it again")
    missing = [key for key in NEEDED if key not in document]
    if missing:
        raise BuildError(f"{path}: its {METADATA!r} metadata have no {missing[0]!r}; export it again")
    return proto


def _properties(proto: onnx.ModelProto) -> dict[str, str]:
    """Metadata of the file and of its graph, where QONNX keeps them."""
    return {entry.key: entry.value for entry in [*proto.metadata_props, *proto.graph.metadata_props]}


def raise_graph(proto: onnx.ModelProto) -> IntegerModel:
    """The integer model of a QONNX graph.

    Raises:
        BuildError: an operator fits no pattern of the export grammar, or a number in it is not what it must be.
    """
    try:
        return _raised(proto)
    except BuildError:
        raise
    except UNREADABLE as error:
        raise BuildError(f"the graph and its metadata do not go together ({error}); export it again") from None


def _raised(proto: onnx.ModelProto) -> IntegerModel:
    for node in proto.graph.node:
        if node.domain and (node.domain, node.op_type) != (DOMAIN, "BipolarQuant"):
            raise BuildError(
                f"node {node.name!r} ({node.op_type}) is no operator of the export grammar; export it again"
            )
    copy = type(proto)()
    copy.CopyFrom(proto)
    infer_shapes(copy)
    model = _Raiser(copy.graph, parsed(_properties(proto)[METADATA])).run()
    model.check()
    height, width = frame_size(proto)
    samples = sum(tensor.channels * height * width // tensor.stride**2 for tensor in model.tensors.values())
    require_bearable(f"a frame of {height} x {width} PAN pixels", 8 * samples)
    return model


class _Raiser:
    def __init__(self, graph: onnx.GraphProto, metadata: dict[str, Any]) -> None:
        self.graph, self.metadata = Graph(graph), metadata
        infos = [*graph.input, *graph.value_info, *graph.output]
        self.shapes = {info.name: [d.dim_value for d in info.type.tensor_type.shape.dim] for info in infos}
        self.inputs = {info.name for info in graph.input}
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}

    def run(self) -> IntegerModel:
        """The model; its metadata list the tensors in the order in which they are computed."""
        self.tensors = tensors = {name: self._tensor(name) for name in self.metadata["formats"]}
        scene = [self._scene_parameter(entry) for entry in self.metadata["scene"]]
        known = {"pan", "ms", *(parameter.name for parameter in scene)}
        for name in [name for name in tensors if name not in self.inputs]:
            self._raise(name, known)
            known.add(name)
        self._keep(self.metadata, "")
        if "fused" not in known:
            raise BuildError("the model's metadata give no format for tensor 'fused'; export it again")
        return IntegerModel(
            **{key: self.metadata[key] for key in HEADER},
            tensors=tensors,
            nodes=self.nodes,
            scene=scene,
            constants=self.constants,
            provenance=self.metadata.get("provenance", {}),
        )

    def _raise(self, tensor: str, known: set[str]) -> None:
        """Add the node that computes ``tensor`` of the tensors and scene parameters ``known``."""
        producer = self.graph.producers[tensor]
        recognised = recognise(self.graph, tensor, self.tensors[tensor].format)
        if recognised is None:
            raise _foreign(producer)
        op, form, match = recognised
        for name in match.tensors.values():
            if name not in known:
                raise self._unfitting(name, _named(producer))
        name = producer.name.rpartition(".")[0]
        if not name:
            raise BuildError(f"{_named(producer)} is not named after a node of the model; export it again")
        try:
            node, constants = read_node(op, name, tensor, match)
            height, width = self.shapes["pan"][2:]
            require_filled(form, Site(node, self.tensors, constants, height, width), match)
        except FormatError as error:
            raise BuildError(f"node {name}: {error}; export the model again with this bitpan") from None
        self.nodes.append(node)
        self.constants |= {f"{name}.{key}": value for key, value in constants.items()}

    def _unfitting(self, tensor: str, reader: str) -> BuildError:
        """What to say of a tensor that is not one of the model's computed so far."""
        if tensor in self.metadata["formats"]:
            return BuildError(f"{reader} takes {tensor!r}, which the metadata list after its result; export it again")
        if tensor in self.graph.producers:
            return _foreign(self.graph.producers[tensor])
        return BuildError(f"{reader} takes {tensor!r}, which the model's metadata do not describe; export it again")

    def _tensor(self, name: str) -> Tensor:
        shape = self.shapes.get(name, [])
        if len(shape) != 4 or not (name in self.inputs or name in self.graph.producers):
            raise BuildError(f"the metadata describe a tensor {name!r} that the graph does not have; export it again")
        height = self.shapes["pan"][2]
        stride = self.metadata["ratio"] if name == "ms" else height // shape[2]
        border = (shape[2] - height // stride) // 2
        return Tensor(shape[1], Format(*self.metadata["formats"][name]), stride, border)

    def _scene_parameter(self, entry: dict[str, Any]) -> SceneParameter:
        self._keep(entry, f"{entry['name']}.")
        shape, fmt = tuple(entry["shape"]), Format(*entry["format"])
        return SceneParameter(entry["name"], entry["kind"], shape, fmt, entry.get("measures", ""))

    def _keep(self, entry: dict[str, Any], prefix: str) -> None:
        arrays = entry.get("arrays", {}).items()
        self.constants |= {prefix + key: np.asarray(value, np.float64) for key, value in arrays}


def _named(node: onnx.NodeProto) -> str:
    return f"node {node.name!r} ({node.op_type})"


def _foreign(node: onnx.NodeProto) -> BuildError:
    return BuildError(f"{_named(node)} fits no pattern of the export grammar; export the model again with this bitpan")
