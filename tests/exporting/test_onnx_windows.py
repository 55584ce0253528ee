"""Windows cut and put back, calculated kernels and noise leave as ONNX and give there what they give here."""

from __future__ import annotations

from pathlib import Path

import numpy
import onnxruntime
import pytest
import torch
from torch.nn import functional

import archlang
from archlang.exporting import export

FLOWS = {
    "windows": "unfold(3x2, stride = size(2, 1)) -> layer_norm -> fold(9x8, 3x2, stride = size(2, 1))",
    "overlapping": "unfold(3x3, stride = 1, padding = 1, dilation = 2) -> fold(9x8, 3x3, stride = 1, padding = 1, "
                   "dilation = 2)",
    "kernels": "conv(3x3, 4, groups = 2, weights = scaled(gamma = 1.7)) -> noise(std = 2) -> relu "
               "-> conv(2x2, 3, weights = standardized) -> depthwise_conv(3x3, weights = weight_norm)",
}


@pytest.mark.parametrize("flow", FLOWS)
def test_onnxruntime_gives_what_torch_gives(flow: str, tmp_path: Path) -> None:
    net = archlang.loads(f"archlang 1\nnetwork N {{\n  input x: [4, 9, 8]\n  output x -> {FLOWS[flow]}\n}}\n")
    model = archlang.compile(net).eval()
    export(model, "onnx", tmp_path / "net.onnx")

    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        x = torch.randn(batch, 4, 9, 8)
        (made,) = session.run(None, {"x": x.numpy()})
        assert numpy.allclose(made, model(x).detach().numpy(), atol=1e-5)


def test_windows_are_torchs() -> None:
    """So that both sides are not wrong alike."""
    flow = FLOWS["overlapping"]
    net = archlang.loads(f"archlang 1\nnetwork N {{\n  input x: [4, 9, 8]\n  output x -> {flow}\n}}\n")
    x = torch.randn(2, 4, 9, 8)
    cut = functional.unfold(x, 3, 2, 1, 1)
    assert torch.allclose(archlang.compile(net)(x), functional.fold(cut, (9, 8), 3, 2, 1, 1), atol=1e-5)
