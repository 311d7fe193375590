// Two readers at one AXI read port, in turn where both ask: an ID each, by which their data finds back.

module bp_dma_arbiter #(
    parameter int unsigned AddressBits = 40
) (
    input  logic                                    clk_i,
    input  logic                                    rst_ni,
    input  logic [            1:0][AddressBits-1:0] burst_address_i,
    input  logic [            1:0][            3:0] burst_length_i,   // beats - 1
    input  logic [            1:0]                  burst_valid_i,
    output logic [            1:0]                  burst_ready_o,
    output logic [AddressBits-1:0]                  m_axi_araddr_o,
    output logic [            3:0]                  m_axi_arlen_o,
    output logic                                    m_axi_arid_o,
    output logic                                    m_axi_arvalid_o,
    input  logic                                    m_axi_arready_i
);
    logic choice;

    assign choice = burst_valid_i[1] && !(burst_valid_i[0] && m_axi_arid_o);
    assign burst_ready_o = m_axi_arvalid_o ? 2'b00 : {choice, !choice};

    always_ff @(posedge clk_i) begin
        if (!rst_ni) m_axi_arvalid_o <= 1'b0;
        else m_axi_arvalid_o <= m_axi_arvalid_o ? !m_axi_arready_i : |burst_valid_i;
        if (!rst_ni) m_axi_arid_o <= 1'b0;
        else if (!m_axi_arvalid_o && |burst_valid_i) m_axi_arid_o <= choice;
    end
    always_ff @(posedge clk_i) begin
        if (!m_axi_arvalid_o) {m_axi_araddr_o, m_axi_arlen_o} <= {burst_address_i[choice], burst_length_i[choice]};
    end
endmodule
