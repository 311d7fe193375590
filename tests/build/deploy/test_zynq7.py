"""The top for Zynq-7000 (``zynq7.v``) in simulation: the processor's twin holds it against the rules of AXI3."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import zynq7

import bench
from bitpan.build.boards import board
from bitpan.build.deploy.ip import IP, Shell
from bitpan.errors import SimulationError
from bitpan.hw.simulate.memory import Behaviour, Memory
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources
from bitpan.registers import DMA, DMA_FINISHED, DMA_INTERRUPT, DMA_STATUS, SIZE
from dma_bench import CONTRARY

ECHO = Path(zynq7.__file__).with_name("echo_accelerator.sv")
RAM, FRAME = 0x1000_0000, 1024
BEHAVIOURS = (
    Behaviour(),
    Behaviour(latency=50, rate=900),
    *CONTRARY,
)


@pytest.fixture
def built(tmp_path):
    """Factory of the sources around an accelerator that echoes; ``(file, right, wrong)`` plants a fault."""

    def make(fault=None):
        units = dict.fromkeys([*unit_sources("bp_dma"), *unit_sources("bp_scene_registers")])
        packages_first = sorted([*units, ECHO], key=lambda file: not file.stem.endswith("_pkg"))
        core = [Path(shutil.copy(file, tmp_path)) for file in packages_first]
        core.append(tmp_path / f"{IP}.v")
        core[-1].write_text(Shell(4, board("pynq-z2")).verilog())
        sources = zynq7.sources(core, tmp_path)
        if fault:
            name, right, wrong = fault
            bench.plant(tmp_path / name, right, wrong)
        return sources

    return make


def exercise(sources, behaviours=BEHAVIOURS, rounds=3):
    """Frames in rows at any distance, one waiting behind the other, in memories of all kinds; every byte compared."""
    simulation = Simulation(sources, zynq7.TOP)
    for seed, behaviour in enumerate(behaviours):
        rng, ram = np.random.default_rng(seed), np.random.default_rng(9).integers(0, 256, 1 << 17, np.uint8)
        memory = Memory(simulation, behaviour)
        simulation.reset()
        memory.map(RAM, ram)
        simulation.write(SIZE, 32 << 16 | 64)
        expected, done = ram.copy(), 0
        for _ in range(rounds):
            for half in range(2):
                start(simulation, rng, expected, half)
            done += 2
            wait(simulation, 0x010101 * done)
            assert simulation.read(SIZE) == 32 << 16 | 64  # of the registers behind the DMA's
            assert simulation.read(DMA_STATUS) == 0x010101
            np.testing.assert_array_equal(ram, expected)
        bench.compared += sum(memory.moved)
        assert memory.idle


def start(simulation, rng, expected, half):
    """A frame's three transfers, in a half of each channel's part of memory; its result is expected there."""
    images, words = {}, expected.view(np.uint16)
    for number, (stream, pixels) in enumerate({"pan": FRAME, "ms": FRAME // 16, "fused": FRAME}.items()):
        pixel = 1 if stream == "pan" else 4
        rows = int(rng.choice([1, 2, 8, 32]))
        row = pixels // rows * pixel
        stride = row + int(rng.integers(0, 9)) * pixel
        offset = number * (1 << 14) + half * (1 << 13) + int(rng.integers(0, 200)) * pixel  # in words of 16 bits
        images[stream] = (offset + stride * np.arange(rows)[:, None] + np.arange(row)).reshape(-1, pixel)
        for place, word in enumerate((RAM + 2 * offset, 0, 2 * row, 2 * stride, rows)):
            simulation.write(DMA[stream] + 4 * place, word)
    words[images["fused"]] = words[images["pan"]] ^ np.repeat(words[images["ms"]], 16, axis=0)


def wait(simulation, finished):
    until = simulation.cycle + 200_000
    while simulation.read(DMA_FINISHED) != finished:
        assert simulation.cycle < until, f"0x{simulation.read(DMA_FINISHED):06x} of 0x{finished:06x} finished"
        simulation.run(100)


def test_images_move(built):
    exercise(built())


def test_the_interrupt_is_the_processors_first(built):
    simulation = Simulation(built(), zynq7.TOP)
    memory = Memory(simulation)
    memory.map(RAM, np.zeros(1 << 17, np.uint8))
    simulation.write(DMA_INTERRUPT, 0x010000)
    assert simulation.peek("irq") == 0
    start(simulation, np.random.default_rng(0), np.zeros(1 << 17, np.uint8), 0)
    wait(simulation, 0x010101)
    assert simulation.peek("irq") == 1
    simulation.write(DMA_STATUS, 0x010000)
    simulation.run(5)
    assert simulation.peek("irq") == 0


FAULTS = {
    "17 beats": ("bp_dma.sv", "awlen_o = {4'd0, awlen}", "awlen_o = 8'(awlen) + 8'd1", "writes: no burst of AXI3"),
    "17 beats read": ("bp_dma.sv", "arlen_o = {4'd0, arlen}", "arlen_o = 8'(arlen) + 8'd1", "reads: no burst of AXI3"),
    "WID": ("zynq7.v", ".SAXIHP1WID(6'd0)", ".SAXIHP1WID(6'd1)", "WID is not the burst's AWID"),
    "WID of a beat": ("zynq7.v", ".SAXIHP1WID(6'd0)", ".SAXIHP1WID({5'd0, wlast})", "WID is not the burst's AWID"),
    "WID while it waits": ("zynq7.v", ".SAXIHP1WID(6'd0)", ".SAXIHP1WID({5'd0, awready})", "WID "),
    "lost last": ("zynq7.v", ".SAXIHP1WLAST(wlast)", ".SAXIHP1WLAST(1'b0)", "wlast_o is not with"),
    "a beat early": ("bp_dma_write.sv", "wlast_o = left_q == 0", "wlast_o = left_q == 1", "wlast_o is not with"),
    "over 4 KB": ("bp_dma_bursts.sv", "room = 5'd16 - 5'(place_q[3:0])", "room = 5'd16", "4 KB"),
    "narrow": ("zynq7.v", ".SAXIHP0ARSIZE(arsize[1:0])", ".SAXIHP0ARSIZE(2'd2)", "a size that is not the bus's"),
    "narrow core": ("bp_dma.sv", "write_awsize_o = 3'($clog2(DataBits / 8))", "write_awsize_o = 3'd2", "a size that"),
    "fixed": ("zynq7.v", ".SAXIHP1AWBURST(awburst)", ".SAXIHP1AWBURST(2'b00)", "not INCR"),
    "exclusive": ("zynq7.v", ".SAXIHP0ARLOCK(2'b00)", ".SAXIHP0ARLOCK(2'b01)", "reads: locked"),
    "cache": ("zynq7.v", ".SAXIHP1AWCACHE(awcache)", ".SAXIHP1AWCACHE(4'b0101)", "writes: .*no kind of cache"),
    "other port": ("zynq7.v", ".SAXIHP0AWVALID(1'b0)", ".SAXIHP0AWVALID(awvalid)", "in the other direction"),
    "RID of a read": ("zynq7.v", ".m_axi_read_rid(rid[0])", ".m_axi_read_rid(rid[1])", "of 0x.* finished"),
    "BID": ("zynq7.v", ".MAXIGP0BID(write_id)", ".MAXIGP0BID(gp_awid)", "the wrong BID"),
    "RID": ("zynq7.v", "if (!reading) read_id <= gp_arid", "read_id <= gp_arid", "the wrong RID"),
    "two writes": ("zynq7.v", "if (!writing) write_id <=", "if (gp_awvalid) write_id <=", "the wrong BID"),
    "no RLAST": ("zynq7.v", ".MAXIGP0RLAST(1'b1)", ".MAXIGP0RLAST(1'b0)", "no RLAST"),
}
"""By name: the file, what of it becomes what, and what is said then."""


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=[pytest.mark.slow] if place % 6 else []) for place, name in enumerate(FAULTS)]
)
def test_planted_faults_are_found(built, fault):
    *planted, said = FAULTS[fault]
    with pytest.raises((AssertionError, SimulationError)) as error:
        exercise(built(planted), BEHAVIOURS[2:4], 2)
    text = str(error.value)
    stopped = re.search(rf"\S*/{re.escape(zynq7.BENCH.name)}:(\d+)\)", text)  # where the cache has it from
    if stopped:  # by a rule of the bench, in whose line it stands
        text = zynq7.BENCH.read_text().splitlines()[int(stopped[1]) - 1]
    assert re.search(said, text), text
