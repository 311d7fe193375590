"""The accelerator's units: SystemVerilog, a FINN operator class each, and the tools that simulate and measure them."""
