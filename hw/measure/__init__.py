"""What units cost: Yosys, longest paths, the table of units."""
