"""The Tcl script and the way Vivado is run, with stand-ins for Vivado: no Vivado has run the script."""

import shutil
import subprocess
from dataclasses import replace

import pytest

from bitpan.build.boards import BOARDS, board
from bitpan.build.deploy import vivado
from bitpan.errors import BuildError
from bitpan.intake.sums import check_sums, write_sums
from bitpan.package import TOOLS_OWN

# Every Vivado command answers with nothing; what the script decides on is given.
STAND_IN = """
set log [open vivado_commands.log w]
proc unknown {args} { puts $::log [join $args " "]; return "" }
proc get_property {name args} { return [dict get {PROGRESS 100% SLACK 0.1} $name] }
proc glob {args} { return [list [lindex $args 0]] }
rename file real_file
proc file {args} {
    if {[lindex $args 0] eq "copy"} {
        puts $::log "copy [lindex $args end]"
        close [open [lindex $args end] w]
        return
    }
    uplevel 1 [list real_file {*}$args]
}
source build.tcl
close $log
"""


def run_stand_in(folder):
    (folder / "vivado_run.tcl").write_text(STAND_IN)
    return subprocess.run(["tclsh", "vivado_run.tcl"], cwd=folder, capture_output=True, text=True, check=False)


needs_tcl = pytest.mark.skipif(shutil.which("tclsh") is None, reason="tclsh is not installed")


@needs_tcl
@pytest.mark.parametrize("name", sorted(BOARDS))
def test_script_runs_to_its_end(name, tmp_path):
    vivado.write_script(tmp_path / "build.tcl", board(name))
    write_sums(tmp_path)
    for _ in range(2):
        done = run_stand_in(tmp_path)
        assert done.returncode == 0, done.stderr
    assert {tmp_path / "bitpan.bit", tmp_path / "bitpan.hwh"} < check_sums(tmp_path, "", TOOLS_OWN).keys()
    commands = (tmp_path / "vivado_commands.log").read_text()
    assert f"set_property ip_repo_paths {tmp_path}/ip" in commands
    made = [line.split()[4:] for line in commands.splitlines() if line.startswith("create_bd_cell -type ip -vlnv")]
    processor = "processing_system7" if board(name).zynq == "7" else "zynq_ultra_ps_e"
    assert [vlnv.split(":")[2] for vlnv, _ in made] == [processor, "proc_sys_reset", "bitpan_ip", *["smartconnect"] * 3]
    assert ["bitpan:user:bitpan_ip:1.0", "bitpan_ip"] in made
    assert f"copy {tmp_path}/bitpan.hwh" in commands


@needs_tcl
def test_what_changed_since_the_build_goes_into_no_bitstream(tmp_path):
    (tmp_path / "rtl").mkdir()
    (tmp_path / "rtl/a.sv").write_text("module a; endmodule\n")
    vivado.write_script(tmp_path / "build.tcl", board("pynq-z2"))
    write_sums(tmp_path)
    (tmp_path / "rtl/a.sv").write_text("module a; initial $display(1); endmodule\n")
    done = run_stand_in(tmp_path)
    assert done.returncode and "rtl/a.sv: FAILED" in done.stderr + done.stdout
    assert not (tmp_path / "bitpan.bit").exists()


def test_unknown_board_is_named():
    with pytest.raises(BuildError, match=r"'zybo'; known are pynq-z2"):
        board("zybo")


def stand_in(tmp_path, monkeypatch, text):
    tool = tmp_path / "bin" / "vivado"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\n{text}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    assert vivado.available()


def test_progress_and_outputs(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "echo noise; echo 'bitpan: synthesis'; touch bitpan.bit bitpan.hwh")
    told = []
    vivado.run(tmp_path, told.append)
    assert told == ["synthesis"]


def test_first_error_is_shown(tmp_path, monkeypatch):
    stand_in(
        tmp_path,
        monkeypatch,
        "printf 'INFO: a\\nCRITICAL WARNING: c\\nERROR: [Synth 8-439] module x\\nERROR: b\\n' > vivado.log; exit 1",
    )
    with pytest.raises(BuildError, match=r"ERROR: \[Synth 8-439\] module x \(log: "):
        vivado.run(tmp_path, lambda what: None)


def test_missing_bitstream_is_an_error(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "touch bitpan.hwh")
    with pytest.raises(BuildError, match=r"missing bitpan\.bit"):
        vivado.run(tmp_path, lambda what: None)


def test_boards_are_those_of_the_device_table():
    assert replace(board("zcu104"), clock_mhz=0).lut == 230_400
    assert {name: (b.lut, b.dsp, b.bram36, b.uram) for name, b in BOARDS.items()}["pynq-z2"] == (53_200, 220, 140, 0)
