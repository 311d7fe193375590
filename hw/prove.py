"""Proofs that a unit keeps the rules of its streams, whatever its neighbours do and whatever data they send.

    proof = prove(unit_sources("haar"), "haar", {"Channels": 1, ...}, {"in0": 16, "out0": 4, ...}, patience=8)
    assert proof.holds, proof.fault

A simulation tries some stalls; a proof covers all. The unit runs between a free producer on each input and a free
consumer on each output (``formal/stream_source.sv``), with a reset whenever the solver likes; its other inputs are
free too. Yosys makes an and-inverter graph of it all, in which registers without a reset start anyhow. ABC proves by
property directed reachability (Een, Mishchenko, Brayton, FMCAD 2011) that no clock ever breaks a rule, or finds one
that does. The rules stand in ``formal/stream_rules.sv`` and ``formal/frame_rules.sv``.

A proof holds for the parameters given, so take small ones. What is in a beat is the business of tests by simulation.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitpan.errors import BuildError, MissingDependencyError
from bitpan.hw.yosys import executed, script

FORMAL = Path(__file__).parent / "formal"
_RULES = [FORMAL / f"{name}.sv" for name in ("stream_source", "stream_rules", "frame_rules")]
_GRAPH = ["memory_map", "opt -full", "techmap", "async2sync", "dffunmap", "simplemap", "setundef -undriven -anyseq"]
_GRAPH += ["aigmap", "opt_clean"]
_STREAM = re.compile(r"(.+)_(tdata|tvalid|tready|tlast)_[io]$")
_CLOCKED = ("clk_i", "rst_ni")
_COUNTED = {
    "early": "a beat left before the share of its frame that it stands for was in",
    "full": "more begun frames were inside than fit",
    "lost": "a whole frame went in and did not come out",
    "stuck": "inputs offered, outputs were free, and nothing moved",
}


@dataclass(frozen=True)
class Proof:
    """What came of it.

    Attributes:
        fault: the rule that a clock breaks; none was found where it is empty.
        clocks: after how many the rule is broken, or that it holds for so many at least; 0 where it holds for ever.
        registers: bits of state of the graph.
    """

    fault: str
    clocks: int
    registers: int

    @property
    def holds(self) -> bool:
        """The rules hold in every clock."""
        return not self.fault and not self.clocks


@dataclass(frozen=True)
class _Port:
    name: str
    input: bool
    bits: int

    @property
    def signal(self) -> str:
        """Its wire in the harness, without the direction."""
        return re.sub(r"_[io]$", "", self.name)


def prove(
    sources: Sequence[Path | str],
    top: str,
    parameters: Mapping[str, int | str] | None = None,
    frames: Mapping[str, int] | None = None,
    *,
    patience: int = 8,
    inside: int = 2,
    seconds: int = 300,
    clocks: int = 30,
) -> Proof:
    """Prove that ``top`` keeps the rules, or find the clock in which it breaks one.

    Its outputs named ``bad_*_o`` are rules of its own: the proof is that none is ever 1.

    Args:
        sources: SystemVerilog files of the unit.
        top: its name.
        parameters: a string is a Verilog literal (`packing.literal`).
        frames: beats of a frame on every stream, up to 255; without it only the handshakes are looked at.
        patience: clocks after which a frame is out, or a beat moved, once nobody keeps it back.
        inside: begun frames that fit into the unit, 6 at most.
        seconds: what the proof may take; it is then given up for one of the first ``clocks`` alone.
        clocks: of that one.

    Raises:
        MissingDependencyError: pyosys is not installed.
        BuildError: Yosys or ABC refused, or ``frames`` does not name the streams.
    """
    ports = _ports(sources, top, parameters or {})
    streams = {match[1] for port in ports if (match := _STREAM.match(port.name))}
    if frames is not None and frames.keys() != streams:
        raise BuildError(f"{top} has the streams {', '.join(sorted(streams))}, not {', '.join(sorted(frames))}")
    with tempfile.TemporaryDirectory(prefix="bitpan-proof-") as folder:
        harness = Path(folder) / "harness.sv"
        text, rules = _harness(ports, top, parameters or {}, frames, patience, inside)
        harness.write_text(text)
        commands = ["prep -flatten -top harness", *_GRAPH, "write_aiger -zinit harness.aig"]
        with executed(script([*sources, *_RULES, harness], "harness", {}, commands), 600) as work:
            # The second for graphs of which scorr leaves nothing, where pdr has nothing to say.
            for engine in (f"scorr; pdr -T {seconds}", f"pdr -T {seconds}", f"bmc3 -F {clocks} -T {seconds}"):
                told = _abc(work, f"strash; print_stats; {engine}", seconds)
                if "Property proved" in told or "was asserted" in told:
                    break
    return _read(told, rules)


def _ports(sources: Sequence[Path | str], top: str, parameters: Mapping[str, int | str]) -> list[_Port]:
    """Ports of the unit at these parameters."""
    commands = [f"hierarchy -top {top}", f"select {top}", "write_json -selected ports.json"]
    with executed(script(sources, top, parameters, commands), 600) as work:
        found = json.loads((work / "ports.json").read_text())["modules"][top]["ports"]
    return [_Port(name, port["direction"] == "input", len(port["bits"])) for name, port in found.items()]


def _harness(
    ports: Sequence[_Port],
    top: str,
    parameters: Mapping[str, int | str],
    frames: Mapping[str, int] | None,
    patience: int,
    inside: int,
) -> tuple[str, list[str]]:
    """The module around the unit, and the rule behind each of its outputs, in order."""
    faults = {p.signal: p.name for p in ports if p.signal.startswith("bad_")}  # output: the rule that it breaks
    inputs = ["input logic clk_i", "input logic free_rst_ni"]
    lines = ["logic started_q = 1'b0, rst_ni;", "always_ff @(posedge clk_i) started_q <= 1'b1;"]
    lines += ["assign rst_ni = started_q && free_rst_ni;"]
    streams: dict[str, dict[str, _Port]] = {}
    for port in ports:
        wire = f"logic [{port.bits - 1}:0] {port.signal}"
        if match := _STREAM.match(port.name):
            streams.setdefault(match[1], {})[match[2]] = port
            lines.append(f"{wire};")
        elif port.input and port.name not in _CLOCKED:
            inputs.append(f"input {wire}")
        elif port.signal not in faults and port.name not in _CLOCKED:
            lines.append(f"{wire};")
    given = ", ".join(f".{name}({value})" for name, value in parameters.items())
    connected = ", ".join(f".{p.name}({p.name if p.name in _CLOCKED else p.signal})" for p in ports)
    lines.append(f"{top} #({given}) i_unit ({connected});")
    for stream, parts in streams.items():
        beat = [parts[name] for name in ("tlast", "tdata") if name in parts]
        names, bits = ", ".join(part.signal for part in beat), sum(part.bits for part in beat)
        inputs.append(f"input logic free_{stream}")
        if parts["tdata"].input:
            inputs.append(f"input logic [{bits - 1}:0] free_{stream}_beat")
            lines.append(
                f"stream_source #({bits}) i_{stream} (.clk_i, .rst_ni, .free_valid_i(free_{stream}), "
                f".free_data_i(free_{stream}_beat), .tdata_o({{{names}}}), .tvalid_o({stream}_tvalid), "
                f".tready_i({stream}_tready));"
            )
        else:
            faults[f"bad_{stream}_valid"] = f"{stream} took back a beat that it had offered"
            faults[f"bad_{stream}_data"] = f"{stream} changed a beat that it had offered"
            lines.append(f"assign {stream}_tready = free_{stream};")
            lines.append(
                f"stream_rules #({bits}) i_{stream} (.clk_i, .rst_ni, .tdata_i({{{names}}}), "
                f".tvalid_i({stream}_tvalid), .tready_i({stream}_tready), "
                f".bad_valid_o(bad_{stream}_valid), .bad_data_o(bad_{stream}_data));"
            )
    if frames is not None:
        first = [stream for stream, parts in streams.items() if parts["tdata"].input]
        order = [*first, *(stream for stream in streams if stream not in first)][::-1]  # stream 0 lowest
        faults |= {f"bad_{rule}": told for rule, told in _COUNTED.items()}
        valid, ready = (", ".join(f"{stream}_{part}" for stream in order) for part in ("tvalid", "tready"))
        beats = ", ".join(f"8'd{frames[stream]}" for stream in order)
        lines.append(
            f"frame_rules #(.Inputs({len(first)}), .Outputs({len(streams) - len(first)}), "
            f".Beats({{{beats}}}), .Frames({inside}), "
            f".Patience({patience})) i_frames (.clk_i, .rst_ni, .tvalid_i({{{valid}}}), .tready_i({{{ready}}}), "
            f"{', '.join(f'.bad_{rule}_o(bad_{rule})' for rule in _COUNTED)});"
        )
    outputs = [f"output logic {name}" for name in faults]
    body = "\n".join(f"    {line}" for line in lines)
    return f"module harness ({', '.join([*inputs, *outputs])});\n{body}\nendmodule\n", list(faults.values())


def _abc(work: Path, commands: str, seconds: int) -> str:
    """What ABC says to the graph in a folder."""
    found = importlib.util.find_spec("pyosys")
    binary = Path(found.origin).parent / "yosys-abc" if found and found.origin else None
    if binary is None or not binary.is_file():
        raise MissingDependencyError("ABC, which comes with pyosys, is not installed: pip install 'bitpan[fpga]'")
    command = [str(binary), "-c", f"read_aiger harness.aig; {commands}"]
    try:
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=seconds + 300, check=False)
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"ABC took more than {seconds + 300} s: choose smaller parameters") from error
    if done.returncode != 0:
        raise BuildError(f"ABC failed (exit code {done.returncode}): {done.stdout[-300:]}{done.stderr[-300:]}")
    return done.stdout


def _read(told: str, rules: Sequence[str]) -> Proof:
    """ABC's words."""
    state = re.search(r"lat =\s*(\d+)", told)
    registers = int(state[1]) if state else 0
    if broken := re.search(r"Output (\d+) of miter \S+ was asserted in frame (\d+)", told):
        return Proof(rules[int(broken[1])], int(broken[2]), registers)
    if "Property proved" in told:
        return Proof("", 0, registers)
    if reached := re.search(r"No output asserted in (\d+) frames", told):
        return Proof("", int(reached[1]), registers)
    raise BuildError(f"ABC said nothing of the rules: {told[-300:]}")
