"""An IP core around an accelerator that does nothing."""

import pytest

from bitpan.build.boards import board
from bitpan.build.deploy.ip import Shell, write_ip
from bitpan.hw.sources import unit_sources

ACCELERATOR = """
module bitpan_accelerator (
    input ap_clk, input ap_rst_n,
    input [15:0] s_axi_awaddr, input s_axi_awvalid, output s_axi_awready,
    input [31:0] s_axi_wdata, input [3:0] s_axi_wstrb, input s_axi_wvalid, output s_axi_wready,
    output [1:0] s_axi_bresp, output s_axi_bvalid, input s_axi_bready,
    input [15:0] s_axi_araddr, input s_axi_arvalid, output s_axi_arready,
    output [31:0] s_axi_rdata, output [1:0] s_axi_rresp, output s_axi_rvalid, input s_axi_rready,
    input [15:0] s_axis_pan_tdata, input s_axis_pan_tvalid, input s_axis_pan_tlast, output s_axis_pan_tready,
    input [BITS-1:0] s_axis_ms_tdata, input s_axis_ms_tvalid, input s_axis_ms_tlast, output s_axis_ms_tready,
    output [BITS-1:0] m_axis_fused_tdata, output m_axis_fused_tvalid, output m_axis_fused_tlast,
    input m_axis_fused_tready
);
    assign {s_axi_awready, s_axi_wready, s_axi_bresp, s_axi_bvalid, s_axi_arready, s_axi_rdata, s_axi_rresp} = 0;
    assign {s_axi_rvalid, s_axis_pan_tready, s_axis_ms_tready} = 0;
    assign {m_axis_fused_tdata, m_axis_fused_tvalid, m_axis_fused_tlast} = 0;
endmodule
"""


@pytest.fixture
def core(tmp_path):
    """Factory of a core's folder, around an accelerator that does nothing."""

    def make(name="pynq-z2", bands=4):
        (tmp_path / "rtl").mkdir(exist_ok=True)
        (tmp_path / "rtl/bitpan_accelerator.v").write_text(ACCELERATOR.replace("BITS", str(16 * bands)))
        sources = []
        for source in sorted(unit_sources("bp_dma"), key=lambda file: not file.stem.endswith("_pkg")):
            (tmp_path / "rtl" / source.name).write_bytes(source.read_bytes())
            sources.append(f"rtl/{source.name}")
        sources.append("rtl/bitpan_accelerator.v")
        assert write_ip(tmp_path, Shell(bands, board(name)), sources) == "rtl/bitpan_ip.v"
        return tmp_path, [*sources, "rtl/bitpan_ip.v"]

    return make
