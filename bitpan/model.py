"""The integer model: the file that training hands to the builder and the builder to the board.

An integer model is a graph of the operations in :mod:`bitpan.arithmetic` with all their integers, one format per
tensor, and the recipe for its *scene parameters*: the integers the host computes once per scene. It is stored as
``model.json`` and ``model.npz``, readable with NumPy alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import BORDER, Integers
from bitpan.errors import FormatError, ModelError
from bitpan.files import staged, write_json
from bitpan.formats import Format
from bitpan.intake.arrays import UNREADABLE, read_npz
from bitpan.intake.documents import read_sealed, sealed
from bitpan.intake.sums import file_digest
from bitpan.operations import OPERATIONS, SCENE_KINDS, Array, Operation, kernel_sides, scene_shape

SCHEMA = 3
"""Version of the files."""

HEADER = ("name", "bands", "bits", "ratio")
"""What a model says of itself as a whole, in files."""


@dataclass(frozen=True)
class Tensor:
    """One edge of the graph: ``channels``, a format, PAN pixels per sample, samples beyond an image per side."""

    channels: int
    format: Format
    stride: int = 1
    border: int = 0

    def shape(self, height: int, width: int) -> tuple[int, int, int]:
        """Channels, rows and columns of a frame of ``height`` x ``width`` PAN pixels."""
        rows, columns = (side // self.stride + 2 * self.border for side in (height, width))
        return self.channels, rows, columns


def result_of(operation: Operation, inputs: Sequence[Tensor], weights: Array | None, fmt: Format) -> Tensor:
    """What an operation gives of ``inputs`` with these weights, if it has any; ``fmt`` is its format where open."""
    channels, products = inputs[0].channels, 1
    if operation.joined:
        channels = sum(tensor.channels for tensor in inputs)
    if weights is not None:
        channels, products = len(weights), weights[0].size
    own = operation.format(inputs[0].format, products) if operation.format else fmt
    return Tensor(channels, own, max(1, int(operation.stride * inputs[0].stride)))


@dataclass(frozen=True)
class Node:
    """One operation of :data:`bitpan.operations.OPERATIONS`, which says what it takes.

    ``scene`` names the scene parameters it takes; its constants are ``constants[name + "." + key]``.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    output: str
    scene: tuple[str, ...] = ()
    attributes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SceneParameter:
    """An integer array the host computes once per scene.

    Attributes:
        name: e.g. ``block0.threshold``.
        kind: ``interpolation`` (from the pair's shift), ``srm`` (from the mean of tensor ``measures``, through the
            float constants ``<name>.fc1.weight`` (R, C), ``.fc1.bias`` (R,), ``.fc2.weight`` (2C, R), ``.fc2.bias``) or
            ``affine`` (from the statistics of ``measures``, through ``<name>.ldpc.*``, ``<name>.weigh.*`` and
            ``latent.*``, see :mod:`bitpan.host.scene.parameters`).
        shape: of the array.
        format: of its integers.
        measures: the tensor whose per-channel scene mean an ``srm`` parameter is computed from, else "".
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    format: Format
    measures: str = ""


_MOST_CHANNELS = 1 << 12


def _require_whole(place: str, what: str, value: object, most: int) -> None:
    if not isinstance(value, int) or not 1 <= value <= most:
        raise ModelError(f"{place}: {what} {value!r}, not 1 to {most}")


@dataclass
class IntegerModel:
    """A network in integers.

    Attributes:
        name: e.g. ``s2bnet-flat``.
        bands, bits, ratio: MS bands, unsigned bits of the imagery, PAN pixels per MS pixel.
        tensors: by name; the graph's inputs are ``pan`` and ``ms``, its output is ``fused``.
        nodes: in order of execution.
        scene: the scene parameters, in order of computation.
        constants: arrays by ``<node or scene parameter>.<key>``.
        provenance: free facts for people: sensor, training command, versions.
    """

    name: str
    bands: int
    bits: int
    ratio: int
    tensors: dict[str, Tensor]
    nodes: list[Node]
    scene: list[SceneParameter]
    constants: dict[str, Array]
    provenance: dict[str, Any] = field(default_factory=dict)

    def constant(self, node: Node | SceneParameter, key: str) -> Array:
        """The array ``key`` of a node or a scene parameter."""
        name = f"{node.name}.{key}"
        if name not in self.constants:
            raise ModelError(f"model {self.name} has no constant {name!r}")
        return self.constants[name]

    def scene_parameter(self, name: str) -> SceneParameter:
        """The scene parameter called ``name``."""
        for parameter in self.scene:
            if parameter.name == name:
                return parameter
        raise ModelError(f"model {self.name} has no scene parameter {name!r}")

    def arguments(self, node: Node, scene: Mapping[str, Integers]) -> dict[str, Any]:
        """What a node's operation takes beside its inputs, by name: constants, attributes and scene parameters."""
        operation = OPERATIONS[node.op]
        named: dict[str, Any] = {key: self.constant(node, key) for key in operation.needed(node.scene)}
        given = zip(operation.scene, node.scene, strict=False)
        return named | dict(node.attributes) | {key: self._scene_value(name, scene) for key, name in given}

    def _scene_value(self, name: str, scene: Mapping[str, Integers]) -> Integers:
        """A scene parameter's value; :class:`FormatError` where it is missing or of another shape."""
        shape = self.scene_parameter(name).shape
        if name not in scene:
            raise FormatError(f"scene parameter {name!r} is missing; compute it with bitpan.host")
        if np.shape(scene[name]) != shape:
            raise FormatError(f"scene parameter {name!r} has shape {np.shape(scene[name])}, not {shape}")
        return scene[name]

    def check_inputs(self, inputs: Mapping[str, npt.ArrayLike]) -> tuple[int, int]:
        """Height and width of the frame, PAN pixels; raise :class:`FormatError` unless these are tensors of one."""
        sizes = {}
        for name, value in inputs.items():
            tensor, shape = self.tensors.get(name), np.shape(value)
            if tensor is None:
                raise FormatError(f"model {self.name} has no tensor {name!r}; it has {', '.join(self.tensors)}")
            inner = [side - 2 * tensor.border for side in shape[1:]]
            if len(shape) != 3 or shape[0] != tensor.channels or min(inner) < 1:
                raise FormatError(f"{name} has shape {shape}, not ({tensor.channels}, height, width)")
            sizes[name] = tensor.stride * inner[0], tensor.stride * inner[1]
        if len({*sizes.values()}) > 1:
            told = ", ".join(f"{name} {height} x {width}" for name, (height, width) in sizes.items())
            raise FormatError(f"these are not of one frame: {told} PAN pixels")
        return sizes.popitem()[1]

    def check_scene(self, scene: Mapping[str, Array]) -> None:
        """Raise :class:`FormatError` unless ``scene`` holds every parameter, of its shape, format and total."""
        for parameter in self.scene:
            value = np.asarray(self._scene_value(parameter.name, scene))
            if value.dtype.kind not in "iu":
                raise FormatError(f"scene parameter {parameter.name!r} is of {value.dtype}, not of integers")
            if value.min() < parameter.format.min or value.max() > parameter.format.max:
                raise FormatError(
                    f"scene parameter {parameter.name!r} leaves {parameter.format}: {value.min()} to {value.max()}"
                )
            total = SCENE_KINDS[parameter.kind].total
            if total is not None and (value.sum(axis=-1) != total).any():
                raise FormatError(f"scene parameter {parameter.name!r} has a row that does not sum to {total}")

    def check(self) -> None:
        """Raise :class:`ModelError` unless every node and scene parameter has what its operation or kind says."""
        for name, most in (("bands", _MOST_CHANNELS), ("bits", 16), ("ratio", 64)):
            _require_whole(f"model {self.name}", name, getattr(self, name), most)
        for name, tensor in self.tensors.items():
            _require_whole(f"tensor {name}", "channels", tensor.channels, _MOST_CHANNELS)
            _require_whole(f"tensor {name}", "stride", tensor.stride, _MOST_CHANNELS)
        image = Format(self.bits, 0, False)
        sides = {
            "pan": Tensor(1, image),
            "ms": Tensor(self.bands, image, self.ratio, BORDER),
            "fused": Tensor(self.bands, image),
        }
        for name, expected in sides.items():
            if self.tensors.get(name) != expected:
                raise ModelError(f"tensor {name} is {self.tensors.get(name)}, not {expected}; export it again")
        for entry in self.scene:
            if entry.kind not in SCENE_KINDS:
                raise ModelError(f"scene parameter {entry.name} is of unknown kind {entry.kind!r}")
            if entry.measures not in ([*self.tensors] if SCENE_KINDS[entry.kind].measured else [""]):
                raise ModelError(f"scene parameter {entry.name} measures {entry.measures!r}, which is no tensor for it")
            for size in entry.shape:
                _require_whole(f"scene parameter {entry.name}", "size", size, _MOST_CHANNELS)
            for key in SCENE_KINDS[entry.kind].constants:
                self.constant(entry, key)
        known = {"pan", "ms"}
        for node in self.nodes:
            if not known.issuperset(node.inputs) or node.output in known:
                raise ModelError(f"node {node.name} takes what no node before it gives, or gives what one has given")
            if foreign := [name for name in node.scene if name not in [entry.name for entry in self.scene]]:
                raise ModelError(f"node {node.name} takes the scene parameter {foreign[0]!r}, which there is not")
            self._check_node(node)
            known.add(node.output)
        if "fused" not in known:
            raise ModelError("no node gives the tensor fused")

    def _check_node(self, node: Node) -> None:
        operation = OPERATIONS.get(node.op)
        if operation is None:
            raise ModelError(f"node {node.name} has unknown operation {node.op!r}")
        missing = len(operation.inputs) - len(node.inputs)
        constant = not node.scene and operation.constants.keys() >= {*operation.scene}
        if not 0 <= missing <= operation.optional or not (constant or len(node.scene) == len(operation.scene)):
            raise ModelError(f"node {node.name} has inputs {node.inputs} and scene parameters {node.scene}")
        if set(node.attributes) != set(operation.attributes):
            raise ModelError(f"node {node.name} has attributes {dict(node.attributes)}, not {operation.attributes}")
        for key, value in node.attributes.items():
            if not isinstance(value, int) or not (0 <= value < 48 if key == "shift" else abs(value) < 1 << 31):
                raise ModelError(f"node {node.name} has the {key} {value!r}, which no such node has")
        sizes = {"C": self.tensors[node.inputs[0]].channels, "O": self.tensors[node.output].channels, "1": 1}
        sizes["I"] = sizes["C"]
        for operand, name in zip(operation.scene, node.scene, strict=False):
            shape, expected = self.scene_parameter(name).shape, scene_shape(operand, sizes["C"], self.ratio)
            if shape != expected:
                raise ModelError(f"node {node.name}: its {operand} {name} have shape {shape}, not {expected}")
        for key in operation.needed(node.scene):
            array, wanted = self.constant(node, key), operation.constants[key]
            known = {**sizes, "k": array.shape[-1] if array.ndim else 0}
            if array.dtype != wanted.dtype or array.shape != tuple(known[axis] for axis in wanted.axes):
                raise ModelError(f"node {node.name}: its {key} are {array.dtype} of shape {array.shape}")
        given, sources = self.tensors[node.output], [self.tensors[name] for name in node.inputs]
        result = result_of(operation, sources, self.constants.get(f"{node.name}.weights"), given.format)
        if given != result:
            raise ModelError(f"node {node.name} gives {result}, not {given}")

    @property
    def alignment(self) -> int:
        """PAN pixels of which the origins and sizes of frames are multiples: every tensor has whole samples there."""
        return math.lcm(self.ratio, *(tensor.stride for tensor in self.tensors.values()))

    @property
    def tile_alignment(self) -> int:
        """PAN pixels of which the edges of tiles are multiples: every tensor but the MS has whole samples there."""
        return math.lcm(*(tensor.stride for name, tensor in self.tensors.items() if name != "ms"))

    def halo(self) -> int:
        """PAN pixels that a frame has beyond each edge of its tile, at least.

        The frame has whole MS samples, and with their border all that the interpolation asks for within it; so the tile
        need not have whole ones.
        """
        reach = self.reaches()
        farthest = max(pixels for name, pixels in reach.items() if name != "ms")
        return -(-farthest // self.tile_alignment) * self.tile_alignment

    def tile_side(self, frame_side: int) -> int:
        """PAN pixels from one tile to the next in frames of this side, whole ``alignment``s; 0 or less: too narrow."""
        return (frame_side - 2 * self.halo()) // self.alignment * self.alignment

    def reaches(self) -> dict[str, int]:
        """PAN pixels beyond an aligned tile of ``fused`` that it depends on, by tensor: the graph walked backwards.

        The tile lies on multiples of ``alignment``; for all but the MS, multiples of ``tile_alignment`` will do. Each
        reach is a whole number of its tensor's samples and the least one that will do. Channels that a kernel sees in
        its centre alone reach less far than others.
        """
        reach = {name: np.zeros(tensor.channels, np.int64) for name, tensor in self.tensors.items()}
        for node in reversed(self.nodes):
            operation, first = OPERATIONS[node.op], 0
            for name in node.inputs:
                tensor = self.tensors[name]
                own = reach[node.output][first : first + tensor.channels] if operation.joined else reach[node.output]
                first += tensor.channels
                sides = kernel_sides(self.constants.get(f"{node.name}.weights"), tensor.channels)
                needed = [operation.reach(int(own.max()), tensor.stride, side) for side in sides]
                reach[name] = np.maximum(reach[name], needed)
        return {name: int(channels.max()) for name, channels in reach.items()}

    def digest(self) -> str:
        """SHA-256 of all that decides what the model computes: everything but its provenance."""
        digest = hashlib.sha256(json.dumps(self._graph(), sort_keys=True).encode())
        for name, array in sorted(self.constants.items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
        return digest.hexdigest()

    def header(self) -> dict[str, Any]:
        """What :data:`HEADER` names."""
        return {key: getattr(self, key) for key in HEADER}

    def _graph(self) -> dict[str, Any]:
        """All but constants and provenance, in JSON's types."""
        return {
            **self.header(),
            "tensors": {name: asdict(tensor) for name, tensor in self.tensors.items()},
            "nodes": [asdict(node) for node in self.nodes],
            "scene": [asdict(parameter) for parameter in self.scene],
        }

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and ``model.npz`` into ``folder``, both or none."""
        stored = io.BytesIO()
        arrays: dict[str, Any] = dict(self.constants)  # NumPy's stub mistakes them for its own options
        np.savez_compressed(stored, **arrays)
        document = {
            "schema": SCHEMA,
            **self._graph(),
            "provenance": self.provenance,
            "constants_sha256": hashlib.sha256(stored.getvalue()).hexdigest(),
        }
        with staged(folder) as new:
            (new / "model.npz").write_bytes(stored.getvalue())
            write_json(new / "model.json", sealed(document))

    @classmethod
    def load(cls, folder: Path) -> IntegerModel:
        """Read what :meth:`save` wrote; raise :class:`ModelError` naming the file if it is not that."""
        document = read_sealed(folder / "model.json", SCHEMA, "build it again, or give the folder of a built model")
        try:
            if document["constants_sha256"] != file_digest(folder / "model.npz"):
                raise ValueError("model.npz is not the one that model.json was written with")
            model = cls(
                **{key: document[key] for key in HEADER},
                tensors={
                    name: Tensor(**{**entry, "format": Format(**entry["format"])})
                    for name, entry in document["tensors"].items()
                },
                nodes=[
                    Node(**{**entry, "inputs": tuple(entry["inputs"]), "scene": tuple(entry["scene"])})
                    for entry in document["nodes"]
                ],
                scene=[
                    SceneParameter(**{**entry, "shape": tuple(entry["shape"]), "format": Format(**entry["format"])})
                    for entry in document["scene"]
                ],
                constants=read_npz(folder / "model.npz"),
                provenance=document["provenance"],
            )
            model.check()
        except UNREADABLE as error:
            raise ModelError(f"{folder}: not a bitpan integer model ({error}); build it or fetch it again") from None
        return model


def execute(
    model: IntegerModel,
    inputs: Mapping[str, npt.ArrayLike],
    scene: Mapping[str, Integers],
    until: str = "fused",
    watch: Callable[[str, Integers], None] | None = None,
) -> Integers:
    """Run the graph with :mod:`bitpan.arithmetic`: the reference every device is compared with.

    Args:
        inputs: integers by tensor name, see :meth:`Tensor.shape`; any tensor given here is taken as it is.
        scene: scene parameters by name.
        until: the tensor to return.
        watch: called with name and value of each tensor as it is computed.

    Raises:
        FormatError: inputs or scene parameters are missing or of a shape that does not fit.
    """
    model.check_inputs(inputs)
    values: dict[str, Integers] = {name: np.asarray(value, dtype=np.int64) for name, value in inputs.items()}
    for node in model.nodes:
        if until in values:
            break
        if node.output in values:
            continue
        if missing := [name for name in node.inputs if name not in values]:
            raise FormatError(f"node {node.name} takes {missing[0]!r}, which is not given")
        taken = [values[name] for name in node.inputs]
        named, fmt = model.arguments(node, scene), model.tensors[node.output].format
        values[node.output] = OPERATIONS[node.op].compute(taken, named, fmt)
        if watch is not None:
            watch(node.output, values[node.output])
    if until not in values:
        raise ModelError(f"model {model.name} has no tensor {until!r}")
    return values[until]
