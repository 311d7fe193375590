"""The IP core against AXI models of others: cocotbext-axi's memories and AXI-Lite master, under cocotb."""

import numpy as np
import pytest

import cosimulation
from bitpan.host.device.fpga import FpgaDevice

pytestmark = pytest.mark.slow

TOP = """
module cosimulated_top (
    input ap_clk /* verilator public_flat_rw */, input ap_rst_n /* verilator public_flat_rw */,
{ports}
    output m_axi_write_awid /* verilator public_flat_rw */, input m_axi_write_bid /* verilator public_flat_rw */
);
    assign m_axi_write_awid = 1'b0;
    bitpan_ip core (.irq(), .ap_clk(ap_clk), .ap_rst_n(ap_rst_n), {links});
endmodule
"""


@pytest.fixture(scope="module")
def built(package, tmp_path_factory):
    """The program: the core with an ID on its write port, which that memory wants."""
    folder = tmp_path_factory.mktemp("cosimulation")
    text = (package.folder / "ip/rtl/bitpan_ip.v").read_text()
    ports = [line.strip().rstrip(",") for line in text.split(");")[0].splitlines()[2:] if "axi" in line]
    links = ", ".join(f".{name}({name})" for name in (port.split()[-1] for port in ports))
    (folder / "top.v").write_text(
        TOP.format(ports="\n".join(f"    {port} /* verilator public_flat_rw */," for port in ports), links=links)
    )
    cosimulation.build([*package.sources, folder / "top.v"], "cosimulated_top", folder)
    return folder


@pytest.mark.parametrize("share", [0, 0.3, 0.7])
def test_two_frames(built, system, package, make_frames, share):
    """The driver's own register writes, recorded, replayed against the other models: the same memory in the end."""
    frames, (scene, *_) = make_frames(2)
    device, writes, write = FpgaDevice(package, system), [], system.write
    system.write = lambda address, value: writes.append((address, value)) or write(address, value)
    device.load_scene(scene)
    list(device.fuse((inputs["pan"], inputs["ms"]) for inputs in frames))
    job = {"writes": np.array(writes, np.int64), "bases": [buffer.physical_address for buffer in system.buffers]}
    for number, buffer in enumerate(system.buffers):
        job[f"after{number}"] = buffer.ram
        job[f"before{number}"] = np.zeros_like(buffer.ram) if number % 3 == 2 else buffer.ram
    np.savez(built / "job.npz", finished=0x020202, **job)
    told, passed = cosimulation.run(built, "cosimulated_top", "cosimulated_core", JOB=built / "job.npz", PAUSES=share)
    assert passed, told


def test_a_wrong_byte_is_found(built):
    job = dict(np.load(built / "job.npz"))
    job["after5"][-1] ^= 1
    np.savez(built / "wrong.npz", **job)
    told, passed = cosimulation.run(built, "cosimulated_top", "cosimulated_core", JOB=built / "wrong.npz", PAUSES=0)
    assert not passed and "buffer 5" in told
