"""bitpan: binary pan-sharpening networks, from training to a bit-exact FPGA accelerator."""

__version__ = "0.1.0"
