"""A verilated design under test: AXI streams by whole arrays, stalls, AXI-Lite, plain ports, cycle counts.

    simulation = Simulation([rtl("bp_stream_fifo")], "bp_stream_fifo", {"Width": 8, "Depth": 4})
    simulation.push("in0", beats)
    simulation.run(10_000, until={"out0": len(beats)})
    beats = simulation.pull("out0")

The streams are found by their ports' names: ``<name>_tdata``, ``_tvalid``, ``_tready`` and maybe ``_tlast``, in any
case, with or without ``_i`` and ``_o`` behind. So are the clock (``clk_i``, ``ap_clk``), the reset, active low
(``rst_ni``, ``ap_rst_n``), and one AXI-Lite slave.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitpan.errors import SimulationError
from bitpan.hw.packing import Beats
from bitpan.hw.simulate.verilate import verilate

STALLS = ("never", "rarely", "half", "bursts")
"""Named stall patterns: 0, 1/16 and 1/2 of the cycles at random; runs of 1 to 32 cycles on and off."""

_STREAM = re.compile(r"(.+)_(tdata|tvalid|tready|tlast)(?:_[io])?$", re.IGNORECASE)
_LITE = re.compile(r"(.+)_((?:aw|ar|w|b|r)(?:addr|data|valid|ready|strb|resp))(?:_[io])?$", re.IGNORECASE)
_WRITE = ("awaddr", "awvalid", "awready", "wdata", "wvalid", "wready", "wstrb", "bvalid", "bready", "bresp")
_READ = ("araddr", "arvalid", "arready", "rdata", "rvalid", "rready", "rresp")
_RESET_CYCLES = 8


class Simulation(AbstractContextManager["Simulation"]):
    """One instance of a design, after its reset.

    Args:
        sources: Verilog files, see `verilate`.
        top: name of the top module.
        parameters: its parameters.
        trace: write a waveform (VCD) to this file.
        seed: what registers without a reset start with.

    Attributes:
        inputs, outputs: names of the streams and their bytes per beat.
    """

    def __init__(
        self,
        sources: Sequence[Path | str],
        top: str,
        parameters: Mapping[str, int | str] | None = None,
        *,
        trace: Path | str | None = None,
        seed: int = 1,
    ) -> None:
        library = verilate(sources, top, parameters, trace=trace is not None)
        self._api = ctypes.CDLL(str(library.path))
        self._api.sim_new.restype, self._api.sim_error.restype = ctypes.c_void_p, ctypes.c_char_p
        self._ports = {p.name: (i, p) for i, p in enumerate(library.ports)}
        clock, reset = self._find("clk_i", "ap_clk"), self._find("rst_ni", "ap_rst_n")
        file = str(trace or "").encode()
        self._sim = ctypes.c_void_p(self._api.sim_new(_passed(seed), file, _passed(clock), _passed(reset)))
        self.call("cycle")  # raises what was wrong with it
        self.inputs: dict[str, int] = {}
        self.outputs: dict[str, int] = {}
        self._streams: dict[str, int] = {}
        self._stream_ports: dict[str, dict[str, str]] = {}
        self._find_streams()
        self._lite = self._find_lite()
        for name, (_, port) in self._ports.items():  # registers start at random, but not what the harness drives
            if port.input:
                self.poke(name, 0)
        self.reset()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the design and finish the waveform."""
        self._api.sim_delete(self._sim)
        self._sim = ctypes.c_void_p()

    @property
    def cycle(self) -> int:
        """Cycles since the reset."""
        return self.call("cycle")

    def reset(self, cycles: int = _RESET_CYCLES) -> None:
        """Hold the reset for some cycles and empty all queues; plain ports and stalls stay as they are."""
        self.call("reset", cycles)

    def set_stall(self, stream: str, pattern: str | int, seed: int = 1) -> None:
        """Slow a stream down: one of `STALLS`, or an integer n for one cycle in n."""
        if (pattern not in STALLS) if isinstance(pattern, str) else (pattern < 1):
            raise SimulationError(f"stall pattern {pattern!r} is none of {', '.join(STALLS)} or a period of at least 1")
        kind, period = (STALLS.index(pattern), 1) if isinstance(pattern, str) else (len(STALLS), pattern)
        self.call("set_stall", self._streams[stream], kind, period, seed)

    def push(self, stream: str, beats: npt.ArrayLike, last: bool | npt.ArrayLike = False) -> None:
        """Queue beats for an input.

        Args:
            stream: name of the input.
            beats: ``(n, bytes)`` uint8, see `bitpan.hw.packing.pack`.
            last: tlast of each beat, ``(n,)``; True: set on the last beat alone.
        """
        array = np.ascontiguousarray(beats, dtype=np.uint8)
        if array.ndim != 2 or array.shape[1] != self.inputs[stream]:
            raise SimulationError(f"{stream} takes beats of {self.inputs[stream]} bytes, not an array of {array.shape}")
        unused = 8 * self.inputs[stream] - self._ports[self._stream_ports[stream]["tdata"]][1].bits
        if unused and (array[:, -1] >> (8 - unused)).any():
            raise SimulationError(f"the top {unused} bits of a beat of {stream} must be 0")
        flags = np.zeros(len(array), np.uint8)
        if last is True:
            flags[-1:] = 1
        elif last is not False:
            flags[:] = np.asarray(last, dtype=bool)
        self.call("push", self._streams[stream], array, flags, len(array))

    def queued(self, stream: str) -> int:
        """Beats of an input not yet taken by the design, or of an output not yet pulled."""
        return self.call("queued", self._streams[stream])

    def pull(self, stream: str, beats: int | None = None) -> Beats:
        """Take the first ``beats`` (default: all) received beats of an output, ``(n, bytes)`` uint8."""
        return self.pull_with_last(stream, beats)[0]

    def pull_with_last(self, stream: str, beats: int | None = None) -> tuple[Beats, npt.NDArray[np.bool_]]:
        """`pull`, and tlast of each beat, ``(n,)``."""
        count = self.queued(stream) if beats is None else min(beats, self.queued(stream))
        array, flags = np.empty((count, self.outputs[stream]), np.uint8), np.empty(count, np.uint8)
        self.call("pull", self._streams[stream], array, flags, count)
        return array, flags.astype(bool)

    def run(self, cycles: int, until: Mapping[str, int] | None = None, patience: int = 10_000) -> int:
        """Run the clock.

        Args:
            cycles: at most so many.
            until: stop as soon as every named output holds at least, every named input at most, so many queued beats.
            patience: with ``until``, cycles without a beat on any stream after which the design counts as stuck.

        Returns:
            Cycles run.

        Raises:
            SimulationError: stuck, naming the streams; a stream broke the AXI rules; the design stopped itself.
        """
        goals = np.full(len(self._streams), -1, np.int64)
        for stream, count in (until or {}).items():
            goals[self._streams[stream]] = count
        done = self.call("run", cycles, goals if until else None, patience if until else 0)
        if done == -2:
            raise SimulationError(f"no beat moved for {patience} cycles, stuck at cycle {self.cycle}: {self._state()}")
        return done

    def span(self, stream: str) -> tuple[int, int, int]:
        """Cycle of a stream's first and last beat (-1: none) and their number, since the reset."""
        out = np.zeros(3, np.int64)
        self.call("span", self._streams[stream], out)
        return int(out[0]), int(out[1]), int(out[2])

    def write(self, address: int, data: int) -> None:
        """Write a register over AXI-Lite; the streams go on meanwhile."""
        self._access("write", address, data)

    def read(self, address: int) -> int:
        """Read a register over AXI-Lite."""
        return self._access("read", address, 0)

    def poke(self, port: str, value: int) -> None:
        """Set a plain input; it keeps the value."""
        index, found = self._ports[port]
        if not 0 <= value < 1 << found.bits:
            raise SimulationError(f"{value} does not fit the {found.bits} bits of {port}")
        octets = np.frombuffer(value.to_bytes((found.bits + 7) // 8, "little"), np.uint8)
        self.call("poke", index, octets)

    def peek(self, port: str) -> int:
        """Value of any port now."""
        index, found = self._ports[port]
        octets = np.zeros((found.bits + 7) // 8, np.uint8)
        self.call("peek", index, octets)
        return int.from_bytes(octets.tobytes(), "little")

    def port(self, name: str) -> int:
        """Index of a port, with or without ``_i`` or ``_o`` behind its name; see `call`."""
        return self._find(name, f"{name}_i", f"{name}_o")

    def bits(self, name: str) -> int:
        """Width of a port, with or without ``_i`` or ``_o`` behind its name."""
        return list(self._ports.values())[self.port(name)][1].bits

    def _find(self, *names: str) -> int:
        """Index of the first of these ports that exists."""
        for name in names:
            if name in self._ports:
                return self._ports[name][0]
        raise SimulationError(f"the top module has none of the ports {', '.join(names)}")

    def _bundles(self, pattern: re.Pattern[str]) -> dict[str, dict[str, str]]:
        """Ports by the bundle's name and by what they are in it."""
        found: dict[str, dict[str, str]] = {}
        for name in self._ports:
            if match := pattern.match(name):
                found.setdefault(match[1], {})[match[2].lower()] = name
        return found

    def _find_streams(self) -> None:
        """Tell the harness about every AXI stream."""
        for stream, names in self._bundles(_STREAM).items():
            if {"tdata", "tvalid", "tready"} <= names.keys():
                port = self._ports[names["tdata"]][1]
                (self.inputs if port.input else self.outputs)[stream] = (port.bits + 7) // 8
                self._streams[stream], self._stream_ports[stream] = len(self._streams), names
                roles = [self._ports[names[r]][0] if r in names else -1 for r in ("tdata", "tvalid", "tready", "tlast")]
                self.call("add_stream", port.input, *roles)

    def _find_lite(self) -> dict[str, npt.NDArray[np.int32]]:
        """Port indices of the AXI-Lite slave, if there is one."""
        orders = {"write": _WRITE, "read": _READ}
        for names in self._bundles(_LITE).values():
            if {*_WRITE, *_READ} <= names.keys() and self._ports[names["awaddr"]][1].input:
                index = {name: self._ports[port][0] for name, port in names.items()}
                return {kind: np.array([index[name] for name in order], np.int32) for kind, order in orders.items()}
        return {}

    def _access(self, kind: str, address: int, data: int) -> int:
        """One AXI-Lite access."""
        if not self._lite:
            raise SimulationError("the top module has no AXI-Lite slave")
        return self.call("access", self._lite[kind], kind == "write", address, data & 0xFFFFFFFF)

    def call(self, name: str, *arguments: int | npt.NDArray[np.generic] | None) -> int:
        """One of the harness's functions, on this simulation; raises its error, if it has one."""
        function = getattr(self._api, f"sim_{name}")
        function.restype = ctypes.c_int64
        result = int(function(self._sim, *map(_passed, arguments)))
        if message := self._api.sim_error(self._sim):
            raise SimulationError(message.decode())
        return result

    def _state(self) -> str:
        """Queue and handshake of every stream, for an error message."""
        parts = []
        for stream, names in self._stream_ports.items():
            handshake = " ".join(f"{role}={self.peek(names[role])}" for role in ("tvalid", "tready"))
            what = "waiting" if stream in self.inputs else "received"
            parts.append(f"{stream} {handshake}, {self.queued(stream)} beats {what}")
        return "; ".join(parts)


def _passed(argument: int | npt.NDArray[np.generic] | None) -> object:
    """An argument as the harness takes it: every integer has 64 bits, an array gives its address."""
    if isinstance(argument, np.ndarray):
        return ctypes.c_void_p(argument.ctypes.data)
    return None if argument is None else ctypes.c_int64(argument)
