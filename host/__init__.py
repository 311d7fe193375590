"""What runs on the board: scenes, tiles, scene parameters, devices, fusing."""
