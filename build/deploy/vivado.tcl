# Synthesises this package into bitpan.bit and bitpan.hwh. Run in its folder:
#     vivado -mode batch -source build.tcl
# Written by bitpan build; it has been run by no Vivado yet.
set_param general.maxThreads 8
set folder [file normalize [file dirname [info script]]]
set work [file join $$folder $work]
file delete -force $$work
file mkdir $$work

proc say {what} { puts "bitpan: $$what"; flush stdout }

# Only what bitpan build has written goes into the bitstream.
cd $$folder
exec sha256sum --check --quiet $checksums

# The processing system: of a Zynq 7000 or a Zynq UltraScale+.
if {"$zynq" eq "7"} {
    set address_bits 32
    set ps_ip processing_system7
    set ps_apply {make_external {FIXED_IO, DDR} apply_board_preset 1 Master Disable Slave Disable}
    set ps_config {CONFIG.PCW_USE_S_AXI_HP0 1 CONFIG.PCW_USE_S_AXI_HP1 1 CONFIG.PCW_USE_M_AXI_GP0 1 \
        CONFIG.PCW_EN_CLK0_PORT 1 CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz}
    set ps_master M_AXI_GP0
    set ps_slaves {S_AXI_HP0 S_AXI_HP1}
    set ps_clock FCLK_CLK0
    set ps_reset FCLK_RESET0_N
    set ps_bus_clocks {M_AXI_GP0_ACLK S_AXI_HP0_ACLK S_AXI_HP1_ACLK}
} else {
    set address_bits 40
    set ps_ip zynq_ultra_ps_e
    set ps_apply {apply_board_preset 1}
    set ps_config {CONFIG.PSU__USE__M_AXI_GP0 1 CONFIG.PSU__USE__M_AXI_GP1 0 CONFIG.PSU__USE__M_AXI_GP2 0 \
        CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__USE__S_AXI_GP3 1 CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $clock_mhz}
    set ps_master M_AXI_HPM0_FPD
    set ps_slaves {S_AXI_HP0_FPD S_AXI_HP1_FPD}
    set ps_clock pl_clk0
    set ps_reset pl_resetn0
    set ps_bus_clocks {maxihpm0_fpd_aclk saxihp0_fpd_aclk saxihp1_fpd_aclk}
}

set sources [lmap file {
    $sources
} { file join $$folder $$file }]

# The accelerator as an IP core.
say "packaging the accelerator"
create_project -force core [file join $$work core] -part $part
add_files -norecurse $$sources
set_property top $top [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir [file join $$work ip] -vendor bitpan -library user -taxonomy /UserIP \
    -import_files -set_current true -force
set core [ipx::current_core]
set_property name $top $$core
set_property version 1.0 $$core
set_property display_name "bitpan accelerator" $$core
ipx::infer_bus_interfaces xilinx.com:interface:axis_rtl:1.0 $$core
ipx::infer_bus_interface {s_axi_awaddr s_axi_awvalid s_axi_awready s_axi_wdata s_axi_wstrb s_axi_wvalid s_axi_wready \
    s_axi_bresp s_axi_bvalid s_axi_bready s_axi_araddr s_axi_arvalid s_axi_arready s_axi_rdata s_axi_rresp \
    s_axi_rvalid s_axi_rready} xilinx.com:interface:aximm_rtl:1.0 $$core
if {[llength [ipx::get_memory_maps -of_objects $$core]] == 0} {
    ipx::add_memory_map s_axi $$core
    set_property slave_memory_map_ref s_axi [ipx::get_bus_interfaces s_axi -of_objects $$core]
    ipx::add_address_block reg0 [ipx::get_memory_maps s_axi -of_objects $$core]
}
set block [ipx::get_address_blocks -of_objects [ipx::get_memory_maps -of_objects $$core]]
set_property range 65536 $$block
set_property width 32 $$block
foreach bus {s_axi $pan $ms $fused} {
    ipx::associate_bus_interfaces -busif $$bus -clock ap_clk $$core
}
ipx::create_xgui_files $$core
ipx::update_checksums $$core
ipx::save_core $$core
close_project

# The system: processor, three DMAs, the accelerator.
say "building the block design"
create_project -force bitpan [file join $$work system] -part $part
set boards [get_board_parts -quiet -latest_file_version {*$board_part*}]
if {"$board_part" ne "" && [llength $$boards]} { set_property board_part [lindex $$boards 0] [current_project] }
set_property ip_repo_paths [file join $$work ip] [current_project]
update_ip_catalog
create_bd_design bitpan

set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:$$ps_ip ps]
if {[llength $$boards]} {
    apply_bd_automation -rule xilinx.com:bd_rule:$$ps_ip -config $$ps_apply $$ps
} elseif {"$zynq" eq "7"} {
    apply_bd_automation -rule xilinx.com:bd_rule:$$ps_ip \
        -config {make_external "FIXED_IO, DDR" Master Disable Slave Disable} $$ps
}
set_property -dict [list {*}$$ps_config] $$ps
set clock [get_bd_pins ps/$$ps_clock]
foreach pin $$ps_bus_clocks { connect_bd_net $$clock [get_bd_pins ps/$$pin] }

set reset [create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset]
connect_bd_net $$clock [get_bd_pins reset/slowest_sync_clk]
connect_bd_net [get_bd_pins ps/$$ps_reset] [get_bd_pins reset/ext_reset_in]
set resetn [get_bd_pins reset/peripheral_aresetn]

set accelerator [create_bd_cell -type ip -vlnv bitpan:user:$top:1.0 $top]
connect_bd_net $$clock [get_bd_pins $top/ap_clk]
connect_bd_net $$resetn [get_bd_pins $top/ap_rst_n]

# Simple DMAs with a 26-bit length register: up to 64 MiB a transfer, no scatter-gather.
proc dma {name reads writes stream_bits memory_bits} {
    upvar clock clock resetn resetn address_bits address_bits
    set cell [create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma $$name]
    set_property -dict [list CONFIG.c_include_sg 0 CONFIG.c_sg_length_width 26 CONFIG.c_addr_width $$address_bits \
        CONFIG.c_include_mm2s $$reads CONFIG.c_include_s2mm $$writes] $$cell
    if {$$reads} {
        set_property -dict [list CONFIG.c_m_axi_mm2s_data_width $$memory_bits \
            CONFIG.c_m_axis_mm2s_tdata_width $$stream_bits CONFIG.c_mm2s_burst_size 16] $$cell
        connect_bd_net $$clock [get_bd_pins $$name/m_axi_mm2s_aclk]
    } else {
        set_property -dict [list CONFIG.c_m_axi_s2mm_data_width $$memory_bits CONFIG.c_s2mm_burst_size 16] $$cell
        connect_bd_net $$clock [get_bd_pins $$name/m_axi_s2mm_aclk]
    }
    connect_bd_net $$clock [get_bd_pins $$name/s_axi_lite_aclk]
    connect_bd_net $$resetn [get_bd_pins $$name/axi_resetn]
}
# A DMA's stream is a power of two of bits; a converter in between takes up other numbers of bands.
proc widths {name from to from_bits to_bits} {
    upvar clock clock resetn resetn
    if {$$from_bits == $$to_bits} {
        connect_bd_intf_net [get_bd_intf_pins $$from] [get_bd_intf_pins $$to]
        return
    }
    set cell [create_bd_cell -type ip -vlnv xilinx.com:ip:axis_dwidth_converter $$name]
    set_property -dict [list CONFIG.S_TDATA_NUM_BYTES [expr {$$from_bits / 8}] \
        CONFIG.M_TDATA_NUM_BYTES [expr {$$to_bits / 8}] CONFIG.HAS_TLAST 1] $$cell
    connect_bd_net $$clock [get_bd_pins $$name/aclk]
    connect_bd_net $$resetn [get_bd_pins $$name/aresetn]
    connect_bd_intf_net [get_bd_intf_pins $$from] [get_bd_intf_pins $$name/S_AXIS]
    connect_bd_intf_net [get_bd_intf_pins $$name/M_AXIS] [get_bd_intf_pins $$to]
}
dma axi_dma_pan 1 0 16 32
dma axi_dma_ms 1 0 $memory_bits $memory_bits
dma axi_dma_fused 0 1 $memory_bits $memory_bits
widths pan_width axi_dma_pan/M_AXIS_MM2S $top/$pan 16 16
widths ms_width axi_dma_ms/M_AXIS_MM2S $top/$ms $memory_bits $ms_bits
widths fused_width $top/$fused axi_dma_fused/S_AXIS_S2MM $ms_bits $memory_bits

# Registers: one master, four slaves.
set control [create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect control]
set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 4] $$control
connect_bd_net $$clock [get_bd_pins control/aclk]
connect_bd_net $$resetn [get_bd_pins control/aresetn]
connect_bd_intf_net [get_bd_intf_pins ps/$$ps_master] [get_bd_intf_pins control/S00_AXI]
set port 0
foreach slave {$top/s_axi axi_dma_pan/S_AXI_LITE axi_dma_ms/S_AXI_LITE axi_dma_fused/S_AXI_LITE} {
    connect_bd_intf_net [get_bd_intf_pins [format control/M%02d_AXI $$port]] [get_bd_intf_pins $$slave]
    incr port
}

# Memory: the inputs share one port, the output, which carries most, has its own.
lassign $$ps_slaves read_port write_port
foreach {name count masters slave} [list \
    reads 2 {axi_dma_pan/M_AXI_MM2S axi_dma_ms/M_AXI_MM2S} $$read_port \
    writes 1 {axi_dma_fused/M_AXI_S2MM} $$write_port] {
    set cell [create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect $$name]
    set_property -dict [list CONFIG.NUM_SI $$count CONFIG.NUM_MI 1] $$cell
    connect_bd_net $$clock [get_bd_pins $$name/aclk]
    connect_bd_net $$resetn [get_bd_pins $$name/aresetn]
    set port 0
    foreach master $$masters {
        connect_bd_intf_net [get_bd_intf_pins $$master] [get_bd_intf_pins [format $$name/S%02d_AXI $$port]]
        incr port
    }
    connect_bd_intf_net [get_bd_intf_pins $$name/M00_AXI] [get_bd_intf_pins ps/$$slave]
}
assign_bd_address
validate_bd_design
save_bd_design

say "synthesis and implementation"
make_wrapper -files [get_files bitpan.bd] -top -import
set_property top bitpan_wrapper [current_fileset]
launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
if {[get_property PROGRESS [get_runs impl_1]] ne "100%"} { error "implementation failed" }
open_run impl_1
report_utilization -hierarchical -file [file join $$work utilization.rpt]
report_timing_summary -file [file join $$work timing.rpt]
set slack [get_property SLACK [get_timing_paths -max_paths 1 -nworst 1 -setup]]
if {$$slack < 0} { error "timing is not met: worst slack $$slack ns; build with a lower clock" }

say "writing bitpan.bit and bitpan.hwh"
file copy -force [file join $$work system bitpan.runs impl_1 bitpan_wrapper.bit] [file join $$folder bitpan.bit]
file copy -force [lindex [glob [file join $$work system bitpan.gen sources_1 bd bitpan hw_handoff bitpan.hwh]] 0] \
    [file join $$folder bitpan.hwh]

say "checksums of both"
set built [exec grep -v { bitpan[.]} $checksums]
set made [exec sha256sum bitpan.bit bitpan.hwh]
set file [open $checksums w]
puts $$file "$$built\n$$made"
close $$file
