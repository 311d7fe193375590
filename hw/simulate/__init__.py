"""Verilated designs: streams, registers, a stand-in for the board."""
