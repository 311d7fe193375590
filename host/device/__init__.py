"""What fuses frames: the CPU, the simulated accelerator, the accelerator on a board."""
