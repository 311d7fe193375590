"""Fixed-point formats: how the integers on an edge of the network are to be read."""

from __future__ import annotations

from dataclasses import dataclass

from bitpan.errors import FormatError


@dataclass(frozen=True)
class Format:
    """An integer grid: the integer ``v`` stands for ``v * 2**-fraction``.

    Attributes:
        bits: width in hardware, sign bit included, 1 to 48.
        fraction: fraction bits, -64 to 64; may exceed ``bits``.
        signed: two's complement if true, else natural binary.
    """

    bits: int
    fraction: int = 0
    signed: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.bits, int) or not 1 <= self.bits <= 48:
            raise FormatError(f"a format has 1 to 48 bits, not {self.bits!r}")
        if not isinstance(self.fraction, int) or not -64 <= self.fraction <= 64:
            raise FormatError(f"a format has -64 to 64 fraction bits, not {self.fraction!r}")

    @property
    def min(self) -> int:
        """Smallest integer of the grid."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def max(self) -> int:
        """Largest integer of the grid."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @property
    def datatype(self) -> str:
        """QONNX's name of its integers: INT10, UINT11."""
        return f"{'INT' if self.signed else 'UINT'}{self.bits}"

    @property
    def step(self) -> float:
        """Value of one integer step."""
        return 2.0**-self.fraction
