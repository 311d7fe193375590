"""Vectors in compiled kernels: what a processor does to many numbers at once, said once for every processor.

A :class:`Lanes` is a value of a compiled function, as an integer is: it has ``+``, ``*``, ``&`` and comparisons, and
lives in vector registers. LLVM makes the instructions of AVX-512, AVX2 or NEON of them; where a vector is longer than
a register, it takes several. Nothing here looks at an array's bounds.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel.models import PrimitiveModel
from numba.extending import intrinsic, overload, register_model

from bitpan.host.compiled.layout import PIXELS, SUMS, WORDS

Vector: TypeAlias = Any
"""Lanes, in the annotations of compiled functions."""

Untyped: TypeAlias = Any
"""What Numba and llvmlite have: their types and instructions are not annotated."""


class Lanes(types.Type):
    """``count`` numbers of a type, or truth values."""

    def __init__(self, dtype: Untyped, count: int) -> None:
        self.dtype, self.count = dtype, count
        super().__init__(name=f"Lanes({dtype}, {count})")


def _element(dtype: Untyped) -> ir.Type:
    return ir.IntType(1 if isinstance(dtype, types.Boolean) else dtype.bitwidth)


def llvm_type(lanes: Lanes) -> ir.VectorType:
    """LLVM's type of such lanes."""
    return ir.VectorType(_element(lanes.dtype), lanes.count)


@register_model(Lanes)
class _Model(PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Untyped, lanes: Lanes) -> None:
        super().__init__(manager, lanes, llvm_type(lanes))


def _scattered(builder: Untyped, value: Untyped, count: int) -> Untyped:
    """A number in every lane."""
    kind = ir.VectorType(value.type, count)
    alone = builder.insert_element(ir.Constant(kind, ir.Undefined), value, cgutils.int32_t(0))
    return builder.shuffle_vector(alone, alone, ir.Constant(ir.VectorType(cgutils.int32_t, count), [0] * count))


def as_lanes(context: Untyped, builder: Untyped, value: Untyped, given: types.Type, wanted: Lanes) -> Untyped:
    """Lanes as they are, a number in each of them."""
    if isinstance(given, Lanes):
        return value
    return _scattered(builder, context.cast(builder, value, given, wanted.dtype), wanted.count)


def pointer(
    context: Untyped, builder: Untyped, kind: types.Array, array: Untyped, at: Untyped, lanes: Lanes
) -> Untyped:
    """Where lanes begin in an array, as LLVM has it."""
    data = context.make_array(kind)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [at]), llvm_type(lanes).as_pointer())


def _loader(count: int) -> Untyped:
    """``load(array, at)``: so many numbers of a contiguous array, of one axis, from that index."""

    def load(_: Untyped, array: Untyped, at: Untyped) -> Untyped:
        lanes = Lanes(array.dtype, count)

        def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
            place = pointer(context, builder, signature.args[0], values[0], values[1], lanes)
            return builder.load(place, align=array.dtype.bitwidth // 8)

        return lanes(array, types.uintp), emit

    return intrinsic(load)


def _store(_: Untyped, array: Untyped, at: Untyped, lanes: Untyped) -> Untyped:
    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        place = pointer(context, builder, signature.args[0], values[0], values[1], lanes)
        builder.store(values[2], place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    if array.dtype != lanes.dtype:
        raise numba.TypingError(f"{lanes} do not fit {array}")
    return types.void(array, types.uintp, lanes), emit


def _first(builder: Untyped, count: Untyped, lanes: Lanes) -> Untyped:
    """Truth in so many lanes."""
    order = ir.Constant(ir.VectorType(count.type, lanes.count), list(range(lanes.count)))
    return builder.icmp_signed("<", order, _scattered(builder, count, lanes.count))


def _masked(builder: Untyped, name: str, result: ir.Type, values: Sequence[Untyped], lanes: Lanes) -> Untyped:
    """LLVM's masked load or store: one instruction, or a branch for each lane."""
    kind = ir.FunctionType(result, [value.type for value in values])
    size = f"v{lanes.count}i{lanes.dtype.bitwidth}"
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.{name}.{size}.p0{size}")
    return builder.call(function, values)


def _pixels_within(_: Untyped, array: Untyped, at: Untyped, begin: Untyped, end: Untyped) -> Untyped:
    """Pixels from an index on: lane ``begin`` to the one before ``end``, as far as a vector goes; others are 0."""
    lanes, align = Lanes(array.dtype, PIXELS), array.dtype.bitwidth // 8

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        (_, _, begin, end), nothing = values, llvm_type(lanes)(None)
        place = pointer(context, builder, signature.args[0], values[0], values[1], lanes)
        whole = builder.and_(
            builder.icmp_signed("<=", begin, begin.type(0)), builder.icmp_signed(">=", end, end.type(PIXELS))
        )
        with builder.if_else(whole) as (all_of_them, some):
            with all_of_them:
                every, first = builder.load(place, align=align), builder.block
            with some:
                mask = builder.and_(_first(builder, end, lanes), builder.not_(_first(builder, begin, lanes)))
                arguments = place, cgutils.int32_t(align), mask, nothing
                part, second = _masked(builder, "load", nothing.type, arguments, lanes), builder.block
        found = builder.phi(nothing.type)
        found.add_incoming(every, first)
        found.add_incoming(part, second)
        return found

    return lanes(array, types.uintp, types.intp, types.intp), emit


def _put_pixels(_: Untyped, lanes: Untyped, array: Untyped, at: Untyped, count: Untyped) -> Untyped:
    """Numbers into ``count`` pixels from an index, or into as many as a vector holds."""
    align = array.dtype.bitwidth // 8

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        place = pointer(context, builder, signature.args[1], values[1], values[2], lanes)
        with builder.if_else(builder.icmp_signed(">=", values[3], values[3].type(lanes.count))) as (all_of_them, some):
            with all_of_them:
                builder.store(values[0], place, align=align)
            with some:
                arguments = values[0], place, cgutils.int32_t(align), _first(builder, values[3], lanes)
                _masked(builder, "store", ir.VoidType(), arguments, lanes)
        return context.get_dummy_value()

    return types.void(lanes, array, types.uintp, types.intp), emit


FOUR = 4


def _put_four(_: Untyped, array: Untyped, at: Untyped, number: Untyped) -> Untyped:
    """A number into four places from an index."""

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        place = pointer(context, builder, signature.args[0], values[0], values[1], Lanes(array.dtype, FOUR))
        builder.store(_scattered(builder, values[2], FOUR), place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.uintp, array.dtype), emit


def _convert(_: Untyped, lanes: Untyped, dtype: Untyped) -> Untyped:
    wanted = Lanes(dtype.dtype, lanes.count)

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        if wanted.dtype.bitwidth == lanes.dtype.bitwidth:
            return values[0]
        widen = builder.sext if lanes.dtype.signed else builder.zext
        method = widen if wanted.dtype.bitwidth > lanes.dtype.bitwidth else builder.trunc
        return method(values[0], llvm_type(wanted))

    return wanted(lanes, dtype), emit


def _operation(name: str, emit: Callable[[Untyped, Untyped, Untyped, Untyped], Untyped], truth: bool = False) -> None:
    """Give an operator to lanes, and to lanes and a number."""

    def binary(_: Untyped, a: Untyped, b: Untyped) -> Untyped:
        lanes = a if isinstance(a, Lanes) else b

        def generate(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
            both = (as_lanes(context, builder, *pair, lanes) for pair in zip(values, signature.args, strict=True))
            return emit(builder, lanes.dtype, *both)

        return (Lanes(types.boolean, lanes.count) if truth else lanes)(a, b), generate

    function = intrinsic(binary)

    # Lambdas: Numba wants the same signature of both, annotations included.
    overload(getattr(operator, name))(lambda a, b: (lambda a, b: function(a, b)) if _of_lanes(a, b) else None)


def _of_lanes(*kinds: types.Type) -> bool:
    """Whether there are lanes, all of a kind, perhaps beside numbers."""
    return len({kind for kind in kinds if isinstance(kind, Lanes)}) == 1


def _instruction(name: str) -> Callable[[Untyped, Untyped, Untyped, Untyped], Untyped]:
    return lambda builder, dtype, a, b: getattr(builder, name)(a, b)


def _comparison(sign: str) -> Callable[[Untyped, Untyped, Untyped, Untyped], Untyped]:
    def emit(builder: Untyped, dtype: Untyped, a: Untyped, b: Untyped) -> Untyped:
        return (builder.icmp_signed if dtype.signed else builder.icmp_unsigned)(sign, a, b)

    return emit


for _name, _emit in {
    "add": _instruction("add"),
    "sub": _instruction("sub"),
    "mul": _instruction("mul"),
    "and_": _instruction("and_"),
    "or_": _instruction("or_"),
    "xor": _instruction("xor"),
    "lshift": _instruction("shl"),
    "rshift": lambda builder, dtype, a, b: (builder.ashr if dtype.signed else builder.lshr)(a, b),
}.items():
    _operation(_name, _emit)
for _name, _sign in {"le": "<=", "ge": ">="}.items():
    _operation(_name, _comparison(_sign), truth=True)


def _invert(_: Untyped, bits: Untyped) -> Untyped:
    return bits(bits), lambda context, builder, signature, values: builder.not_(values[0])


def _zeros(_: Untyped, lanes: Untyped) -> Untyped:
    """Zeros before the first one in each number."""

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        flag = ir.IntType(1)  # whether the result of 0 may be anything
        kind, name = (
            ir.FunctionType(llvm_type(lanes), [llvm_type(lanes), flag]),
            f"v{lanes.count}i{lanes.dtype.bitwidth}",
        )
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.ctlz.{name}")
        return builder.call(function, [values[0], flag(0)])

    return lanes(lanes), emit


def _choose(_: Untyped, truth: Untyped, a: Untyped, b: Untyped) -> Untyped:
    """``a`` where it is true, else ``b``: two numbers of a type, or two lanes."""
    lanes = Lanes(getattr(a, "dtype", a), truth.count)

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        pairs = zip(values[1:], signature.args[1:], strict=True)
        return builder.select(values[0], *(as_lanes(context, builder, *pair, lanes) for pair in pairs))

    return lanes(truth, a, b), emit


def taken(builder: Untyped, a: Untyped, b: Untyped, order: Sequence[int]) -> Untyped:
    """Those lanes of two vectors, one behind the other."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(cgutils.int32_t, len(order)), [*order]))


def _shuffle(order: Callable[[int], Sequence[int]]) -> Untyped:
    """A function of two lanes of ``count`` numbers that takes ``order(count)`` of both, one behind the other."""

    def shuffle(_: Untyped, a: Untyped, b: Untyped) -> Untyped:
        return a(a, b), lambda context, builder, signature, values: taken(builder, values[0], values[1], order(a.count))

    return intrinsic(shuffle)


def _item(_: Untyped, array: Untyped, at: Untyped) -> Untyped:
    """One number; ``array[at]`` would ask whether the index counts from the end."""

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        data = context.make_array(signature.args[0])(context, builder, value=values[0]).data
        return builder.load(builder.gep(data, [values[1]]))

    return array.dtype(array, types.uintp), emit


def _put_item(_: Untyped, array: Untyped, at: Untyped, number: Untyped) -> Untyped:
    """The other way round."""

    def emit(context: Untyped, builder: Untyped, signature: Untyped, values: Untyped) -> Untyped:
        data = context.make_array(signature.args[0])(context, builder, value=values[0]).data
        builder.store(values[2], builder.gep(data, [values[1]]))
        return context.get_dummy_value()

    return types.void(array, types.uintp, array.dtype), emit


load_words: Untyped = _loader(WORDS)
load_pixels: Untyped = _loader(PIXELS)
load_sums: Untyped = _loader(SUMS)
even: Untyped = _shuffle(lambda count: range(0, 2 * count, 2))
odd: Untyped = _shuffle(lambda count: range(1, 2 * count, 2))
in_turn: Untyped = _shuffle(lambda count: [i // 2 + i % 2 * count for i in range(count)])
in_turn_on: Untyped = _shuffle(lambda count: [i // 2 + i % 2 * count for i in range(count, 2 * count)])
item: Untyped = intrinsic(_item)
put_item: Untyped = intrinsic(_put_item)
pixels_within: Untyped = intrinsic(_pixels_within)
put_four: Untyped = intrinsic(_put_four)
put_pixels: Untyped = intrinsic(_put_pixels)
store: Untyped = intrinsic(_store)
convert: Untyped = intrinsic(_convert)
choose: Untyped = intrinsic(_choose)
zeros: Untyped = intrinsic(_zeros)
_inverted: Untyped = intrinsic(_invert)


@numba.njit(forceinline=True)  # type: ignore[untyped-decorator]
def row_of(image: Untyped, y: int, channel: int) -> Untyped:
    """Where a row of a channel begins in an image ``(H, C, W)`` of which the last H rows alone are kept."""
    return (y % image.shape[0] * image.shape[1] + channel) * image.shape[2]


@numba.njit(forceinline=True)  # type: ignore[untyped-decorator]
def pixels_at(array: Untyped, at: int, count: int) -> Vector:
    """``count`` pixels from an index, or as many as a vector holds."""
    return pixels_within(array, at, 0, count)


@numba.njit(forceinline=True)  # type: ignore[untyped-decorator]
def saturated(v: Vector, low: int, high: int) -> Vector:
    """Within both bounds."""
    v = choose(v >= low, v, low)
    return choose(v <= high, v, high)


overload(operator.invert)(lambda bits: (lambda bits: _inverted(bits)) if _of_lanes(bits) else None)
