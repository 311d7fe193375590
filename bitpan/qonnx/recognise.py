"""What computes a tensor of a QONNX graph: the operation whose form it has, and the numbers in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bitpan.errors import FormatError
from bitpan.formats import Format
from bitpan.model import Node
from bitpan.operations import OPERATIONS, Array
from bitpan.qonnx.grammar import GRAMMAR, SUBBANDS, Form, Site
from bitpan.qonnx.pattern import Graph, Match


def recognise(graph: Graph, tensor: str, fmt: Format) -> tuple[str, Form, Match] | None:
    """The operation that computes ``tensor``, which is in ``fmt``, its form, and what that captured."""
    for op, forms in GRAMMAR.items():
        for form in forms:
            match = graph.match(tensor, form.pattern)
            if match is not None and form.signed in (None, fmt.signed):
                return op, form, match
    return None


def read_node(op: str, name: str, output: str, match: Match) -> tuple[Node, dict[str, Array]]:
    """A node of what its form captured, and its constants; :class:`FormatError` where a number is none of its kind."""
    operation = OPERATIONS[op]
    inputs, scene = (
        tuple(match.tensors[key] for key in keys if key in match.tensors)
        for keys in (operation.inputs, operation.scene)
    )
    constants = {}
    for key in operation.needed(scene):
        array = _whole(match.arrays[key], key, operation.constants[key].dtype)
        constants[key] = array.reshape(-1) if len(operation.constants[key].axes) == 1 else array
    attributes = {key: _attribute(key, match.arrays) for key in operation.attributes}
    return Node(op, name, inputs, output, scene, attributes), constants


def _whole(array: Array, key: str, dtype: type[np.integer[Any]]) -> Array:
    """A captured array of integers that fit ``dtype``."""
    limits, exact = np.iinfo(dtype), array.astype(np.float64)  # in float32 the largest int32 is 2**31
    if not (np.floor(exact) == exact).all() or exact.min() < limits.min or exact.max() > limits.max:
        raise FormatError(f"its {key} are not all integers of {limits.dtype}")
    return array.astype(dtype)


def _shift(arrays: Mapping[str, Array]) -> int:
    """Of a rounding half up by ``2**-s``; 0 where nothing is rounded."""
    if "scale" not in arrays:
        return 0
    scale = float(arrays["scale"].flat[0])
    return round(-np.log2(scale)) if scale > 0 else 0


def _subband(arrays: Mapping[str, Array]) -> int:
    kernel = arrays["kernel"]
    same = [kernel.shape[1:] == (1, 2, 2) and bool((kernel == subband).all()) for subband in SUBBANDS]
    if not any(same):
        raise FormatError("is a convolution without bias and rounding, and no wavelet's subband")
    return same.index(True)


_ATTRIBUTES = {"shift": _shift, "subband": _subband}
"""Attributes that are not written as a constant of their name, out of the constants that the form captured."""


def _attribute(key: str, arrays: Mapping[str, Array]) -> int:
    return _ATTRIBUTES[key](arrays) if key in _ATTRIBUTES else int(_whole(arrays[key], key, np.int32).flat[0])


_DEFAULTS = {"dilations": [1, 1], "strides": [1, 1], "group": 1, "mode": "constant", "auto_pad": "NOTSET"}
_DEFAULTS |= {"ceil_mode": 0, "count_include_pad": 0, "pads": [0] * 4, "output_padding": [0, 0]}


def require_filled(form: Form, site: Site, match: Match) -> None:
    """Raise :class:`FormatError` unless the form, filled with a node's numbers, is what was found."""
    constants, operators = form.filled(site)
    for key, found in match.arrays.items():
        expected = constants[key]
        same = found.shape == expected.shape or found.size == expected.size == 1
        if not same or not np.array_equal(found.reshape(-1), expected.reshape(-1)):
            raise FormatError(f"its {key} {_shown(found, expected)}")
    for key, (op, written) in match.kept.items():
        for name in written.keys() | operators[key]:
            values = [{**_DEFAULTS, **each}.get(name) for each in (written, operators[key])]
            if values[0] != values[1]:
                raise FormatError(f"its {op} has {name} {values[0]}, not {values[1]}")


def _shown(found: Array, expected: Array) -> str:
    if found.size == expected.size == 1:
        return f"is {found.reshape(-1)[0]:g}, not {expected.reshape(-1)[0]:g}"
    return f"of shape {found.shape} differs from the number contract's"
