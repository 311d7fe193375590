"""The compiled engine's steps: which kernel runs a node, or a chain of nodes at once, and with which integers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bitpan.arithmetic import COEFFICIENT_BITS, Integers
from bitpan.errors import FormatError
from bitpan.host.engine import channel_steps, kernels, resampling_steps
from bitpan.host.engine.narrow import Array, Share, narrowest
from bitpan.model import IntegerModel, Node, execute

_Step = Callable[[Node, list[Array], Mapping[str, Integers], Share], Array | None]
"""One node's output, or None where its kernel is not made for the numbers and the reference does the work."""

_SUMS = ("conv", "depthwise")
_RPRELU = ("knee", "slope_above", "slope_below", "bias_above", "bias_below")
_NORM = ("gain", "centre", "bias")


class Steps:
    """Runs the nodes of one model; constants are packed once."""

    def __init__(self, model: IntegerModel) -> None:
        self.model = model
        self._kernels: dict[str, _Step] = {"interpolate": self._interpolate, "centre": self._centre, "conv": self._conv}
        self._kernels |= {"add_clip": self._add_clip, "concat": self._concat, "depthwise": self._depthwise}
        self._kernels |= {"pool": self._pool, "up": self._up, "add": self._add, "inverse_haar": self._inverse_haar}
        self._kernels |= {"norm": self._norm, "affine": self._affine}
        self._binary = {node.name: _pack_weights(model.constant(node, "weights")) for node in self._fast_binary()}
        self._summed = {node.name: self._summing_weights(node) for node in model.nodes if node.op in _SUMS}
        self._branches = {
            node.name: np.stack([model.constant(node, key) for key in _RPRELU]).astype(np.int32)
            for node in model.nodes
            if node.op == "rprelu"
        }

    def narrow(self, name: str, value: npt.ArrayLike) -> Array:
        """An input in its format's narrowest type; raise :class:`FormatError` if it does not fit the format."""
        fmt, array = self.model.tensors[name].format, np.asarray(value)
        dtype = narrowest(fmt)
        if array.size and not fmt.min <= array.min() <= array.max() <= fmt.max:
            raise FormatError(f"{name} holds {array.min()} to {array.max()}, its format {fmt.min} to {fmt.max}")
        return np.ascontiguousarray(array, dtype=dtype)

    def chain(self, node: Node, nodes: Sequence[Node], uses: Mapping[str, int], ready: Collection[str]) -> list[Node]:
        """The nodes one kernel runs together, from ``node`` on.

        Sign, binary convolution and RPReLU; the subbands of one tensor; or ``node`` alone.
        """
        if node.op == "haar":
            return [n for n in nodes if n.op == "haar" and n.inputs == node.inputs]
        chain = [node]
        if node.op != "sign" or uses[node.output] != 1:
            return chain
        follower = next((n for n in nodes if node.output in n.inputs), None)
        if follower is None or follower.op != "binary_conv" or follower.name not in self._binary:
            return chain
        chain.append(follower)
        if uses[follower.output] == 1:
            last = next((n for n in nodes if follower.output in n.inputs), None)
            if last is None or last.op != "rprelu":
                return chain
            if all(name in ready for name in last.inputs[1:]) and self._fits_32_bits(follower, last):
                chain.append(last)
        return chain

    def run(
        self,
        chain: list[Node],
        values: Mapping[str, Array],
        scene: Mapping[str, Integers],
        in_place: bool,
        share: Share,
    ) -> dict[str, Array]:
        """Output of a chain's last node, or the subbands that are asked for."""
        node = chain[0]
        inputs = [values[name] for name in node.inputs]
        if node.op == "haar":
            subbands = resampling_steps.haar(inputs[0], self.model.tensors[node.inputs[0]].format, share)
            if subbands is not None:
                return {link.output: subbands[link.attributes["subband"]] for link in chain}
            return {link.output: self._reference(link, values, scene) for link in chain}
        if len(chain) > 1:
            return {chain[-1].output: self._binary_chain(chain, values, scene, in_place, share)}
        found = None
        if node.op in self._kernels and node.attributes.get("shift", 0) >= 0:
            found = self._kernels[node.op](node, inputs, scene, share)
        return {node.output: self._reference(node, values, scene) if found is None else found}

    def _reference(self, node: Node, values: Mapping[str, Array], scene: Mapping[str, Integers]) -> Array:
        alone = replace(self.model, nodes=[node])
        return execute(alone, {name: values[name] for name in node.inputs}, scene, node.output)

    def _fast_binary(self) -> list[Node]:
        """Binary convolutions that the kernels are made for: 3x3, sums within 16 bits."""
        shapes = {n.name: self.model.constant(n, "weights").shape for n in self.model.nodes if n.op == "binary_conv"}
        return [n for n in self.model.nodes if n.name in shapes and shapes[n.name][2] == 3 and shapes[n.name][1] < 3600]

    def _fits_32_bits(self, conv: Node, rprelu: Node) -> bool:
        _, slope_above, slope_below, bias_above, bias_below = np.abs(self._branches[rprelu.name].astype(np.int64))
        shift = rprelu.attributes["shift"]
        product = max(slope_above.max(), slope_below.max()) * 9 * self.model.constant(conv, "weights").shape[1]
        bound = product + max(bias_above.max(), bias_below.max()) + (1 << max(shift, 1))
        return shift > 0 and bound < 1 << 30 and self.model.tensors[rprelu.output].format.bits <= 30

    def _summing_weights(self, node: Node) -> Array:
        """A convolution's weights in the type its sums are exact in."""
        fmt, weights = self.model.tensors[node.inputs[0]].format, self.model.constant(node, "weights")
        bound = int(np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3)).max()) * max(fmt.max, -fmt.min)
        return np.ascontiguousarray(weights, dtype=np.float32 if bound < 1 << 24 else np.float64)

    def _binary_chain(
        self,
        chain: list[Node],
        values: Mapping[str, Array],
        scene: Mapping[str, Integers],
        in_place: bool,
        share: Share,
    ) -> Array:
        sign, conv = chain[:2]
        x, weights = values[sign.inputs[0]], self._binary[conv.name]
        channels, height, width = x.shape
        total = 9 * channels
        limits = np.iinfo(x.dtype)
        found = scene[sign.scene[0]] if sign.scene else self.model.constant(sign, "threshold")
        thresholds = np.clip(found, limits.min, limits.max).astype(x.dtype)
        planes = np.zeros(((channels + 7) // 8, height + 2, width + 2), np.uint8)
        share(lambda first, last: kernels.pack_signs(x, thresholds, planes, first, last), height)
        shape = (len(weights), height, width)
        if len(chain) == 2:
            out = np.empty(shape, np.int16 if total < 1 << 15 else np.int32)
            share(lambda first, last: kernels.binary_conv(planes, weights, total, out, first, last), height)
            return out
        rprelu = chain[2]
        residual = values[rprelu.inputs[1]] if len(rprelu.inputs) > 1 else np.broadcast_to(np.int16(0), shape)
        fmt = self.model.tensors[rprelu.output].format
        dtype, branches, shift = narrowest(fmt), self._branches[rprelu.name], rprelu.attributes["shift"]
        keep = in_place and rprelu.inputs[1:] == sign.inputs and residual.dtype == dtype
        out = residual if keep else np.empty(shape, dtype)

        def rows(first: int, last: int) -> None:
            kernels.binary_conv_rprelu(
                planes, weights, total, residual, branches, shift, fmt.min, fmt.max, out, first, last
            )

        share(rows, height)
        return out

    def _interpolate(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array:
        (ms,) = inputs
        rows, columns = (np.ascontiguousarray(scene[name], dtype=np.int64) for name in node.scene)
        shape = (ms.shape[0], ms.shape[1] * len(rows), ms.shape[2] * len(columns))
        wide = self.model.tensors[node.inputs[0]].format.bits > 16  # beyond, extreme coefficients leave 32 bits
        out = np.empty(shape, np.int64 if wide else np.int32)
        places = COEFFICIENT_BITS
        share(lambda first, last: kernels.interpolate(ms, rows, columns, places, out, first, last), shape[1])
        return out

    def _centre(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array:
        (x,) = inputs
        fmt, offset, shift = self.model.tensors[node.output].format, node.attributes["offset"], node.attributes["shift"]
        out = np.empty(x.shape, narrowest(fmt))
        share(lambda first, last: kernels.centre(x, offset, shift, fmt.min, fmt.max, out, first, last), x.shape[1])
        return out

    def _conv(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array:
        (x,) = inputs
        fmt, weights = self.model.tensors[node.output].format, self._summed[node.name]
        bias, shift = self.model.constant(node, "bias").astype(np.int64), node.attributes["shift"]
        out = np.empty((len(weights), *x.shape[1:]), narrowest(fmt))

        def rows(first: int, last: int) -> None:
            kernels.conv(x, weights, bias, shift, fmt.min, fmt.max, out, first, last)

        share(rows, x.shape[1])
        return out

    def _depthwise(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array:
        (x,) = inputs
        fmt, weights, shift = self.model.tensors[node.output].format, self._summed[node.name], node.attributes["shift"]
        out, bias = np.empty(x.shape, narrowest(fmt)), np.zeros(1, np.int64)

        def rows(first: int, last: int) -> None:
            for c in range(len(x)):
                one = slice(c, c + 1)  # a convolution of one channel
                kernels.conv(x[one], weights[one], bias, shift, fmt.min, fmt.max, out[one], first, last)

        share(rows, x.shape[1])
        return out

    def _add_clip(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array:
        lms, residual = inputs
        fmt = self.model.tensors[node.output].format
        out = np.empty(lms.shape, narrowest(fmt))
        share(lambda first, last: kernels.add_clip(lms, residual, fmt.max, out, first, last), lms.shape[1])
        return out

    def _concat(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array:
        return np.concatenate(inputs)

    def _pool(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array | None:
        return resampling_steps.pool(inputs[0], share)

    def _up(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array | None:
        return resampling_steps.up(inputs[0], share)

    def _add(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array | None:
        return resampling_steps.add(inputs[0], inputs[1], self.model.tensors[node.output].format, share)

    def _inverse_haar(
        self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share
    ) -> Array | None:
        fmt = self.model.tensors[node.output].format
        return resampling_steps.inverse_haar(inputs, node.attributes["shift"], fmt, share)

    def _norm(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array | None:
        constants = np.stack([self.model.constant(node, key) for key in _NORM]).astype(np.int64)
        return channel_steps.norm(inputs[0], inputs[1], constants, self.model.tensors[node.output].format, share)

    def _affine(self, node: Node, inputs: list[Array], scene: Mapping[str, Integers], share: Share) -> Array | None:
        constants = np.asarray(scene[node.scene[0]], dtype=np.int64)
        return channel_steps.affine(inputs[0], constants, self.model.tensors[node.output].format, share)


def _pack_weights(weights: Array) -> Array:
    """``(O, I, 3, 3)`` of +1 and -1 as ``(O, ceil(I / 8), 9)`` bytes, input channel 0 in bit 0."""
    bits = np.packbits(weights.transpose(0, 2, 3, 1) > 0, axis=3, bitorder="little")
    return np.ascontiguousarray(bits.transpose(0, 3, 1, 2).reshape(len(bits), -1, 9))
