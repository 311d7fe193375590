"""QONNX to integers: read an exported network back as an :class:`~bitpan.model.IntegerModel`.

The exporter writes a closed grammar (``docs/qonnx.md``): each operation of the number contract is a fixed arrangement
of standard operators. Here each arrangement is a pattern; the weights, shifts and offsets are read from the graph
itself, formats and the recipe of the scene parameters from the file's metadata. What fits no pattern stops the build.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from bitpan.build.pattern import Array, Const, Graph, Match, Op, Optional, Pattern, Var, attributes, is_integral
from bitpan.errors import BuildError
from bitpan.formats import Format
from bitpan.model import IntegerModel, Node, SceneParameter, Tensor

METADATA = "bitpan"
"""Key of the file's metadata that holds formats and scene parameters."""


def _rounded(v: Pattern, prefix: str = "") -> Op:
    return Op("Floor", Op("Mul", Op("Add", v, Const(f"{prefix}half")), Const(f"{prefix}scale")))


def _clipped(v: Pattern) -> Op:
    return Op("Clip", v, Const("min"), Const("max"))


def _upsampled(v: Pattern, axis: str) -> Op:
    taps = Op("Gather", v, Const(f"{axis}.index"), keep=f"{axis}.gather")
    weighed = Op("Einsum", taps, Optional("Cast", Var(axis)), keep=f"{axis}.einsum")
    return _rounded(Op("Reshape", weighed, Const(f"{axis}.shape")), f"{axis}.")


_INTERPOLATE = Op("Cast", _upsampled(_upsampled(Op("Cast", Var("ms")), "rows"), "columns"))
_CONV = Op("Conv", Var("x"), Const("weights"), Const("bias"), keep="conv")
_ABOVE = Op("GreaterOrEqual", Var("p"), Const("knee"))
_BRANCH = Op(
    "Add",
    Op("Mul", Op("Where", _ABOVE, Const("slope_above"), Const("slope_below")), Var("p")),
    Op("Where", _ABOVE, Const("bias_above"), Const("bias_below")),
)
_PADDED = Op("Pad", Var("s"), Const("pads"), Const("value"), keep="pad")

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "interpolate": (_INTERPOLATE,),
    "centre": (
        _clipped(Op("Sub", Var("x"), Const("offset"))),
        _clipped(_rounded(Op("Sub", Var("x"), Const("offset")))),
    ),
    "concat": (Op("Concat", Var("a"), Var("b"), keep="concat"),),
    "conv": (_clipped(_rounded(_CONV)),),
    "sign": (Op("BipolarQuant", Op("Sub", Var("x"), Op("Reshape", Var("threshold"), Const("shape"))), Const("unit")),),
    "binary_conv": (Op("Conv", _PADDED, Const("weights"), keep="conv"),),
    "rprelu": (_clipped(Op("Add", _rounded(_BRANCH), Var("x"))),),
    "add_clip": (_clipped(Op("Add", Var("lms"), Var("residual"))),),
}
"""The export grammar: the arrangements each operation may appear in."""


@dataclass
class Raised:
    """An integer model and, for each of its tensors, the name it has in the QONNX graph."""

    model: IntegerModel
    names: dict[str, str]


def load_qonnx(path: Path) -> onnx.ModelProto:
    """Read a QONNX file; :class:`BuildError` if it is none or was not written by ``bitpan export``."""
    try:
        proto = onnx.load(str(path))
    except Exception as error:  # protobuf raises several unrelated types
        raise BuildError(f"{path}: cannot be read as ONNX ({error}); make it with `bitpan export`") from None
    if METADATA not in _properties(proto):
        raise BuildError(f"{path}: has no {METADATA!r} metadata; make it with `bitpan export`")
    return proto


def _properties(proto: onnx.ModelProto) -> dict[str, str]:
    """Metadata of the file and of its graph, where QONNX keeps them."""
    return {entry.key: entry.value for entry in [*proto.metadata_props, *proto.graph.metadata_props]}


def raise_graph(proto: onnx.ModelProto) -> Raised:
    """The integer model of a QONNX graph.

    Raises:
        BuildError: an operator fits no pattern of the export grammar, or a number in it is not what it must be.
    """
    return _Raiser(_folded(proto), json.loads(_properties(proto)[METADATA])).run()


def _folded(proto: onnx.ModelProto) -> onnx.GraphProto:
    """The graph with everything that depends on constants alone made an initializer."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.infer_shapes import InferShapes

    model = ModelWrapper(proto, make_deepcopy=True).transform(InferShapes())
    graph: onnx.GraphProto = model.transform(FoldConstants(exclude_op_types=[])).graph
    return graph


@dataclass
class _Raiser:
    onnx_graph: onnx.GraphProto
    metadata: dict[str, Any]
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # tensor of the model by tensor of the graph

    def run(self) -> Raised:
        self.graph = Graph(self.onnx_graph)
        for info in self.onnx_graph.input:
            if info.name not in self.graph.constants:
                self.names[info.name] = info.name
        self._raise(self.onnx_graph.output[0].name)
        self._check_covered()
        model = IntegerModel(
            name=self.metadata["name"],
            bands=self.metadata["bands"],
            bits=self.metadata["bits"],
            ratio=self.metadata["ratio"],
            tensors={name: self._tensor(name) for name in ["pan", "ms", *(node.output for node in self.nodes)]},
            nodes=self.nodes,
            scene=[self._scene_parameter(entry) for entry in self.metadata["scene"]],
            constants=self.constants,
            provenance=self.metadata.get("provenance", {}),
        )
        return Raised(model, {ours: theirs for theirs, ours in self.names.items()})

    def _raise(self, tensor: str) -> str:
        """Raise what computes ``tensor`` and return the tensor's name in the model."""
        if tensor in self.names:
            return self.names[tensor]
        for op, patterns in PATTERNS.items():
            for pattern in patterns:
                match = self.graph.match(tensor, pattern)
                if match is not None:
                    return self._node(op, tensor, match)
        node = self.graph.producers.get(tensor)
        what = f"node {node.name!r} ({node.op_type})" if node is not None else f"tensor {tensor!r}"
        raise BuildError(f"{what} fits no pattern of the export grammar; export the model again with this bitpan")

    def _node(self, op: str, tensor: str, match: Match) -> str:
        inputs = {
            key: self._raise(match.tensors[key]) for key in _INPUTS[op] if key not in ("rows", "columns", "threshold")
        }
        scene = tuple(match.tensors[key] for key in _INPUTS[op] if key not in inputs)
        name, output = self._name(op, inputs)
        fmt = self._format(output)
        found, arrays = _READERS[op](_Found(name, match, fmt))
        self.names[tensor] = output
        self.nodes.append(Node(op, name, tuple(inputs.values()), output, scene, found))
        self.constants |= {f"{name}.{key}": value for key, value in arrays.items()}
        return output

    def _name(self, op: str, inputs: dict[str, str]) -> tuple[str, str]:
        """Names of node and output: the network's structure gives them, whatever the exporter called its tensors."""
        block = sum(node.op == "rprelu" for node in self.nodes)
        first = next(iter(inputs.values()))
        return {
            "interpolate": ("upsample", "lms"),
            "centre": (f"{first}_centre", f"{first}_centred"),
            "concat": ("input_concat", "input"),
            "conv": ("head", "x0") if first == "input" else ("tail", "residual"),
            "sign": (f"block{block}.sign", f"s{block}"),
            "binary_conv": (f"block{block}.conv", f"p{block}"),
            "rprelu": (f"block{block}.rprelu", f"x{block + 1}"),
            "add_clip": ("output", "fused"),
        }[op]

    def _format(self, tensor: str) -> Format:
        try:
            bits, fraction, signed = self.metadata["formats"][tensor]
        except (KeyError, ValueError):
            raise BuildError(f"the model's metadata give no format for tensor {tensor!r}; export it again") from None
        return Format(bits, fraction, bool(signed))

    def _tensor(self, name: str) -> Tensor:
        theirs = next(theirs for theirs, ours in self.names.items() if ours == name)
        infos = [*self.onnx_graph.input, *self.onnx_graph.value_info, *self.onnx_graph.output]
        shape = next(info.type.tensor_type.shape for info in infos if info.name == theirs)
        return Tensor(shape.dim[1].dim_value, self._format(name), "ms" if name == "ms" else "pan")

    def _scene_parameter(self, entry: dict[str, Any]) -> SceneParameter:
        bits, fraction, signed = entry["format"]
        for key, value in entry.get("arrays", {}).items():
            self.constants[f"{entry['name']}.{key}"] = np.asarray(value, dtype=np.float64)
        fmt = Format(bits, fraction, bool(signed))
        return SceneParameter(entry["name"], entry["kind"], tuple(entry["shape"]), fmt, entry.get("measures", ""))

    def _check_covered(self) -> None:
        """Every scene parameter of a node must be described by the metadata."""
        described = {entry["name"] for entry in self.metadata["scene"]}
        for node in self.nodes:
            for name in node.scene:
                if name not in described:
                    raise BuildError(f"node {node.name}: scene parameter {name!r} is not in the model's metadata")


_INPUTS = {
    "interpolate": ("ms", "rows", "columns"),
    "centre": ("x",),
    "concat": ("a", "b"),
    "conv": ("x",),
    "sign": ("x", "threshold"),
    "binary_conv": ("s",),
    "rprelu": ("p", "x"),
    "add_clip": ("lms", "residual"),
}


@dataclass
class _Found:
    """A match with the checks its reader needs."""

    name: str
    match: Match
    format: Format

    def require(self, condition: bool, what: str) -> None:
        if not condition:
            raise BuildError(f"node {self.name}: {what}; export the model again with this bitpan")

    def integers(self, key: str, dtype: type) -> Array:
        array = self.match.arrays[key]
        self.require(is_integral(array), f"its {key} are not integers")
        limits = np.iinfo(dtype)
        self.require(bool(array.min() >= limits.min and array.max() <= limits.max), f"its {key} leave {limits.dtype}")
        return array.astype(dtype)

    def scalar(self, key: str) -> float:
        array = self.match.arrays[key]
        self.require(array.size == 1, f"its {key} is not one number")
        return float(array.reshape(()))

    def shift(self, prefix: str = "") -> int:
        """The shift of a rounding half up: add ``2**(s-1)``, multiply by ``2**-s``, floor."""
        scale, half = self.scalar(f"{prefix}scale"), self.scalar(f"{prefix}half")
        shift = round(-np.log2(scale)) if scale > 0 else 0
        exact = shift >= 1 and scale == 2.0**-shift and half == 2.0 ** (shift - 1)
        self.require(exact, f"adds {half} and multiplies by {scale}, which is no rounding half up")
        return int(shift)

    def clip(self) -> None:
        low, high = self.scalar("min"), self.scalar("max")
        same = (low, high) == (self.format.min, self.format.max)
        self.require(same, f"clips to [{low}, {high}], its format {self.format} to another range")

    def square(self, weights: Array, margin: int) -> None:
        """A same-size convolution: odd square kernel, stride 1, no groups, ``margin`` of it padded elsewhere."""
        found = attributes(self.match.nodes["conv"])
        kernel = weights.shape[-1]
        self.require(weights.ndim == 4 and weights.shape[-2] == kernel and kernel % 2 == 1, "kernel not odd and square")
        pads = found.get("pads", [0, 0, 0, 0])
        self.require(list(pads) == [kernel // 2 - margin] * 4, f"pads {list(pads)} do not keep the image's size")
        plain = {*found.get("strides", [1]), *found.get("dilations", [1]), found.get("group", 1)} == {1}
        self.require(plain, "strides, dilations and groups are not supported")


_Read = tuple[dict[str, int], dict[str, Array]]


def _read_interpolate(found: _Found) -> _Read:
    for axis, dimension, equation in (("rows", 2, "bchtw,pt->bchpw"), ("columns", 3, "bchwt,pt->bchwp")):
        found.require(
            attributes(found.match.nodes[f"{axis}.gather"]).get("axis", 0) == dimension, "gathers another axis"
        )
        written = attributes(found.match.nodes[f"{axis}.einsum"])["equation"].replace(" ", "")
        found.require(written == equation, f"sums {written!r}, not {equation!r}")
        index = found.match.arrays[f"{axis}.index"]
        size = len(index)
        taps = np.clip(np.arange(size)[:, None] + np.arange(-2, 3), 0, size - 1)
        found.require(index.shape == taps.shape and bool((index == taps).all()), f"its {axis} taps are not i-2 ... i+2")
        found.require(found.shift(f"{axis}.") == 10, "its coefficients are not in 1/1024")
    return {}, {}


def _read_centre(found: _Found) -> _Read:
    found.clip()
    shift = found.shift() if "scale" in found.match.arrays else 0
    offset = found.scalar("offset")
    found.require(offset == int(offset), f"its offset {offset} is not an integer")
    return {"offset": int(offset), "shift": shift}, {}


def _read_concat(found: _Found) -> _Read:
    found.require(attributes(found.match.nodes["concat"])["axis"] == 1, "concatenates along another axis than channels")
    return {}, {}


def _read_conv(found: _Found) -> _Read:
    found.clip()
    weights = found.integers("weights", np.int8)
    found.square(weights, margin=0)
    return {"shift": found.shift()}, {"weights": weights, "bias": found.integers("bias", np.int32)}


def _read_sign(found: _Found) -> _Read:
    found.require(found.scalar("unit") == 1, "its BipolarQuant has another scale than 1")
    return {}, {}


def _read_binary_conv(found: _Found) -> _Read:
    weights = found.integers("weights", np.int8)
    found.require(bool((np.abs(weights) == 1).all()), "its weights are not all +1 or -1")
    margin = weights.shape[-1] // 2
    found.square(weights, margin)
    pads = found.match.arrays["pads"].tolist()
    found.require(pads == [0, 0, margin, margin] * 2, f"pads {pads} do not keep the image's size")
    found.require(found.scalar("value") == -1, f"pads with {found.scalar('value')}, binary tensors are padded with -1")
    found.require(attributes(found.match.nodes["pad"]).get("mode", "constant") == "constant", "does not pad a constant")
    return {}, {"weights": weights}


def _read_rprelu(found: _Found) -> _Read:
    found.clip()
    keys = ("knee", "slope_above", "slope_below", "bias_above", "bias_below")
    return {"shift": found.shift()}, {key: found.integers(key, np.int32).reshape(-1) for key in keys}


def _read_add_clip(found: _Found) -> _Read:
    found.clip()
    return {}, {}


_READERS: dict[str, Callable[[_Found], _Read]] = {
    "interpolate": _read_interpolate,
    "centre": _read_centre,
    "concat": _read_concat,
    "conv": _read_conv,
    "sign": _read_sign,
    "binary_conv": _read_binary_conv,
    "rprelu": _read_rprelu,
    "add_clip": _read_add_clip,
}
