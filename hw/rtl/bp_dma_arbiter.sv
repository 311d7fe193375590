// Two readers at one AXI read port, in turn where both ask: an ID each, by which their data finds back. Once stopped, it
// lets what is under way end and begins nothing more.

module bp_dma_arbiter #(
    parameter int unsigned AddressBits = 40
) (
    input  logic                                    clk_i,
    input  logic                                    rst_ni,
    input  logic                                    stop_i,
    output logic                                    quiet_o,          // nothing is offered or under way
    input  logic                                    burst_ended_i,    // for a clock: its last data came
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
    logic [6:0] under_way_q;  // bursts: at most all words that two readers have room for

    assign choice = burst_valid_i[1] && !(burst_valid_i[0] && m_axi_arid_o);
    assign burst_ready_o = m_axi_arvalid_o || stop_i ? 2'b00 : {choice, !choice};
    assign quiet_o = !m_axi_arvalid_o && under_way_q == 0;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) m_axi_arvalid_o <= 1'b0;
        else m_axi_arvalid_o <= m_axi_arvalid_o ? !m_axi_arready_i : |burst_valid_i && !stop_i;
        if (!rst_ni) under_way_q <= '0;
        else under_way_q <= under_way_q + 7'(m_axi_arvalid_o && m_axi_arready_i) - 7'(burst_ended_i);
        if (!rst_ni) m_axi_arid_o <= 1'b0;
        else if (!m_axi_arvalid_o && |burst_valid_i) m_axi_arid_o <= choice;
    end
    always_ff @(posedge clk_i) begin
        if (!m_axi_arvalid_o) {m_axi_araddr_o, m_axi_arlen_o} <= {burst_address_i[choice], burst_length_i[choice]};
    end
endmodule
