"""What stands around a unit while it is proved: free producers and consumers, and the rules that are looked at.

The harness has an input for each choice that the solver makes and an output for each rule, which is 1 in a clock that
breaks it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bitpan.errors import BuildError
from bitpan.hw.packing import parameter_value
from bitpan.hw.simulate.verilate import Port

_STREAM = re.compile(r"(.+)_(t[a-z]+)_[io]$")
_CLOCKED = ("clk_i", "rst_ni")
_COUNTED = {
    "early": "more of a frame left than had come",
    "full": "more frames were inside than may be",
    "lost": "a whole frame went in and did not come out",
    "stuck": "inputs offered, nobody kept a beat back, and none moved",
}


def streams(top: str, ports: Sequence[Port]) -> dict[str, dict[str, Port]]:
    """The streams of a unit and the ports of each, ``tdata``, ``tvalid``, ``tready``, maybe ``tlast``.

    Raises:
        BuildError: the unit has another clock, half a stream, a rule that is no bit, or nothing to prove.
    """
    found: dict[str, dict[str, Port]] = {}
    for port in ports:
        if match := _STREAM.match(port.name):
            found.setdefault(match[1], {})[match[2]] = port
        if port.signal.startswith("bad_") and port.bits > 1:
            raise BuildError(f"{top}: {port.name} has {port.bits} bits; a rule is one")
    inputs = {port.name for port in ports if port.input}
    if not inputs.issuperset(_CLOCKED) or any(re.search("clk|clock", name) for name in inputs - {"clk_i"}):
        raise BuildError(f"{top}: a proof needs one clock, clk_i, and one reset, rst_ni")
    for stream, parts in found.items():
        if not {"tdata", "tvalid", "tready"} <= parts.keys() <= {"tdata", "tvalid", "tready", "tlast"}:
            raise BuildError(
                f"{top}: {stream} has {', '.join(sorted(parts))}; a stream is tdata, tvalid, tready, tlast"
            )
    if not found and not any(port.signal.startswith("bad_") for port in ports):
        raise BuildError(f"{top} has neither streams nor outputs bad_*_o: there is nothing to prove")
    return found


def harness(
    ports: Sequence[Port],
    top: str,
    parameters: Mapping[str, int | str],
    constants: Mapping[str, int],
    frames: Mapping[str, int] | None,
    patience: int,
    inside: int,
) -> tuple[str, list[str]]:
    """The module ``harness`` around the unit, and the rule behind each of its outputs, in order; see `prove`."""
    faults = {p.signal: p.name for p in ports if p.signal.startswith("bad_")}  # output: the rule that it breaks
    inputs = ["input logic clk_i", "input logic free_rst_ni"]
    lines = ["logic started_q = 1'b0, rst_ni;", "always_ff @(posedge clk_i) started_q <= 1'b1;"]
    lines += ["assign rst_ni = started_q && free_rst_ni;"]
    for port in ports:
        wire = f"logic [{port.bits - 1}:0] {port.signal}"
        value = f" = {port.bits}'d{constants[port.name]}" if port.name in constants else ""
        if port.input and not value and port.name not in _CLOCKED and not _STREAM.match(port.name):
            inputs.append(f"input {wire}")
        elif port.signal not in faults and port.name not in _CLOCKED:
            lines.append(f"{wire}{value};")
    given = ", ".join(f".{name}({parameter_value(value)})" for name, value in parameters.items())
    connected = ", ".join(f".{p.name}({p.name if p.name in _CLOCKED else p.signal})" for p in ports)
    lines.append(f"{top} #({given}) i_unit ({connected});")
    bundles = streams(top, ports)
    for stream, parts in bundles.items():
        beat = [parts[name] for name in ("tlast", "tdata") if name in parts]
        names, bits = ", ".join(part.signal for part in beat), sum(part.bits for part in beat)
        inputs.append(f"input logic free_{stream}")
        if parts["tdata"].input:
            inputs.append(f"input logic [{bits - 1}:0] free_{stream}_beat")
            lines.append(
                f"bp_stream_source #({bits}) i_{stream} (.clk_i, .rst_ni, .free_valid_i(free_{stream}), "
                f".free_data_i(free_{stream}_beat), .tdata_o({{{names}}}), .tvalid_o({stream}_tvalid), "
                f".tready_i({stream}_tready));"
            )
        else:
            faults[f"bad_{stream}_valid"] = f"{stream} took back a beat that it had offered"
            faults[f"bad_{stream}_data"] = f"{stream} changed a beat that it had offered"
            lines.append(f"assign {stream}_tready = free_{stream};")
            lines.append(
                f"bp_stream_rules #({bits}) i_{stream} (.clk_i, .rst_ni, .tdata_i({{{names}}}), "
                f".tvalid_i({stream}_tvalid), .tready_i({stream}_tready), "
                f".bad_valid_o(bad_{stream}_valid), .bad_data_o(bad_{stream}_data));"
            )
    if frames is not None:
        first = [stream for stream, parts in bundles.items() if parts["tdata"].input]
        order = [*first, *(stream for stream in bundles if stream not in first)][::-1]  # stream 0 lowest
        faults |= {f"bad_{rule}": told for rule, told in _COUNTED.items()}
        valid, ready = (", ".join(f"{stream}_{part}" for stream in order) for part in ("tvalid", "tready"))
        beats = ", ".join(f"8'd{frames[stream]}" for stream in order)
        lines.append(
            f"bp_frame_rules #(.Inputs({len(first)}), .Outputs({len(bundles) - len(first)}), "
            f".Beats({{{beats}}}), .Frames({inside}), "
            f".Patience({patience})) i_frames (.clk_i, .rst_ni, .tvalid_i({{{valid}}}), .tready_i({{{ready}}}), "
            f"{', '.join(f'.bad_{rule}_o(bad_{rule})' for rule in _COUNTED)});"
        )
    outputs = [f"output logic {name}" for name in faults]
    body = "\n".join(f"    {line}" for line in lines)
    return f"module harness ({', '.join([*inputs, *outputs])});\n{body}\nendmodule\n", list(faults.values())
