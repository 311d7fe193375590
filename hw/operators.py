"""Importing this module registers all our operators with FINN."""

from bitpan.hw.channels import ChannelAffine, ChannelNorm
from bitpan.hw.interpolation import Interpolator
from bitpan.hw.mvu import QuantMVU, XnorMVU
from bitpan.hw.operator import Operator, Stream
from bitpan.hw.pointwise import Add, AddClip, Centre, Requantise, RPReLU, RPReLUPlain, SignThreshold
from bitpan.hw.resampling import AveragePool, BilinearUp, Haar, InverseHaar
from bitpan.hw.routing import ConcatStreams, DuplicateStreams_rtl, SplitStreams, StreamFifo, WidthConverter

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
