"""Proofs that a unit keeps the rules of its streams, whatever its neighbours do and whatever data they send.

    proof = prove(unit_sources("haar"), "haar", {"Channels": 1, ...}, {"in0": 16, "out0": 4, ...}, patience=8)
    assert proof.holds, proof.fault

A simulation tries some stalls; a proof covers all. The unit runs between a free producer on each input and a free
consumer on each output (``formal/stream_source.sv``), with a reset whenever the solver likes; its other inputs are
free too. Yosys makes an and-inverter graph of it all, in which registers without a reset start anyhow. ABC proves by
property directed reachability (Een, Mishchenko, Brayton, FMCAD 2011) that no clock ever breaks a rule, or finds one
that does. The rules stand in ``formal/stream_rules.sv`` and ``formal/frame_rules.sv``.

A proof holds for the parameters given, so take small ones. It counts beats: what is in them, and in what order they
come, is the business of tests by simulation. A read beyond the end of a memory gives what Yosys makes of it.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bitpan.errors import BuildError, MissingDependencyError
from bitpan.hw.yosys import executed, script

FORMAL = Path(__file__).parent / "formal"
_RULES = [FORMAL / f"{name}.sv" for name in ("stream_source", "stream_rules", "frame_rules")]
# What is not defined is free, and said to be so before an optimisation chooses. All registers have one edge.
_GRAPH = ["hierarchy -top harness", "proc", "flatten", "setundef -undriven -anyseq", "prep -top harness"]
_GRAPH += ["memory_map", "opt -full", "techmap", "async2sync", "dffunmap", "simplemap", "setundef -undriven -anyseq"]
_GRAPH += ["select -assert-none t:$_DFF_N_*", "aigmap", "opt_clean", "write_aiger -zinit harness.aig"]
_STREAM = re.compile(r"(.+)_(t[a-z]+)_[io]$")
_CLOCKED = ("clk_i", "rst_ni")
_COUNTED = {
    "early": "more of a frame left than had come",
    "full": "more frames were inside than may be",
    "lost": "a whole frame went in and did not come out",
    "stuck": "inputs offered, nobody kept a beat back, and none moved",
}


@dataclass(frozen=True)
class Proof:
    """What came of it.

    Attributes:
        fault: the rule that a clock breaks; empty where there is none.
        clock: the one that breaks it.
        bounded: rules whose proof did not close, each with the number of clocks that it holds for at least.
    """

    fault: str = ""
    clock: int = 0
    bounded: Mapping[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """All rules hold in every clock."""
        return not self.fault and not self.bounded


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
    clocks: int = 60,
) -> Proof:
    """Prove that ``top`` keeps the rules, or find the clock in which it breaks one.

    Its outputs named ``bad_*_o`` are rules of its own: the proof is that none is ever 1.

    Args:
        sources: SystemVerilog files of the unit.
        top: its name.
        parameters: a string is a Verilog literal (`packing.literal`).
        frames: beats of a frame on every stream, up to 255; without it only the handshakes are looked at.
        patience: clocks after which a frame is out, or a beat moved, once nobody keeps it back.
        inside: whole frames that may be in the unit, up to 5, besides the one that comes in.
        seconds: what the proof may take. Then each rule is tried alone, so long each, and what stays open for the
            first ``clocks`` alone, or as many as twice that time allows.
        clocks: of that; enough for ``patience`` to run out once a frame is in.

    Raises:
        MissingDependencyError: pyosys is not installed.
        BuildError: Yosys or ABC refused, ``frames`` does not name the streams, a number is out of its range, or the
            unit has another clock or nothing to prove.
    """
    ports = _ports(sources, top, parameters or {})
    _check(top, ports, frames, patience, inside, seconds, clocks)
    with tempfile.TemporaryDirectory(prefix="bitpan-proof-") as folder:
        harness = Path(folder) / "harness.sv"
        text, rules = _harness(ports, top, parameters or {}, frames, patience, inside)
        harness.write_text(text)
        with executed(script([*sources, *_RULES, harness], "harness", {}, _GRAPH), 600) as work:
            told = _abc(work, f"read_aiger harness.aig; strash; scorr; print_stats; pdr -T {seconds}", seconds)
            if broken := _broken(told):
                return Proof(rules[broken[0]], broken[1])
            return Proof() if _proved(told) else _one_by_one(work, rules, seconds, clocks)


def _one_by_one(work: Path, rules: Sequence[str], seconds: int, clocks: int) -> Proof:
    """Each rule alone, with the part of the unit that it has to do with; what stays open, for a number of clocks."""
    bounded: dict[str, int] = {}
    for number, rule in enumerate(rules):
        alone = f"&r harness.aig; &cone -O {number}; &put"
        told = _abc(work, f"{alone}; scorr; print_stats; pdr -T {seconds}", seconds)
        if not _proved(told) and not _broken(told):
            told = _abc(work, f"{alone}; bmc3 -F {clocks} -T {2 * seconds}", 2 * seconds)
            held = re.search(r"No output asserted in (\d+) frames", told)
            bounded[rule] = int(held[1]) if held else 0
        if broken := _broken(told):
            return Proof(rule, broken[1])
    return Proof(bounded=bounded)


def _check(
    top: str,
    ports: Sequence[_Port],
    frames: Mapping[str, int] | None,
    patience: int,
    inside: int,
    seconds: int,
    clocks: int,
) -> None:
    """Refuse what would make a proof of nothing."""
    inputs = {port.name for port in ports if port.input}
    parts: dict[str, set[str]] = {}
    for port in ports:
        if match := _STREAM.match(port.name):
            parts.setdefault(match[1], set()).add(match[2])
        if port.signal.startswith("bad_") and port.bits > 1:
            raise BuildError(f"{top}: {port.name} has {port.bits} bits; a rule is one")
    if not inputs.issuperset(_CLOCKED) or any(re.search("clk|clock", name) for name in inputs - {"clk_i"}):
        raise BuildError(f"{top}: a proof needs one clock, clk_i, and one reset, rst_ni")
    for stream, names in parts.items():
        if not {"tdata", "tvalid", "tready"} <= names <= {"tdata", "tvalid", "tready", "tlast"}:
            raise BuildError(
                f"{top}: {stream} has {', '.join(sorted(names))}; a stream is tdata, tvalid, tready, tlast"
            )
    if not parts and not any(port.signal.startswith("bad_") for port in ports):
        raise BuildError(f"{top} has neither streams nor outputs bad_*_o: there is nothing to prove")
    if frames is not None and frames.keys() != parts.keys():
        raise BuildError(f"{top} has the streams {', '.join(sorted(parts))}, not {', '.join(sorted(frames))}")
    longest = max((frames or {}).values(), default=1)
    for what, value, most in (
        ("beats of a frame", longest, 255),
        ("beats of a frame", min((frames or {}).values(), default=1), 255),
        ("patience", patience, 1000),
        ("inside", inside, 5),
        ("seconds", seconds, 100_000),
        ("clocks", clocks, 100_000),
    ):
        if not 1 <= value <= most:
            raise BuildError(f"{what}: 1 to {most:,}, not {value:,}")
    if frames is not None and clocks < longest + patience + 2:
        raise BuildError(f"clocks: at least {longest + patience + 2} for rules about time to be tried, not {clocks}")


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
    """What ABC says to the graph in a folder; nothing if it takes much longer than it was told."""
    found = importlib.util.find_spec("pyosys")
    binary = Path(found.origin).parent / "yosys-abc" if found and found.origin else None
    if binary is None or not binary.is_file():
        raise MissingDependencyError("ABC, which comes with pyosys, is not installed: pip install 'bitpan[fpga]'")
    command = [str(binary), "-c", commands]
    try:
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=2 * seconds + 60, check=False)
    except subprocess.TimeoutExpired:
        return ""
    if done.returncode != 0 or "cmd error" in done.stdout:
        raise BuildError(f"ABC failed (exit code {done.returncode}): {done.stdout[-300:]}{done.stderr[-300:]}")
    return done.stdout


def _broken(told: str) -> tuple[int, int] | None:
    """The rule that ABC found broken, and the clock."""
    found = re.search(r"Output (\d+) of miter .* was asserted in frame (\d+)", told)
    return (int(found[1]), int(found[2])) if found else None


def _proved(told: str) -> bool:
    """Whether ABC proved all rules. Where scorr has left nothing of the graph, pdr has nothing to say."""
    nothing = re.search(r"lat =\s*0 +and =\s*0", told) and "All outputs solved" in told
    return bool(nothing) or "Property proved" in told
