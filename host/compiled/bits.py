"""Vectors of bits in compiled kernels; see :mod:`bitpan.host.compiled.lanes`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from bitpan.host.compiled.lanes import Lanes, Untyped, llvm_type, pointer, taken
from bitpan.host.compiled.layout import GALOIS, TERNARY, WORDS


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

    The digits of eight neighbours are a matrix of eight by eight bits, which is transposed; before or after that the
    vectors are laid into each other, byte by byte.
    """

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        lanes, rows = digits.dtype, [builder.extract_value(values[0], i) for i in range(8)]
        if GALOIS:
            rows = [_transposed(builder, row) for row in _laid_into_each_other(builder, rows[::-1])]
        else:
            rows = _laid_into_each_other(builder, _transposed_across(builder, rows))
        for i, row in enumerate(rows):
            at = ir.Constant(ir.IntType(64), i * row.type.count)
            place = pointer(context, builder, out, values[1], at, lanes)
            builder.store(builder.bitcast(row, llvm_type(lanes)), place, align=1)
        return context.get_dummy_value()

    return types.void(digits, out), emit


def _transposed(builder: Untyped, row: Untyped) -> Untyped:
    """The digits of eight pixels, the highest first, as a byte a pixel: their product with the unit matrix's rows."""
    name, kind = f"llvm.x86.vgf2p8affineqb.{8 * row.type.count}", row.type
    byte = ir.IntType(8)
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind, kind, byte]), name)
    unit = ir.Constant(kind, [1 << i % 8 for i in range(kind.count)])
    return builder.call(function, [unit, row, byte(0)])


def _transposed_across(builder: Untyped, rows: list[Untyped]) -> list[Untyped]:
    """Of eight vectors, the bits that have the same place in eight bytes' columns: quarters are swapped, and theirs."""
    kind = rows[0].type
    for distance, pattern in ((4, 0x0F), (2, 0x33), (1, 0x55)):
        mask = ir.Constant(kind, [pattern * 0x0101010101010101] * WORDS)
        places = ir.Constant(kind, [distance] * WORDS)
        for low in (i for i in range(8) if not i & distance):
            high = low + distance
            swapped = builder.and_(builder.xor(builder.lshr(rows[low], places), rows[high]), mask)
            rows[high] = builder.xor(rows[high], swapped)
            rows[low] = builder.xor(rows[low], builder.shl(swapped, places))
    return rows


def _laid_into_each_other(builder: Untyped, rows: list[Untyped]) -> list[Untyped]:
    """Eight vectors as bytes: the first of each, the second of each, and so on.

    Processors lay bytes together within sixteen of them; so those that meet there are first brought there, in pairs.
    """
    size, parts = 8 * WORDS, WORDS // 2
    pairs = [parts * i + part for part in range(parts) for i in range(8)]
    in_turn = [16 * part + i + side * size for part in range(parts) for i in range(8) for side in (0, 1)]
    for i, row in enumerate(rows):
        words = builder.bitcast(row, ir.VectorType(ir.IntType(16), size // 2))
        rows[i] = builder.bitcast(taken(builder, words, words, pairs), ir.VectorType(ir.IntType(8), size))
    for _ in range(3):
        halves = [[place + half for place in in_turn] for half in (0, 8)]
        rows = [taken(builder, rows[i // 2], rows[i // 2 + 4], halves[i % 2]) for i in range(8)]
    return rows


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
