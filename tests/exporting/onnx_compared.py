"""A model of one input `x`, and what onnxruntime makes of the ONNX file that it is written to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy
import onnxruntime
import torch
from torch.fx import GraphModule

from archlang.exporting import export


def compared(model: GraphModule, shape: tuple[int, ...], folder: Path) -> None:
    """Assert that every output is equal to 1e-5 for one sample and for three, of this shape each."""
    path = folder / "net.onnx"
    export(model, "onnx", path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    for batch in (1, 3):
        x = torch.randn(batch, *shape)
        right = model(x)
        if not isinstance(right, Mapping):
            right = {"x": right}

        for made, wanted in zip(session.run(None, {"x": x.numpy()}), right.values(), strict=True):
            assert numpy.allclose(made, wanted.detach().numpy(), atol=1e-5)
