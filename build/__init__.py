"""From a QONNX model to a verified accelerator and its deployment folder."""
