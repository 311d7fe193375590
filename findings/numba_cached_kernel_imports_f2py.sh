#!/usr/bin/env bash
# Numba 0.68.1 beside SciPy 1.17.1 and NumPy 2.4.6: the first call of a function that lies compiled in Numba's cache
# imports SciPy's linear algebra, and with it numpy.f2py, the generator of Fortran wrappers, whatever the function does.
#
# Expected: a kernel that adds integers is loaded from the cache without modules that it has no use for.
# Seen: Numba's rules for arrays ask SciPy for BLAS as soon as they are loaded; scipy.linalg comes with SciPy's layer for
# array libraries, which asks NumPy for each of its names, and so gets the lazy ones too. That is 60 modules and more, and
# about half of the time from the call to the result. Without SciPy installed none of it happens.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/kernel.py" <<'PYTHON'
import sys
import time

import numba
import numpy as np


@numba.njit(cache=True)
def add_one(values):
    for i in range(values.size):
        values[i] += 1


values, before, began = np.zeros(8, np.int32), set(sys.modules), time.perf_counter()
add_one(values)
took, new = time.perf_counter() - began, set(sys.modules) - before
assert (values == 1).all()
cached = sum(add_one.stats.cache_hits.values())
linear = sum(name.startswith("scipy") for name in new)
fortran = sum(name.startswith("numpy.f2py") for name in new)
print(f"from the cache: {cached}, {took:.2f} s, new modules: {linear} of scipy, {fortran} of numpy.f2py")
sys.exit(0 if cached and (linear > 0) == ("scipy" in sys.argv) and (fortran > 0) == ("scipy" in sys.argv) else 1)
PYTHON
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet numba==0.68.1 numpy==2.4.6
"$work/venv/bin/python" "$work/kernel.py" >/dev/null || true # compiles it
echo -n "without SciPy, "
"$work/venv/bin/python" "$work/kernel.py"
"$work/venv/bin/pip" install --quiet scipy==1.17.1
echo -n "with SciPy,    "
"$work/venv/bin/python" "$work/kernel.py" scipy || {
    echo "a cached function leaves them alone now: this finding is over"
    exit 1
}
echo "as found: loading a cached kernel imports SciPy's linear algebra and numpy.f2py"
