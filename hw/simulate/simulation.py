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
from bitpan.hw.simulate.verilate import Library, verilate

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
        self._api = _load(library)
        self._ports = {p.name: (i, p) for i, p in enumerate(library.ports)}
        clock, reset = self._find("clk_i", "ap_clk"), self._find("rst_ni", "ap_rst_n")
        self._sim: int | None = self._api.sim_new(seed, str(trace or "").encode(), clock, reset)
        self._check(0)
        self.inputs: dict[str, int] = {}
        self.outputs: dict[str, int] = {}
        self._streams: dict[str, int] = {}
        self._unused: dict[str, int] = {}
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
        if self._sim is not None:
            self._api.sim_delete(self._sim)
        self._sim = None

    @property
    def cycle(self) -> int:
        """Cycles since the reset."""
        return int(self._api.sim_cycle(self._sim))

    def reset(self, cycles: int = _RESET_CYCLES) -> None:
        """Hold the reset for some cycles and empty all queues; plain ports and stalls stay as they are."""
        self._check(self._api.sim_reset(self._sim, cycles))

    def set_stall(self, stream: str, pattern: str | int, seed: int = 1) -> None:
        """Slow a stream down: one of `STALLS`, or an integer n for one cycle in n."""
        if (pattern not in STALLS) if isinstance(pattern, str) else (pattern < 1):
            raise SimulationError(f"stall pattern {pattern!r} is none of {', '.join(STALLS)} or a period of at least 1")
        kind, period = (STALLS.index(pattern), 1) if isinstance(pattern, str) else (len(STALLS), pattern)
        self._api.sim_set_stall(self._sim, self._streams[stream], kind, period, seed)

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
        unused = self._unused[stream]
        if unused and (array[:, -1] >> (8 - unused)).any():
            raise SimulationError(f"the top {unused} bits of a beat of {stream} must be 0")
        flags = np.zeros(len(array), np.uint8)
        if last is True:
            flags[-1:] = 1
        elif last is not False:
            flags[:] = np.asarray(last, dtype=bool)
        self._api.sim_push(self._sim, self._streams[stream], _pointer(array), _pointer(flags), len(array))

    def queued(self, stream: str) -> int:
        """Beats of an input not yet taken by the design, or of an output not yet pulled."""
        return int(self._api.sim_queued(self._sim, self._streams[stream]))

    def pull(self, stream: str, beats: int | None = None) -> Beats:
        """Take the first ``beats`` (default: all) received beats of an output, ``(n, bytes)`` uint8."""
        return self.pull_with_last(stream, beats)[0]

    def pull_with_last(self, stream: str, beats: int | None = None) -> tuple[Beats, npt.NDArray[np.bool_]]:
        """`pull`, and tlast of each beat, ``(n,)``."""
        count = self.queued(stream) if beats is None else min(beats, self.queued(stream))
        array, flags = np.empty((count, self.outputs[stream]), np.uint8), np.empty(count, np.uint8)
        self._api.sim_pull(self._sim, self._streams[stream], _pointer(array), _pointer(flags), count)
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
        waiting = _pointer(goals) if until else None
        done = int(self._api.sim_run(self._sim, cycles, waiting, patience if until else 0))
        if done == -2:
            raise SimulationError(f"no beat moved for {patience} cycles, stuck at cycle {self.cycle}: {self._state()}")
        return self._check(done)

    def span(self, stream: str) -> tuple[int, int, int]:
        """Cycle of a stream's first and last beat (-1: none) and their number, since the reset."""
        out = np.zeros(3, np.int64)
        self._api.sim_span(self._sim, self._streams[stream], _pointer(out))
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
        self._api.sim_poke(self._sim, index, _pointer(octets))

    def peek(self, port: str) -> int:
        """Value of any port now."""
        index, found = self._ports[port]
        octets = np.zeros((found.bits + 7) // 8, np.uint8)
        self._check(self._api.sim_peek(self._sim, index, _pointer(octets)))
        return int.from_bytes(octets.tobytes(), "little")

    def _find(self, *names: str) -> int:
        """Index of the first of these ports that exists."""
        for name in names:
            if name in self._ports:
                return self._ports[name][0]
        raise SimulationError(f"the top module has none of the ports {', '.join(names)}")

    def _find_streams(self) -> None:
        """Tell the harness about every AXI stream."""
        found: dict[str, dict[str, str]] = {}
        for name in self._ports:
            if match := _STREAM.match(name):
                found.setdefault(match[1], {})[match[2].lower()] = name
        for stream, names in found.items():
            if not {"tdata", "tvalid", "tready"} <= names.keys():
                continue
            roles = [self._ports[names[r]][0] if r in names else -1 for r in ("tdata", "tvalid", "tready", "tlast")]
            port = self._ports[names["tdata"]][1]
            octets = (port.bits + 7) // 8
            (self.inputs if port.input else self.outputs)[stream] = octets
            self._unused[stream] = octets * 8 - port.bits
            self._streams[stream] = len(self._streams)
            self._api.sim_add_stream(self._sim, int(port.input), *roles)

    def _find_lite(self) -> dict[str, npt.NDArray[np.int32]]:
        """Port indices of the AXI-Lite slave, if there is one."""
        found: dict[str, dict[str, int]] = {}
        for name, (index, _) in self._ports.items():
            if match := _LITE.match(name):
                found.setdefault(match[1], {})[match[2].lower()] = index
        for names in found.values():
            if {*_WRITE, *_READ} <= names.keys():
                orders = (("write", _WRITE), ("read", _READ))
                return {kind: np.array([names[n] for n in order], np.int32) for kind, order in orders}
        return {}

    def _access(self, kind: str, address: int, data: int) -> int:
        """One AXI-Lite access."""
        if not self._lite:
            raise SimulationError("the top module has no AXI-Lite slave")
        ports = _pointer(self._lite[kind])
        return self._check(self._api.sim_access(self._sim, ports, kind == "write", address, data & 0xFFFFFFFF))

    def _check(self, result: int) -> int:
        """Raise the harness's error, if it has one."""
        message = self._api.sim_error(self._sim).decode()
        if message:
            raise SimulationError(message)
        return int(result)

    def _state(self) -> str:
        """Queue and handshake of every stream, for an error message."""
        parts = []
        for stream in self._streams:
            handshake = []
            for name in self._ports:
                match = _STREAM.match(name)
                if match and match[1] == stream and match[2].lower() in ("tvalid", "tready"):
                    handshake.append(f"{match[2].lower()}={self.peek(name)}")
            what = "waiting" if stream in self.inputs else "received"
            parts.append(f"{stream} {' '.join(handshake)}, {self.queued(stream)} beats {what}")
        return "; ".join(parts)


def _pointer(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    """Address of an array's data."""
    return ctypes.c_void_p(array.ctypes.data)


def _load(library: Library) -> ctypes.CDLL:
    """Open the library and declare its functions."""
    api = ctypes.CDLL(str(library.path))
    integer, pointer, wide, unsigned = ctypes.c_int, ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint64
    signatures: dict[str, tuple[object, list[object]]] = {
        "sim_new": (pointer, [integer, ctypes.c_char_p, integer, integer]),
        "sim_delete": (None, [pointer]),
        "sim_error": (ctypes.c_char_p, [pointer]),
        "sim_cycle": (wide, [pointer]),
        "sim_add_stream": (None, [pointer, integer, integer, integer, integer, integer]),
        "sim_set_stall": (None, [pointer, integer, integer, unsigned, unsigned]),
        "sim_reset": (wide, [pointer, integer]),
        "sim_push": (None, [pointer, integer, pointer, pointer, ctypes.c_size_t]),
        "sim_queued": (wide, [pointer, integer]),
        "sim_pull": (None, [pointer, integer, pointer, pointer, ctypes.c_size_t]),
        "sim_span": (None, [pointer, integer, pointer]),
        "sim_run": (wide, [pointer, wide, pointer, wide]),
        "sim_access": (wide, [pointer, pointer, integer, ctypes.c_uint32, ctypes.c_uint32]),
        "sim_poke": (None, [pointer, integer, pointer]),
        "sim_peek": (wide, [pointer, integer, pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(api, name)
        function.restype, function.argtypes = result, arguments
    return api
