"""The top for Zynq-7000 without Vivado, as it is simulated: its processor is the twin in ``zynq7_bench.sv``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bitpan.build.deploy import open_tools

BENCH = Path(__file__).with_name("zynq7_bench.sv")
TOP = BENCH.stem


def sources(core: Sequence[Path], folder: Path) -> list[Path]:
    """The core's files and those around it; the top without its empty processor goes into a folder."""
    text = (Path(open_tools.__file__).parent / open_tools.TOP).read_text()
    top, _, empty = text.partition("// The primitive, ")
    assert "module PS7" in empty
    (folder / open_tools.TOP).write_text(top)
    return [*core, folder / open_tools.TOP, BENCH]
