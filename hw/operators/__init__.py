"""Importing this module registers all our operators with FINN."""

from bitpan.hw.operators.base import Operator, Stream
from bitpan.hw.operators.channels import ChannelAffine, ChannelNorm
from bitpan.hw.operators.interpolation import Interpolator
from bitpan.hw.operators.mvu import QuantMVU, XnorMVU
from bitpan.hw.operators.pointwise import Add, AddClip, Centre, Requantise, RPReLU, RPReLUPlain, SignThreshold
from bitpan.hw.operators.resampling import AveragePool, BilinearUp, Haar, InverseHaar
from bitpan.hw.operators.routing import ConcatStreams, DuplicateStreams_rtl, SplitStreams, StreamFifo, WidthConverter

__all__ = [
    "Add",
    "AddClip",
    "AveragePool",
    "BilinearUp",
    "Centre",
    "ChannelAffine",
    "ChannelNorm",
    "ConcatStreams",
    "DuplicateStreams_rtl",
    "Haar",
    "Interpolator",
    "InverseHaar",
    "Operator",
    "QuantMVU",
    "RPReLU",
    "RPReLUPlain",
    "Requantise",
    "SignThreshold",
    "SplitStreams",
    "Stream",
    "StreamFifo",
    "WidthConverter",
    "XnorMVU",
]
