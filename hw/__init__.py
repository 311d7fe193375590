"""The accelerator's units: SystemVerilog, one FINN operator class each, and the tools that simulate and measure them."""
