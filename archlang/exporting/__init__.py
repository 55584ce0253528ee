"""The way out: a model as PyTorch source, ONNX, a program of `torch.export`, or bare weights, each proved equal."""

from archlang.exporting.formats import FORMATS, Exported, export

__all__ = ["FORMATS", "Exported", "export"]
