"""Sums and products of numbers of 16 bits in compiled kernels, two by two where processors multiply so.

Pairs are the halves of numbers of 32 bits; see :mod:`bitpan.host.compiled.lanes`.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from bitpan.host.compiled.lanes import Lanes, Untyped, as_lanes, llvm_type, taken
from bitpan.host.compiled.layout import FEATURES

MULTIPLIER = (
    ("llvm.x86.avx512.pmaddw.d.512", 16)
    if "+avx512bw" in FEATURES
    else ("llvm.x86.avx2.pmadd.wd", 8)
    if "+avx2" in FEATURES
    else None
)
"""The instruction that multiplies halves of numbers and adds two products each, and how many sums it gives."""

NARROWING = (
    ("llvm.x86.avx512.packssdw.512", 16)
    if "+avx512bw" in FEATURES
    else ("llvm.x86.avx2.packssdw", 8)
    if "+avx2" in FEATURES
    else None
)
"""The instruction that saturates two vectors of 32-bit numbers to 16 bits, and how many a vector has."""


def _add_products(_: Untyped, sums: Untyped, pairs: Untyped, weights: Untyped) -> Untyped:
    """Add to 32-bit sums the products of numbers' 16-bit halves with those of the weights, which may be one number."""

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        total, a, b = values[0], values[1], as_lanes(context, builder, values[2], signature.args[2], sums)
        if not MULTIPLIER:
            places = ir.Constant(a.type, [16] * sums.count)
            halves = [[builder.ashr(builder.shl(v, places), places), builder.ashr(v, places)] for v in (a, b)]
            for one, other in zip(*halves, strict=True):
                total = builder.add(total, builder.mul(one, other))
            return total
        name, size = MULTIPLIER
        narrow, wide = ir.VectorType(ir.IntType(16), 2 * size), ir.VectorType(cgutils.int32_t, size)
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(wide, [narrow, narrow]), name)
        parts = []
        for begin in range(0, sums.count, size):
            pair = (builder.bitcast(taken(builder, v, v, range(begin, begin + size)), narrow) for v in (a, b))
            parts.append(builder.call(function, list(pair)))
        return builder.add(total, _one_behind_the_other(builder, parts))

    return sums(sums, pairs, weights), emit


def _high_product(_: Untyped, a: Untyped, b: Untyped) -> Untyped:
    """The upper half of each product, rounded down; two lanes of signed numbers."""

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        bits = a.dtype.bitwidth
        wide = ir.VectorType(ir.IntType(2 * bits), a.count)
        product = builder.mul(*(builder.sext(value, wide) for value in values))
        return builder.trunc(builder.ashr(product, ir.Constant(wide, [bits] * a.count)), llvm_type(a))

    return a(a, b), emit


def _laid_apart(count: int) -> list[int]:
    """Where numbers lie that processors lay together in eights: of each eight the first four, then the others."""
    return [eight + i + half for half in (0, 4) for eight in range(0, count, 8) for i in range(4)]


def _paired(_: Untyped, a: Untyped, b: Untyped) -> Untyped:
    """Each number of 16 bits and another, or always the same, as the halves of one of 32 bits, laid apart."""
    lanes = Lanes(types.int32, a.count)

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        both = values[0], as_lanes(context, builder, values[1], signature.args[1], a)
        order = [i + side * a.count for i in _laid_apart(a.count) for side in (0, 1)]
        return builder.bitcast(taken(builder, *both, order), llvm_type(lanes))

    return lanes(a, b), emit


def _in_order(_: Untyped, laid: Untyped) -> Untyped:
    """Numbers that were laid apart, in order."""
    apart = _laid_apart(laid.count)
    order = [apart.index(i) for i in range(laid.count)]
    return laid(laid), lambda context, builder, signature, values: taken(builder, values[0], values[0], order)


def _narrowed(_: Untyped, laid: Untyped) -> Untyped:
    """Numbers of 32 bits that were laid apart as 16 bits in order, saturated."""
    lanes = Lanes(types.int16, laid.count)

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        if not NARROWING:
            low, high = (ir.Constant(values[0].type, [end] * laid.count) for end in (-(1 << 15), (1 << 15) - 1))
            v = builder.select(builder.icmp_signed("<", values[0], low), low, values[0])
            v = builder.trunc(builder.select(builder.icmp_signed(">", v, high), high, v), llvm_type(lanes))
            apart = _laid_apart(laid.count)
            return taken(builder, v, v, [apart.index(i) for i in range(laid.count)])
        name, size = NARROWING
        kind = ir.VectorType(cgutils.int32_t, size)
        narrow = ir.FunctionType(ir.VectorType(ir.IntType(16), 2 * size), [kind, kind])
        function = cgutils.get_or_insert_function(builder.module, narrow, name)
        parts = []
        for begin in range(0, laid.count // 2, size):
            low, high = (
                taken(builder, values[0], values[0], range(at, at + size)) for at in (begin, begin + laid.count // 2)
            )
            parts.append(builder.call(function, [low, high]))
        return _one_behind_the_other(builder, parts)

    return lanes(laid), emit


def _one_behind_the_other(builder: Untyped, parts: list[Untyped]) -> Untyped:
    while len(parts) > 1:
        order = range(2 * parts[0].type.count)
        parts = [taken(builder, *two, order) for two in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _with_saturation(_: Untyped, a: Untyped, b: Untyped) -> Untyped:
    """The sum of two lanes of signed numbers, which stays in their type's range."""

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        kind = llvm_type(a)
        name = f"llvm.sadd.sat.v{a.count}i{a.dtype.bitwidth}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind, kind]), name)
        return builder.call(function, values)

    return a(a, b), emit


add_products: Untyped = intrinsic(_add_products)
high_product: Untyped = intrinsic(_high_product)
paired: Untyped = intrinsic(_paired)
in_order: Untyped = intrinsic(_in_order)
narrowed: Untyped = intrinsic(_narrowed)
with_saturation: Untyped = intrinsic(_with_saturation)
