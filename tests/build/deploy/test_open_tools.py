"""The way without Vivado: Yosys as it is, the programs behind it as stand-ins. None of them has made a bitstream."""

import json

import onnx
import pytest

from bitpan import cli
from bitpan.build.boards import board
from bitpan.build.deploy import open_tools
from bitpan.errors import BuildError
from bitpan.hw.measure.yosys import executed, script
from bitpan.intake.sums import check_sums, write_sums
from bitpan.package import TOOLS_OWN
from qonnx_writer import write_qonnx


@pytest.fixture
def folder(tmp_path):
    """A package as far as the script looks at it."""
    folder = tmp_path / "package"
    folder.mkdir()
    open_tools.write_flow(folder, board("pynq-z2"))
    write_sums(folder)
    (folder / "open").mkdir()
    (folder / "open/bitpan.json").write_text("{}")
    return folder


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Stand-ins that write what they were called with into their last argument and into a log."""
    path = tmp_path / "bin"
    path.mkdir()
    log = tmp_path / "log"
    for tool in open_tools.TOOLS:
        made = "open/bitpan.fasm" if "nextpnr" in tool else '"$last"'
        text = f'#!/bin/sh\nfor last; do :; done\necho {tool} "$@" >> {log}\necho made > {made}\n'
        (path / tool).write_text(text)
        (path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")
    monkeypatch.setenv(open_tools.DATABASE, "/db")
    return path, log


def test_the_script_runs_to_its_end(folder, programs):
    assert open_tools.available()
    told = []
    open_tools.run(folder, told.append)
    assert told == ["place and route", "bitstream", "checksums"]
    assert (folder / "bitpan.bit").read_text() == "made\n"
    assert folder / "bitpan.bit" in check_sums(folder, "", TOOLS_OWN)
    place, frames, bits = programs[1].read_text().splitlines()
    assert place.startswith("nextpnr-himbaechel --device xc7z020clg400-1 --json open/bitpan.json --freq 100 ")
    assert frames == ("fasm2frames --part xc7z020clg400-1 --db-root /db/zynq7 open/bitpan.fasm open/bitpan.frames")
    assert "--part_file /db/zynq7/xc7z020clg400-1/part.yaml" in bits and bits.endswith("--output_file bitpan.bit")
    open_tools.run(folder, told.append)  # again, over what it left
    check_sums(folder, "", TOOLS_OWN)


@pytest.mark.parametrize("tool", open_tools.TOOLS)
def test_a_program_that_fails_is_told(folder, programs, tool):
    (programs[0] / tool).write_text("#!/bin/sh\necho 'ERROR: no such bel' >&2\nexit 3\n")
    with pytest.raises(BuildError, match=r"open\.sh failed \(exit code 3\): ERROR: no such bel"):
        open_tools.run(folder, lambda what: None)
    assert not (folder / "bitpan.bit").exists()
    (programs[0] / tool).unlink()
    assert not open_tools.available()


def test_what_is_missing_or_changed_stops_it(folder, programs, monkeypatch):
    (folder / "zynq7.v").write_text("module bitpan_zynq7; endmodule\n")
    with pytest.raises(BuildError, match=r"failed .*zynq7\.v|checksum"):
        open_tools.run(folder, lambda what: None)
    (folder / "open/bitpan.json").unlink()
    with pytest.raises(BuildError, match=r"open/bitpan\.json is missing"):
        open_tools.run(folder, lambda what: None)
    monkeypatch.delenv(open_tools.DATABASE)
    assert not open_tools.available()
    with pytest.raises(BuildError, match="say where the folder of prjxray-db is"):
        open_tools.run(folder, lambda what: None)


def test_other_devices_are_refused():
    open_tools.require(board("pynq-z2"))
    with pytest.raises(BuildError, match="zcu104 is no Zynq-7000"):
        open_tools.require(board("zcu104"))


def test_the_processor_fits_the_core(core, tmp_path):
    """Every port that the top names is one of Yosys' primitive, and of its width; around an accelerator of nothing."""
    folder, sources = core("pynq-z2")
    open_tools.write_flow(tmp_path, board("pynq-z2"))
    commands = ["read_verilog -lib +/xilinx/cells_xtra.v", "hierarchy -check -top bitpan_zynq7", "write_json top.json"]
    files = [*(folder / source for source in sources), tmp_path / open_tools.TOP]
    with executed(script(files, "bitpan_zynq7", {}, commands), 300) as work:
        modules = json.loads((work / "top.json").read_text())["modules"]
    cell, primitive = modules["bitpan_zynq7"]["cells"]["processor"], modules["PS7"]["ports"]
    assert len(primitive) > 500, "Yosys' own, not the stub"
    for name, bits in cell["connections"].items():
        assert len(bits) == len(primitive[name]["bits"]), name


@pytest.mark.slow
def test_yosys_makes_a_netlist_of_the_whole(random_model, tmp_path, capsys):
    """Of a small network: the processor is in it, and nothing that nextpnr would not know."""
    onnx.save(write_qonnx(random_model(blocks=1, channels=8, bands=2), 16, 16), tmp_path / "model.onnx")
    command = ["build", str(tmp_path / "model.onnx"), "-o", str(tmp_path / "package"), "--board", "pynq-z2"]
    assert cli.main([*command, "--toolchain", "open"]) == 0
    assert "remains: with nextpnr-himbaechel" in capsys.readouterr().out
    netlist = json.loads((tmp_path / "package/open/bitpan.json").read_text())
    cells = netlist["modules"]["bitpan_zynq7"]["cells"].values()
    kinds = {cell["type"] for cell in cells}
    assert "PS7" in kinds and "BUFG" in kinds
    assert not [kind for kind in kinds if kind.startswith(("$", "bp_", "bitpan"))]
    assert sum(cell["type"].startswith("LUT") for cell in cells) > 2000
