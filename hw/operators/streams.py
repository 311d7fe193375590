"""An AXI stream of an operator, and QONNX's names of its integers."""

from __future__ import annotations

from dataclasses import dataclass

from qonnx.core.datatype import DataType

from bitpan.formats import Format


@dataclass(frozen=True)
class Stream:
    """One AXI stream of an operator: an NHWC image of ``channels``, ``lanes`` elements a beat."""

    height: int
    width: int
    channels: int
    lanes: int
    datatype: str  # QONNX name: INT10, UINT11, BINARY

    @property
    def bits(self) -> int:
        """Bits of an element."""
        return int(DataType[self.datatype].bitwidth())

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the tensor."""
        return (1, self.height, self.width, self.channels)

    @property
    def beats(self) -> int:
        """Beats of a frame."""
        return self.height * self.width * (self.channels // self.lanes)


def number_format(name: str) -> Format:
    """The integer format behind a QONNX datatype."""
    kind = DataType[name]
    return Format(int(kind.bitwidth()), 0, bool(kind.signed()))


def datatype(fmt: Format) -> str:
    """QONNX's name of a format's integers."""
    return f"{'INT' if fmt.signed else 'UINT'}{fmt.bits}"
