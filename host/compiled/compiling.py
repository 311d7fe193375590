"""How kernels are compiled by Numba, and an instruction that Python has no operator for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from bitpan.host.compiled.machine_code import ENTRY

C_LIBRARY = frozenset({"malloc", "free", "memset", "memcpy", "memmove"})
"""Functions of every process."""

_types: Any = types  # whose annotations fit no array of a type that is known at run time alone

Function = TypeVar("Function", bound=Callable[..., Any])

u8, u16, u32, u64, i16, i32, i64 = np.uint8, np.uint16, np.uint32, np.uint64, np.int16, np.int32, np.int64


def compiled(function: Function) -> Function:
    """A kernel, or a part of kernels that they call; nothing looks at bounds."""
    decorator: Any = numba.njit(nogil=True, boundscheck=False)
    return cast(Function, decorator(function))


def inlined(function: Function) -> Function:
    """A part of kernels, at each of its calls."""
    decorator: Any = numba.njit(forceinline=True, boundscheck=False)
    return cast(Function, decorator(function))


def _shift_right(context: Any, value: Any, places: Any) -> Any:  # noqa: ANN401
    return value(value, places), lambda _, builder, signature, arguments: builder.ashr(*arguments)


shift_right: Any = intrinsic(_shift_right)  # in the operands' width, where Python's operator makes 64 bits of them


def type_of(kind: str) -> Any:  # noqa: ANN401
    """Numba's type of a kind of argument: ``int``, ``none``, ``i2C3`` (int16, C order, three axes), ``4xu2C1``."""
    count, _, each = kind.rpartition("x")
    if count:
        return _types.UniTuple(type_of(each), int(count))
    if kind in ("int", "none"):
        return types.int64 if kind == "int" else types.none
    return _types.Array(from_dtype(np.dtype(kind[:2])), int(kind[3:]), kind[2])


@global_compiler_lock  # type: ignore[untyped-decorator]
def object_code(name: str, kinds: Sequence[str]) -> bytes:
    """An object file of a kernel for arguments of these kinds, with the entry of :mod:`.machine_code`."""
    module, function = name.split(".")
    signature = tuple(map(type_of, kinds))
    kernel: Any = getattr(importlib.import_module(f"bitpan.host.compiled.{module}"), function)
    kernel.compile(signature)
    found = kernel.overloads[signature]
    library = found.target_context.codegen().create_library(name)
    library.enable_object_caching()
    library.add_linking_library(found.library)
    program = library.create_ir_module(name)
    _add_entry(program, found.target_context.call_conv, found.fndesc)
    _add_memory(program)
    library.add_ir_module(program)
    library.finalize()
    _require_complete(name, library._final_module)
    return bytes(library._get_compiled_object())


def _require_complete(name: str, program: Any) -> None:  # noqa: ANN401
    """Raise an error where code needs what a process without Numba does not have, which would end it."""
    wanted = {each.name for each in (*program.functions, *program.global_variables) if each.is_declaration}
    if missing := sorted(each for each in wanted - C_LIBRARY if not each.startswith("llvm.")):
        raise NotImplementedError(f"kernel {name} calls {', '.join(missing)}: it unpacks an array, or raises an error")


def _add_entry(program: ir.Module, convention: Any, called: Any) -> None:  # noqa: ANN401
    """A function that calls another with the words that it is given, and returns its status."""
    word, status = ir.IntType(64), ir.IntType(32)
    kind = convention.get_function_type(called.restype, called.argtypes)
    entry = ir.Function(program, ir.FunctionType(status, [word.as_pointer()]), ENTRY)
    builder = ir.IRBuilder(entry.append_basic_block())
    arguments = [cgutils.alloca_once(builder, place.pointee) for place in kind.args[:2]]  # of result and exception
    for i, wanted in enumerate(kind.args[2:]):
        value = builder.load(builder.gep(entry.args[0], [word(i)]))
        arguments.append(builder.inttoptr(value, wanted) if isinstance(wanted, ir.PointerType) else value)
    function = cgutils.get_or_insert_function(program, kind, called.llvm_func_name)
    builder.ret(builder.call(function, arguments))


def _add_memory(program: ir.Module) -> None:
    """What Numba's own run time does for arrays that a function makes: their memory, behind an owner of six words.

    These are references, destructor, what it is told, place, size and allocator.
    """
    word, places = ir.IntType(64), ir.IntType(8).as_pointer()
    malloc = cgutils.get_or_insert_function(program, ir.FunctionType(places, [word]), "malloc")
    kind = ir.FunctionType(places, [word, ir.IntType(32)])
    make = cgutils.get_or_insert_function(program, kind, "NRT_MemInfo_alloc_aligned")
    builder = ir.IRBuilder(make.append_basic_block())
    size, align = make.args[0], builder.zext(make.args[1], word)
    owner = builder.call(malloc, [builder.add(builder.add(size, align), word(6 * 8))])
    with builder.if_then(builder.icmp_unsigned("!=", owner, places(None))):
        behind = builder.add(builder.ptrtoint(owner, word), builder.add(align, word(6 * 8 - 1)))
        place = builder.and_(behind, builder.neg(align))
        for i, value in enumerate([word(1), word(0), word(0), place, size, word(0)]):
            builder.store(value, builder.gep(builder.bitcast(owner, word.as_pointer()), [word(i)]))
    builder.ret(owner)
    free = cgutils.get_or_insert_function(program, ir.FunctionType(ir.VoidType(), [places]), "free")
    end = cgutils.get_or_insert_function(program, ir.FunctionType(ir.VoidType(), [places]), "NRT_MemInfo_call_dtor")
    builder = ir.IRBuilder(end.append_basic_block())
    builder.call(free, end.args)
    builder.ret_void()
