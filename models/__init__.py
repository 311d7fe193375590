"""Networks, training, data, metrics and export: everything that needs PyTorch."""
