"""The machine code of kernels: compiled once for each combination of types, kept, and loaded without Numba.

To import Numba, and what it loads of its own before its first function runs, takes as long as fusing a small scene and
more memory than a large one's tiles. So a kernel is compiled into an object file with one entry, which takes all of
the arguments as 64-bit words one behind the other: of an array what Numba has of it. LLVM, by llvmlite, links it into
the process.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.util
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import binding

from bitpan import arithmetic, formats, radiometry
from bitpan.cache import own_folder
from bitpan.camera import consistency
from bitpan.files import cached
from bitpan.host.compiled.layout import FEATURES, PROCESSOR

if importlib.util.find_spec("numba") is None:
    raise ModuleNotFoundError("kernels want Numba to compile them", name="numba")

ENTRY = "entry"
"""The name that an object file's entry has: ``int32 entry(int64 *words)``, not 0 where there is no memory."""

BORROWED = (arithmetic, formats, radiometry, consistency)
"""Modules elsewhere of which constants are compiled in."""

_SUM_BYTES = 32
"""Of the digest before the code in its file."""

_lock = threading.RLock()
_linked: list[Any] = []
"""What holds the code that is loaded."""


@functools.cache
def code_folder() -> Path:
    """Where the machine code of these sources is kept: in ``$NUMBA_CACHE_DIR``, beside them, or in the user's cache.

    The folder is named after all that decides what the code is.

    Raises:
        CacheError: others may write in the user's cache.
    """
    sources = Path(__file__).parent
    files = [*sorted(sources.glob("*.py")), *(Path(str(module.__file__)) for module in BORROWED)]
    tools = [f"{name} {version(name)}" for name in ("numba", "llvmlite", "numpy")]
    name = named(files, [*tools, PROCESSOR, *FEATURES])
    if asked := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(asked) / name
    return (sources / "__pycache__" if os.access(sources, os.W_OK) else own_folder("kernels")) / name


def named(files: Iterable[Path], others: Sequence[str]) -> str:
    """A name that changes with the content of each of the files, and with the others."""
    contents = [file.read_bytes() for file in files]
    whole = hashlib.sha256(bytes(1).join([*contents, *(other.encode() for other in others)]))
    return f"bitpan-{whole.hexdigest()[:16]}"


class Bound:
    """A kernel with its arguments; a thread at a time may call it.

    Whoever does may give others in place of the last ones, if those are integers.
    """

    def __init__(self, name: str, entry: Callable[[int], int], arguments: Sequence[Any]) -> None:
        self._name, self._entry = name, entry
        self._arguments = arguments  # of which the words have the places alone
        self._words = np.array([word for argument in arguments for word in _words(argument)], np.int64)
        self._place = self._words.ctypes.data

    @property
    def address(self) -> tuple[int, int, int]:
        """Where its entry is, where its words are, and which of these is the last, see :func:`.bands.in_bands`."""
        return ctypes.cast(self._entry, ctypes.c_void_p).value or 0, self._place, len(self._words) - 1  # type: ignore[arg-type]

    def __call__(self, *last: int) -> None:
        """Run it."""
        if last:
            self._words[-len(last) :] = last
        if self._entry(self._place):
            raise MemoryError(f"no memory for what {self._name} needs meanwhile")


class Compiled:
    """A compiled function of a module of this folder.

    Called from several threads it runs at once, outside Python's lock.

    Args:
        name: of module and function: ``images.conv``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._entries: dict[str, Callable[[int], int]] = {}

    def __call__(self, *arguments: Any) -> None:  # noqa: ANN401
        """Run it on arrays, integers, tuples of equal types and None."""
        self.bound(*arguments)()

    def bound(self, *arguments: Any) -> Bound:  # noqa: ANN401
        """It with its arguments, to be called often."""
        kinds = ".".join(map(_kind, arguments))
        return Bound(self.name, self._entries.get(kinds) or self._entry(kinds), arguments)

    def _entry(self, kinds: str) -> Callable[[int], int]:
        with _lock:
            if kinds not in self._entries:
                self._entries[kinds] = _linked_in(self._code(kinds))
            return self._entries[kinds]

    def _code(self, kinds: str) -> bytes:
        """The object file, from where it is kept, or compiled now; one that is torn is compiled anew."""
        path = code_folder() / f"{self.name}-{kinds}.o"
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            content = b""
        if content and _sum(content[_SUM_BYTES:]) == content[:_SUM_BYTES]:
            return content[_SUM_BYTES:]
        from bitpan.host.compiled import compiling

        code: bytes = compiling.object_code(self.name, kinds.split("."))
        with cached(path) as new:
            new.write_bytes(_sum(code) + code)
        return code


def _sum(code: bytes) -> bytes:
    return hashlib.sha256(code).digest()


def _kind(argument: Any) -> str:  # noqa: ANN401
    """What :func:`.compiling.type_of` makes a type of."""
    if isinstance(argument, np.ndarray):
        if not argument.dtype.isnative:
            raise TypeError(f"kernels take numbers as this processor has them, not {argument.dtype.str}")
        return f"{argument.dtype.str[1:]}{'C' if argument.flags.c_contiguous else 'A'}{argument.ndim}"
    if isinstance(argument, tuple):
        (kind,) = set(map(_kind, argument))
        return f"{len(argument)}x{kind}"
    return "none" if argument is None else "int"


def _words(argument: Any) -> Sequence[int]:  # noqa: ANN401
    """As Numba's functions take it; an array has no owner and no parent there."""
    if isinstance(argument, np.ndarray):
        return (0, 0, argument.size, argument.itemsize, argument.ctypes.data, *argument.shape, *argument.strides)
    if isinstance(argument, tuple):
        return [word for each in argument for word in _words(each)]
    return (0 if argument is None else int(argument),)


@functools.cache
def _initialised() -> None:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()


def _linked_in(code: bytes) -> Callable[[int], int]:
    """The entry of an object file, which nothing else in the process sees."""
    _initialised()
    machine = binding.Target.from_default_triple().create_target_machine()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _linked.append(engine)
    return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(engine.get_function_address(ENTRY))
