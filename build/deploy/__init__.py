"""From a design to the deployment folder: package, proof, areas, Vivado."""
