#!/usr/bin/env bash
# Numba 0.68.1, NumPy 2.4.6: a slice assigned to a slice brings Unicode strings into a kernel's machine code.
#
# Expected: `a[i:j] = b[k:l]` of two arrays of one axis compiles to a comparison of two lengths and a copy, much as the loop
# that copies element by element.
# Seen: the message of the error for different lengths is put together in the kernel: digits, strings of Numba's
# own with reference counts and hashes, CPython's tuples and Unicode objects. The optimised function calls eight functions
# and more that only a process with Python and Numba's run time has, where the loop calls none, and has more than five
# times as many instructions. Whoever links Numba's object code elsewhere cannot, and nothing says so before it is called.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet numba==0.68.1 numpy==2.4.6
cat >"$work/slices.py" <<'PYTHON'
import re
import sys

import numba
import numpy as np
from numba import types


@numba.njit(no_cpython_wrapper=True)
def by_slices(target, source, at, count):
    target[at : at + count] = source[:count]


@numba.njit(no_cpython_wrapper=True)
def by_loop(target, source, at, count):
    for i in range(count):
        target[at + i] = source[i]


array = types.Array(types.uint32, 1, "C")
found = {}
for kernel in (by_slices, by_loop):
    a, b = np.zeros(8, np.uint32), np.arange(8, dtype=np.uint32)
    signature = (array, array, types.int64, types.int64)
    kernel.compile(signature)
    program = kernel.overloads[signature].library.get_llvm_str()
    called = set(re.findall(r"call [^@\n]*@(NRT_\w+|Py\w+)\(", program)) - {"NRT_MemInfo_call_dtor"}
    own = program[program.index("define") :]
    found[kernel.__name__] = called, len(re.findall(r"^  ", own, re.M))
    print(f"{kernel.__name__}: {found[kernel.__name__][1]} instructions, calls {', '.join(sorted(called)) or 'nothing'}")
(slices, many), (loop, few) = found["by_slices"], found["by_loop"]
sys.exit(0 if {"NRT_Allocate", "PyUnicode_FromKindAndData"} < slices and len(slices) >= 8 and not loop and many > 5 * few else 1)
PYTHON
"$work/venv/bin/python" "$work/slices.py" || {
    echo "a slice is copied without strings now: this finding is over"
    exit 1
}
echo "as found: a slice assigned to a slice builds the message of its error in machine code"
