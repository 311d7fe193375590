"""Proofs that a unit keeps the rules of its streams, whatever its neighbours do and whatever data they send.

    proof = prove(unit_sources("bp_haar"), "bp_haar", {"Channels": 1, ...}, {"in0": 16, "out0": 4, ...}, patience=8)
    assert proof.holds, proof.fault

A simulation tries some stalls; a proof covers all. The unit runs between a free producer on each input and a free
consumer on each output (``formal/bp_stream_source.sv``), with a reset whenever the solver likes; its other inputs are
free too, but for those that are given a value. Yosys makes an and-inverter graph of it all, in which registers without
a reset start anyhow. ABC proves that no clock ever breaks a rule, or finds one that does: by induction where the rules
together follow from the clock before, else by property directed reachability (Een, Mishchenko, Brayton, FMCAD 2011).
The rules stand in ``formal/bp_stream_rules.sv`` and ``formal/bp_frame_rules.sv``.

A proof holds for the parameters given, so take small ones. It counts beats: what is in them, and in what order they
come, is the business of tests by simulation. A read beyond the end of a memory gives what Yosys makes of it.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bitpan.errors import BuildError, MissingDependencyError
from bitpan.hw.measure.yosys import executed, script
from bitpan.hw.prove.harness import harness, streams
from bitpan.hw.simulate.verilate import Port

FORMAL = Path(__file__).parent / "formal"
_RULES = [FORMAL / f"{name}.sv" for name in ("bp_stream_source", "bp_stream_rules", "bp_frame_rules")]
# What is not defined is free, and said to be so before an optimisation chooses. All registers have one edge.
_GRAPH = ["hierarchy -top harness", "proc", "flatten", "setundef -undriven -anyseq", "prep -top harness"]
_GRAPH += ["memory_map", "opt -full", "techmap", "async2sync", "dffunmap", "simplemap", "setundef -undriven -anyseq"]
_GRAPH += ["select -assert-none t:$_DFF_N_*", "aigmap", "opt_clean", "write_aiger -zinit harness.aig"]
_MOST = {"beats of a frame": 255, "patience": 1000, "inside": 5, "seconds": 100_000, "clocks": 100_000}


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


def prove(
    sources: Sequence[Path | str],
    top: str,
    parameters: Mapping[str, int | str] | None = None,
    frames: Mapping[str, int] | None = None,
    *,
    constants: Mapping[str, int] | None = None,
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
        constants: inputs that keep a value, by name; all others are free.
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
    _check(top, streams(top, ports), frames, patience=patience, inside=inside, seconds=seconds, clocks=clocks)
    with tempfile.TemporaryDirectory(prefix="bitpan-proof-") as folder:
        around = Path(folder) / "harness.sv"
        text, rules = harness(ports, top, parameters or {}, constants or {}, frames, patience, inside)
        around.write_text(text)
        with executed(script([*sources, *_RULES, around], "harness", {}, _GRAPH), 600) as work:
            if _inductive(work, seconds):
                return Proof()
            told = _abc(work, f"read_aiger harness.aig; strash; scorr; print_stats; pdr -T {seconds}", seconds)
            if broken := _broken(told):
                return Proof(rules[broken[0]], broken[1])
            return Proof() if _proved(told) else _one_by_one(work, rules, seconds, clocks)


def _inductive(work: Path, seconds: int) -> bool:
    """Whether all rules together hold in the first clocks, and in any clock after one in which they held."""
    all_in_one = "read_aiger harness.aig; strash; scleanup; orpos"
    told = _abc(work, f"{all_in_one}; bmc3 -F 3 -T {seconds}; ind -F 2 -T {seconds}", 2 * seconds)
    return "No output asserted in 3 frames" in told and "Networks are equivalent" in told


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


def _check(top: str, streams: Iterable[str], frames: Mapping[str, int] | None, **numbers: int) -> None:
    """Refuse what would make a proof of nothing."""
    if frames is not None and frames.keys() != set(streams):
        raise BuildError(f"{top} has the streams {', '.join(sorted(streams))}, not {', '.join(sorted(frames))}")
    for what, value in [*(("beats of a frame", beats) for beats in (frames or {}).values()), *numbers.items()]:
        if not 1 <= value <= _MOST[what]:
            raise BuildError(f"{what}: 1 to {_MOST[what]:,}, not {value:,}")
    least = 0 if frames is None else max(frames.values(), default=1) + numbers["patience"] + 2
    if numbers["clocks"] < least:
        raise BuildError(f"clocks: at least {least} for rules about time to be tried, not {numbers['clocks']}")


def _ports(sources: Sequence[Path | str], top: str, parameters: Mapping[str, int | str]) -> list[Port]:
    """Ports of the unit at these parameters."""
    commands = [f"hierarchy -top {top}", f"select {top}", "write_json -selected ports.json"]
    with executed(script(sources, top, parameters, commands), 600) as work:
        found = json.loads((work / "ports.json").read_text())["modules"][top]["ports"]
    return [Port(name, port["direction"] == "input", len(port["bits"])) for name, port in found.items()]


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
