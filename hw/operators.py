"""Importing this module registers all our operators with FINN."""

from bitpan.hw.interpolation import Interpolator
from bitpan.hw.mvu import QuantMVU, XnorMVU
from bitpan.hw.operator import Operator, Stream
from bitpan.hw.pointwise import AddClip, Centre, RPReLU, SignThreshold
from bitpan.hw.routing import ConcatStreams, DuplicateStreams_rtl, StreamFifo, WidthConverter

__all__ = [
    "AddClip",
    "Centre",
    "ConcatStreams",
    "DuplicateStreams_rtl",
    "Interpolator",
    "Operator",
    "QuantMVU",
    "RPReLU",
    "SignThreshold",
    "Stream",
    "StreamFifo",
    "WidthConverter",
    "XnorMVU",
]
