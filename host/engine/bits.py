"""Vectors of bits in compiled kernels; see :mod:`bitpan.host.engine.lanes`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from bitpan.host.engine.lanes import TERNARY, WORDS, Lanes, Untyped, llvm_type, pointer


def _ternary(builder: Untyped, values: Sequence[Untyped], truth: Callable[[int, int, int], int]) -> Untyped:
    """Any function of three bits, where that is one instruction, on 512 bits at once."""
    table, kind = sum(truth(i >> 2 & 1, i >> 1 & 1, i & 1) << i for i in range(8)), values[0].type
    name = "llvm.x86.avx512.pternlog.q.512"
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind] * 3 + [cgutils.int32_t]), name
    )
    return builder.call(function, [*values, cgutils.int32_t(table)])


def _parity(_: Untyped, a: Untyped, b: Untyped, c: Untyped) -> Untyped:
    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        if TERNARY:
            return _ternary(builder, values, lambda x, y, z: x ^ y ^ z)
        return builder.xor(builder.xor(values[0], values[1]), values[2])

    return a(a, b, c), emit


def _majority(_: Untyped, a: Untyped, b: Untyped, c: Untyped) -> Untyped:
    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        x, y, z = values
        if TERNARY:
            return _ternary(builder, values, lambda x, y, z: int(x + y + z > 1))
        return builder.or_(builder.and_(builder.xor(x, y), z), builder.and_(x, y))

    return a(a, b, c), emit


def _write_bytes(_: Untyped, digits: Untyped, out: Untyped) -> Untyped:
    """Eight vectors of digits, the lowest first, as a byte a pixel: of the first bits, then of the second ones.

    The digits of eight neighbours are a matrix of eight by eight bits: it is transposed by swapping its quarters, and
    theirs. Then vector k has the pixels 8 i + k; laid into each other like two halves of a deck of cards, three times,
    they are in order.
    """

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        lanes = Lanes(types.uint64, WORDS)
        kind, size = llvm_type(lanes), 8 * WORDS

        def place(which: int, i: int) -> Untyped:
            at = ir.Constant(ir.IntType(64), i * (WORDS if which == 0 else size))
            return pointer(context, builder, signature.args[which], values[which], at, lanes)

        rows = [builder.load(place(0, i), align=8) for i in range(8)]
        for distance, pattern in ((4, 0x0F), (2, 0x33), (1, 0x55)):
            mask = ir.Constant(kind, [pattern * 0x0101010101010101] * WORDS)
            places = ir.Constant(kind, [distance] * WORDS)
            for low in (i for i in range(8) if not i & distance):
                high = low + distance
                swapped = builder.and_(builder.xor(builder.lshr(rows[low], places), rows[high]), mask)
                rows[high] = builder.xor(rows[high], swapped)
                rows[low] = builder.xor(rows[low], builder.shl(swapped, places))
        rows = [builder.bitcast(row, ir.VectorType(ir.IntType(8), size)) for row in rows]
        for _ in range(3):
            rows = [_laid_together(builder, rows[i // 2], rows[i // 2 + 4], i % 2) for i in range(8)]
        for i, row in enumerate(rows):
            builder.store(builder.bitcast(row, kind), place(1, i), align=1)
        return context.get_dummy_value()

    return types.void(digits, out), emit


def _laid_together(builder: Untyped, a: Untyped, b: Untyped, half: int) -> Untyped:
    """The lanes of both in turn, of their first or second half."""
    half_size = a.type.count // 2
    order = [i + side * a.type.count for i in range(half_size * half, half_size * (half + 1)) for side in (0, 1)]
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(cgutils.int32_t, len(order)), order))


def _truth_of(_: Untyped, bits: Untyped) -> Untyped:
    """The bits of a number, the lowest in the first lane."""
    lanes = Lanes(types.boolean, bits.bitwidth)
    return lanes(bits), lambda context, builder, signature, values: builder.bitcast(values[0], llvm_type(lanes))


def _bits_of(_: Untyped, truth: Untyped) -> Untyped:
    """The other way round."""
    whole = types.Integer.from_bitwidth(truth.count, signed=False)
    return whole(truth), lambda context, builder, signature, values: builder.bitcast(values[0], ir.IntType(truth.count))


parity: Untyped = intrinsic(_parity)
majority: Untyped = intrinsic(_majority)
write_bytes: Untyped = intrinsic(_write_bytes)
truth_of: Untyped = intrinsic(_truth_of)
bits_of: Untyped = intrinsic(_bits_of)
