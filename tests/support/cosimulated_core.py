"""What cocotb runs: an IP core between cocotbext-axi's AXI-Lite master and its two AXI memories, all pausing at random.

The job says what the driver wrote to which register, what lies in memory, and what must lie there in the end.
"""

import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiRamRead, AxiRamWrite, AxiReadBus, AxiWriteBus

FINISHED = 0x400C
SIZE = 1 << 24  # of memory: the upper bits of addresses are compared by another test


def pauses(seed, share):
    generator = random.Random(seed)
    while True:
        yield generator.random() < share


@cocotb.test()
async def frames(dut):
    """Replay the driver's writes; wait; compare all of memory."""
    job, share = np.load(os.environ["JOB"]), float(os.environ["PAUSES"])
    cocotb.start_soon(Clock(dut.ap_clk, 10, unit="ns").start())
    dut.ap_rst_n.value = 0
    reset = {"reset": dut.ap_rst_n, "reset_active_level": False}
    lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.ap_clk, **reset)
    reads = AxiRamRead(AxiReadBus.from_prefix(dut, "m_axi_read"), dut.ap_clk, size=SIZE, **reset)
    writes = AxiRamWrite(AxiWriteBus.from_prefix(dut, "m_axi_write"), dut.ap_clk, size=SIZE, mem=reads.mem, **reset)
    channels = [reads.ar_channel, reads.r_channel, writes.aw_channel, writes.w_channel, writes.b_channel]
    for seed, channel in enumerate(channels):
        channel.set_pause_generator(pauses(seed, share))
    for number, base in enumerate(job["bases"]):
        reads.write(int(base) % SIZE, job[f"before{number}"].tobytes())
    await ClockCycles(dut.ap_clk, 10)
    dut.ap_rst_n.value = 1
    await ClockCycles(dut.ap_clk, 10)
    for address, value in job["writes"]:
        await lite.write_dword(int(address), int(value))
    for _ in range(2000):
        if await lite.read_dword(FINISHED) == int(job["finished"]):
            break
        await ClockCycles(dut.ap_clk, 100)
    else:
        raise AssertionError("the transfers do not finish")
    for number, base in enumerate(job["bases"]):
        expected = job[f"after{number}"].tobytes()
        assert reads.read(int(base) % SIZE, len(expected)) == expected, f"buffer {number}"
