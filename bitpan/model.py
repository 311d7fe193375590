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
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bitpan import arithmetic
from bitpan.arithmetic import Integers
from bitpan.errors import FormatError, ModelError
from bitpan.files import write_beside
from bitpan.formats import Format
from bitpan.reach import reaches

SCHEMA = 2
"""Version of the files."""

_RPRELU = ("knee", "slope_above", "slope_below", "bias_above", "bias_below")
_NORM = ("gain", "centre", "bias")
_CONSTANTS = {
    "conv": ("weights", "bias"),
    "binary_conv": ("weights",),
    "depthwise": ("weights",),
    "rprelu": _RPRELU,
    "norm": _NORM,
    "srm": ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"),
}
"""Constants of each operation and of each kind of scene parameter."""

_UNREADABLE = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Tensor:
    """One edge of the graph: ``channels``, a format, and the ``stride``: PAN pixels per sample on either axis."""

    channels: int
    format: Format
    stride: int = 1


@dataclass(frozen=True)
class Node:
    """One operation. ``scene`` names the scene parameters it takes; its constants are ``constants[name + "." + key]``.

    Operations, their inputs, scene parameters, constants and attributes:

    =============  ============  =======  ==========================================  ==================
    op             inputs        scene    constants                                   attributes
    =============  ============  =======  ==========================================  ==================
    interpolate    ms            2 (1)    --                                          --
    centre         x             --       --                                          offset, shift
    concat         a, b          --       --                                          --
    conv           x             --       weights (O,I,k,k) int8, bias (O,) int32     shift
    sign           x             1 or --  threshold (C,) int32 where it has no scene  --
    binary_conv    b             --       weights (O,I,k,k) int8 of +1, -1            --
    depthwise      x             --       weights (C,1,k,k) int8                      shift
    rprelu         p[, x]        --       knee, slope_above, slope_below,             shift
                                          bias_above, bias_below: (C,) int32
    norm           x, residual   --       gain, centre, bias: (C,) int32              --
    affine         y             1        --                                          --
    haar           x             --       --                                          subband (2)
    inverse_haar   ll,lh,hl,hh   --       --                                          shift
    pool           x             --       --                                          --
    up             x             --       --                                          --
    add            a, b          --       --                                          --
    add_clip       lms, residual --       --                                          --
    =============  ============  =======  ==========================================  ==================

    (1) rows and columns: the interpolation coefficients of the two axes, ``(ratio, 5)``.
    (2) which one the output is: 0 LL, 1 LH, 2 HL, 3 HH. A device computes the nodes of one x together.
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
    constants: dict[str, npt.NDArray[Any]]
    provenance: dict[str, Any] = field(default_factory=dict)

    def constant(self, node: Node | SceneParameter, key: str) -> npt.NDArray[Any]:
        """The array ``key`` of a node or a scene parameter."""
        return self.constants[f"{node.name}.{key}"]

    def node(self, name: str) -> Node:
        """The node called ``name``."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise ModelError(f"model {self.name} has no node {name!r}")

    def scene_parameter(self, name: str) -> SceneParameter:
        """The scene parameter called ``name``."""
        for parameter in self.scene:
            if parameter.name == name:
                return parameter
        raise ModelError(f"model {self.name} has no scene parameter {name!r}")

    def check_scene(self, scene: Mapping[str, npt.NDArray[Any]]) -> None:
        """Raise :class:`FormatError` unless ``scene`` holds every parameter, of its shape and within its format."""
        for parameter in self.scene:
            if parameter.name not in scene:
                raise FormatError(f"scene parameter {parameter.name!r} is missing; compute it with bitpan.host")
            value = np.asarray(scene[parameter.name])
            if value.shape != parameter.shape:
                raise FormatError(f"scene parameter {parameter.name!r} has shape {value.shape}, not {parameter.shape}")
            if value.min() < parameter.format.min or value.max() > parameter.format.max:
                raise FormatError(f"scene parameter {parameter.name!r} leaves {parameter.format}: {value}")

    def check_constants(self) -> None:
        """Raise :class:`ModelError` unless every node and scene parameter has its constants."""
        needed = [f"{node.name}.{key}" for node in self.nodes for key in _CONSTANTS.get(node.op, ())]
        needed += [f"{entry.name}.{key}" for entry in self.scene for key in _CONSTANTS.get(entry.kind, ())]
        missing = [name for name in needed if name not in self.constants]
        if missing:
            raise ModelError(f"model {self.name} has no constant {missing[0]!r}")

    @property
    def alignment(self) -> int:
        """PAN pixels of which the origins and sizes of frames are multiples: every tensor has whole samples there."""
        return math.lcm(self.ratio, *(tensor.stride for tensor in self.tensors.values()))

    def halo(self) -> int:
        """PAN pixels around an aligned tile that its result depends on, see :func:`bitpan.reach.reaches`."""
        reach = reaches(self)
        return max(reach["pan"], reach["ms"])

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and ``model.npz`` into ``folder``, each beside and then renamed."""
        stored = io.BytesIO()
        arrays: dict[str, Any] = dict(self.constants)  # NumPy's stub mistakes them for its own options
        np.savez_compressed(stored, **arrays)
        document = {
            "schema": SCHEMA,
            "name": self.name,
            "bands": self.bands,
            "bits": self.bits,
            "ratio": self.ratio,
            "tensors": {name: asdict(tensor) for name, tensor in self.tensors.items()},
            "nodes": [asdict(node) for node in self.nodes],
            "scene": [asdict(parameter) for parameter in self.scene],
            "provenance": self.provenance,
            "constants_sha256": hashlib.sha256(stored.getvalue()).hexdigest(),
        }
        write_beside(folder / "model.npz", stored.getvalue())
        write_beside(folder / "model.json", (json.dumps(document, indent=1) + "\n").encode())

    @classmethod
    def load(cls, folder: Path) -> IntegerModel:
        """Read what :meth:`save` wrote; raise :class:`ModelError` naming the file if it is not that."""
        source = folder / "model.json"
        try:
            document = json.loads(source.read_text())
        except OSError as error:
            raise ModelError(f"{source}: cannot be read ({error.strerror}); give the folder of a built model") from None
        except ValueError as error:
            raise ModelError(f"{source}: not JSON ({error})") from None
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            schema = document.get("schema") if isinstance(document, dict) else None
            raise ModelError(f"{source}: schema {schema}, this bitpan reads {SCHEMA}; build it again")
        try:
            content = (folder / "model.npz").read_bytes()
            if document["constants_sha256"] != hashlib.sha256(content).hexdigest():
                raise ValueError("model.npz is not the one that model.json was written with")
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                constants = {name: stored[name] for name in stored.files}
            model = cls(
                name=document["name"],
                bands=document["bands"],
                bits=document["bits"],
                ratio=document["ratio"],
                tensors={
                    name: Tensor(entry["channels"], Format(**entry["format"]), int(entry["stride"]))
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
                constants=constants,
                provenance=document["provenance"],
            )
            model.check_constants()
        except _UNREADABLE as error:
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
        model: the network.
        inputs: integers by tensor name: ``pan (1, H, W)`` and ``ms (B, H/ratio, W/ratio)``; any tensor given here is
            taken as it is and not computed.
        scene: scene parameters by name.
        until: the tensor to return.
        watch: called with name and value of each tensor as it is computed.
    """
    values: dict[str, Integers] = {name: np.asarray(value, dtype=np.int64) for name, value in inputs.items()}
    for node in model.nodes:
        if until in values:
            break
        if node.output in values:
            continue
        values[node.output] = _apply(model, node, [values[name] for name in node.inputs], scene)
        if watch is not None:
            watch(node.output, values[node.output])
    if until not in values:
        raise ModelError(f"model {model.name} has no tensor {until!r}")
    return values[until]


def _apply(model: IntegerModel, node: Node, inputs: list[Integers], scene: Mapping[str, Integers]) -> Integers:
    fmt = model.tensors[node.output].format
    if node.op == "interpolate":
        return arithmetic.interpolate(inputs[0], scene[node.scene[0]], scene[node.scene[1]])
    if node.op == "centre":
        return arithmetic.centre(inputs[0], node.attributes["offset"], node.attributes["shift"], fmt)
    if node.op == "concat":
        return np.concatenate(inputs)
    if node.op == "conv":
        total = arithmetic.conv2d(inputs[0], model.constant(node, "weights"))
        bias = model.constant(node, "bias").astype(np.int64)
        return arithmetic.requantise(total + bias[:, None, None], node.attributes["shift"], fmt)
    if node.op == "sign":
        threshold = scene[node.scene[0]] if node.scene else model.constant(node, "threshold")
        return arithmetic.sign(inputs[0], threshold)
    if node.op == "binary_conv":
        return arithmetic.conv2d(inputs[0], model.constant(node, "weights"), pad_value=-1)
    if node.op == "depthwise":
        return arithmetic.depthwise(inputs[0], model.constant(node, "weights"), node.attributes["shift"], fmt)
    if node.op == "rprelu":
        constants = {key: model.constant(node, key) for key in _RPRELU}
        residual = inputs[1] if len(inputs) > 1 else np.int64(0)
        return arithmetic.rprelu(inputs[0], residual, **constants, shift=node.attributes["shift"], fmt=fmt)
    if node.op == "norm":
        gain, centre, bias = (model.constant(node, key) for key in _NORM)
        return arithmetic.channel_norm(inputs[0], inputs[1], gain, centre, bias, fmt)
    if node.op == "affine":
        return arithmetic.channel_affine(inputs[0], scene[node.scene[0]], fmt)
    if node.op == "haar":
        return arithmetic.haar(inputs[0])[node.attributes["subband"]]
    if node.op == "inverse_haar":
        ll, lh, hl, hh = inputs
        return arithmetic.inverse_haar(ll, lh, hl, hh, node.attributes["shift"], fmt)
    if node.op == "pool":
        return arithmetic.average_pool(inputs[0])
    if node.op == "up":
        return arithmetic.bilinear_up(inputs[0])
    if node.op == "add":
        return arithmetic.add(inputs[0], inputs[1], fmt)
    if node.op == "add_clip":
        return arithmetic.add_clip(inputs[0], inputs[1], fmt.bits)
    raise ModelError(f"model {model.name}: node {node.name} has unknown operation {node.op!r}")
