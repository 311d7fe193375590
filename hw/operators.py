"""Importing this module registers all our operators with FINN."""

from bitpan.hw.interpolation import Interpolator
from bitpan.hw.mvu import QuantMVU, XnorMVU
from bitpan.hw.operator import Operator, Stream
from bitpan.hw.pointwise import AddClip, Centre, RPReLU, SignThreshold
from bitpan.hw.resampling import AveragePool, BilinearUp, Haar, InverseHaar
from bitpan.hw.routing import ConcatStreams, DuplicateStreams_rtl, StreamFifo, WidthConverter

__all__ = [
    "AddClip",
    "AveragePool",
    "BilinearUp",
    "Centre",
    "ConcatStreams",
    "DuplicateStreams_rtl",
    "Haar",
    "Interpolator",
    "InverseHaar",
    "Operator",
    "QuantMVU",
    "RPReLU",
    "SignThreshold",
    "Stream",
    "StreamFifo",
    "WidthConverter",
    "XnorMVU",
]
