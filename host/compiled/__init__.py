"""What Numba compiles: kernels on rows of images, and the machine code that is kept of them.

All but :mod:`.machine_code` and :mod:`.layout` import Numba. Whoever calls a kernel names it, and does not import it:
what is compiled already is loaded without Numba.

NumPy's promotion makes 64-bit integers of almost everything, which would halve or quarter the width of the vector
instructions. So the hot kernels cast each result back (``i16``, ``i32``), or work on :mod:`.lanes`, vectors by name;
they are called only where these widths suffice.
"""
