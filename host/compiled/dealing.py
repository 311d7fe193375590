"""An image's interleaved bands dealt out, a plane a band, at the pace of a copy."""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from bitpan.host.compiled.compiling import compiled
from bitpan.host.compiled.lanes import Lanes, Untyped, pointer
from bitpan.host.compiled.layout import PIXELS


def _deal_pixels(_: Untyped, image: Untyped, at: Untyped, planes: Untyped, place: Untyped) -> Untyped:
    """As many pixels as a vector has numbers, from an index of the image to one of each plane.

    All of them are loaded at once; a plane's are every ``len(planes)``-th number, for which processors have shuffles,
    or instructions of their own (NEON's ``ld4``).
    """
    count = planes.count
    whole, lanes = Lanes(image.dtype, count * PIXELS), Lanes(image.dtype, PIXELS)

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        align = image.dtype.bitwidth // 8
        found = builder.load(pointer(context, builder, signature.args[0], values[0], values[1], whole), align=align)
        for band in range(count):
            every = ir.VectorType(cgutils.int32_t, PIXELS)([band + count * i for i in range(PIXELS)])
            plane = builder.extract_value(values[2], band)
            target = pointer(context, builder, signature.args[2].dtype, plane, values[3], lanes)
            builder.store(builder.shuffle_vector(found, found, every), target, align=align)
        return context.get_dummy_value()

    return types.void(image, types.uintp, planes, types.uintp), emit


deal_pixels: Untyped = intrinsic(_deal_pixels)


@compiled
def deal(image: Untyped, planes: Untyped) -> None:
    """``image (N * B,)``, a pixel's bands side by side, into B planes ``(N,)`` of its type, a tuple; all contiguous."""
    bands, size = len(planes), planes[0].size
    whole = size - size % PIXELS
    for first in range(0, whole, PIXELS):
        deal_pixels(image, bands * first, planes, first)
    for band in range(bands):
        for i in range(whole, size):
            planes[band][i] = image[bands * i + band]
