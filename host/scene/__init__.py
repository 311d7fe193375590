"""A PAN/MS pair on one grid: rasters, tiles, registration, scene parameters."""
