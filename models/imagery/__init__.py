"""Images to train and judge on: readers, invented scenes, degradation. Needs no PyTorch."""
