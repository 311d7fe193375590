"""FINN's own units that a build uses, with our facts about them: padding, windows, converters of odd ratios."""

from __future__ import annotations

from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.rtl import convolutioninputgenerator_rtl as window_rtl
from finn.custom_op.fpgadataflow.rtl import fmpadding_rtl, register_custom_op, streamingdatawidthconverter_rtl
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from bitpan.hw.operators.facts import Facts, Index
from bitpan.hw.operators.writer import Writer
from bitpan.model import Node


@register_custom_op
class FMPadding_rtl(Facts, fmpadding_rtl.FMPadding_rtl):  # type: ignore[misc]  # noqa: N801 - FINN's naming
    """Zeros around an image; the next frame's first rows of them go out before any of its input."""

    ties = {  # noqa: RUF012 - its own register port, unused
        f"s_axilite_{name}": bits
        for name, bits in {
            "AWVALID": 1, "AWADDR": 5, "WVALID": 1, "WDATA": 32, "WSTRB": 4,
            "BREADY": 1, "ARVALID": 1, "ARADDR": 5, "RREADY": 1,
        }.items()
    }  # fmt: skip

    def follow(self, graph: ModelWrapper) -> None:
        """The lanes of the window unit behind it."""
        self.set_nodeattr("SIMD", _lanes_behind(self, graph))

    def needs(self) -> Index:
        """No input for the first margins, and for others that before them."""
        _, height, width, folds, _ = self.get_folded_input_shape()
        top, left, bottom, right = self.get_nodeattr("Padding")
        inner = np.full((height + top + bottom, width + left + right, folds), -1)
        inner[top : top + height, left : left + width] = np.arange(height * width * folds).reshape(height, width, folds)
        return np.maximum.accumulate(inner.reshape(-1))


@register_custom_op
class ConvolutionInputGenerator_rtl(Facts, window_rtl.ConvolutionInputGenerator_rtl):  # type: ignore[misc]  # noqa: N801
    """Windows of an image, in pieces of at most a pixel's channels, or whole."""

    delay = 3  # buffer and its registers

    def follow(self, graph: ModelWrapper) -> None:
        """The lanes of the unit that takes the windows; more than a pixel's channels are a whole window."""
        lanes, channels = _lanes_behind(self, graph), self.get_nodeattr("IFMChannels")
        self.set_nodeattr("SIMD", min(lanes, channels))
        self.set_nodeattr("parallel_window", int(lanes > channels))

    def needs(self) -> Index:
        """The pixel of each piece of a window, or a whole window's last one."""
        _, _, width, folds, _ = self.get_folded_input_shape()
        _, rows, columns, pieces, _ = self.get_folded_output_shape()
        kernel, stride = self.get_nodeattr("ConvKernelDim"), self.get_nodeattr("Stride")
        y, x, piece = np.meshgrid(np.arange(rows), np.arange(columns), np.arange(pieces), indexing="ij")
        if self.get_nodeattr("parallel_window"):
            ky, kx, fold = kernel[0] - 1, kernel[1] - 1, piece
        elif self.get_nodeattr("depthwise"):
            fold, ky, kx = np.unravel_index(piece, (folds, *kernel))
        else:
            ky, kx, fold = np.unravel_index(piece, (*kernel, folds))
        last = ((y * stride[0] + ky) * width + x * stride[1] + kx) * folds + fold
        return np.maximum.accumulate(last.reshape(-1))

    def clocks(self) -> int:
        """FINN's own count includes the first window's filling."""
        return max(self.beats_in(), self.beats_out())

    def lead(self) -> float:
        """Lines above the first window's last pixel, and the pixels before it."""
        height, width = self.get_nodeattr("OFMDim")
        return float(self.get_nodeattr("ConvKernelDim")[0] // 2 * (width + 1) / (height * width))


@register_custom_op
class StreamingDataWidthConverter_rtl(Facts, streamingdatawidthconverter_rtl.StreamingDataWidthConverter_rtl):  # type: ignore[misc]  # noqa: N801
    """Narrow beats to wide ones or wide to narrow, in any ratio."""


def _lanes_behind(unit: Facts, graph: ModelWrapper) -> int:
    consumer = getCustomOp(graph.find_consumers(unit.onnx_node.output[0])[0])
    return int(consumer.get_folded_input_shape(0)[-1])


def windows(writer: Writer, node: Node, kernel: int, depthwise: bool = False) -> str:
    """Write the padding with 0 and the windows of a node's image; returns their tensor, the image itself for 1 x 1."""
    image = node.inputs[0]
    if kernel == 1:
        return image
    _, height, width, channels = writer.shape(image)
    around, inside = [height + kernel - 1, width + kernel - 1], [height, width]
    sizes: dict[str, Any] = {"ImgDim": inside, "Padding": [kernel // 2] * 4, "NumChannels": channels, "SIMD": channels}
    (padded,) = writer.inner("FMPadding", f"{node.name}_pad", image, (1, *around, channels), sizes)
    sizes = {"IFMChannels": channels, "IFMDim": around, "OFMDim": inside, "SIMD": channels}
    sizes |= {"ConvKernelDim": [kernel] * 2, "Stride": [1, 1], "Dilation": [1, 1], "depthwise": int(depthwise)}
    sizes |= {"outputDataType": writer.datatypes[image], "ram_style": "auto"}
    shape = (1, height, width, kernel**2 * channels)
    (found,) = writer.inner("ConvolutionInputGenerator", f"{node.name}_window", padded, shape, sizes)
    return found
