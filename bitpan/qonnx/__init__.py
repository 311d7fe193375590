"""QONNX files: one grammar writes the integer model and reads it back."""
