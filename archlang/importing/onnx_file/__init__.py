"""ONNX files as torch modules: read operator by operator, run beside onnxruntime."""

from archlang.importing.onnx_file.opening import copies, open_onnx

__all__ = ["copies", "open_onnx"]
