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
    set ps_ip processing_system7
    set ps_apply {make_external {FIXED_IO, DDR} apply_board_preset 1 Master Disable Slave Disable}
    set ps_config {CONFIG.PCW_USE_S_AXI_HP0 1 CONFIG.PCW_USE_S_AXI_HP1 1 CONFIG.PCW_USE_M_AXI_GP0 1 \
        CONFIG.PCW_EN_CLK0_PORT 1 CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz \
        CONFIG.PCW_USE_FABRIC_INTERRUPT 1 CONFIG.PCW_IRQ_F2P_INTR 1}
    set ps_interrupt IRQ_F2P
    set ps_master M_AXI_GP0
    set ps_slaves {S_AXI_HP0 S_AXI_HP1}
    set ps_clock FCLK_CLK0
    set ps_reset FCLK_RESET0_N
    set ps_bus_clocks {M_AXI_GP0_ACLK S_AXI_HP0_ACLK S_AXI_HP1_ACLK}
} else {
    set ps_ip zynq_ultra_ps_e
    set ps_apply {apply_board_preset 1}
    set ps_config {CONFIG.PSU__USE__M_AXI_GP0 1 CONFIG.PSU__USE__M_AXI_GP1 0 CONFIG.PSU__USE__M_AXI_GP2 0 \
        CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__USE__S_AXI_GP3 1 CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $clock_mhz \
        CONFIG.PSU__USE__IRQ0 1}
    set ps_interrupt pl_ps_irq0
    set ps_master M_AXI_HPM0_FPD
    set ps_slaves {S_AXI_HP0_FPD S_AXI_HP1_FPD}
    set ps_clock pl_clk0
    set ps_reset pl_resetn0
    set ps_bus_clocks {maxihpm0_fpd_aclk saxihp0_fpd_aclk saxihp1_fpd_aclk}
}

# The system: processor and core.
say "building the block design"
create_project -force bitpan [file join $$work system] -part $part
set boards [get_board_parts -quiet -latest_file_version {*$board_part*}]
if {"$board_part" ne "" && [llength $$boards]} { set_property board_part [lindex $$boards 0] [current_project] }
set_property ip_repo_paths [file join $$folder $core] [current_project]
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

create_bd_cell -type ip -vlnv bitpan:user:$ip:$version $ip
connect_bd_net $$clock [get_bd_pins $ip/ap_clk]
connect_bd_net $$resetn [get_bd_pins $ip/ap_rst_n]
connect_bd_net [get_bd_pins $ip/irq] [get_bd_pins ps/$$ps_interrupt]

# Its registers at the processor's master; its reads and its writes at a memory port each.
lassign $$ps_slaves read_port write_port
foreach {name from to} [list control ps/$$ps_master $ip/s_axi reads $ip/m_axi_read ps/$$read_port \
    writes $ip/m_axi_write ps/$$write_port] {
    set cell [create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect $$name]
    set_property -dict {CONFIG.NUM_SI 1 CONFIG.NUM_MI 1} $$cell
    connect_bd_net $$clock [get_bd_pins $$name/aclk]
    connect_bd_net $$resetn [get_bd_pins $$name/aresetn]
    connect_bd_intf_net [get_bd_intf_pins $$from] [get_bd_intf_pins $$name/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins $$name/M00_AXI] [get_bd_intf_pins $$to]
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
