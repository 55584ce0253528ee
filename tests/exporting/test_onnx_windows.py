"""Windows cut and put back, calculated kernels and noise leave as ONNX and give there what they give here."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional

import archlang
from tests.exporting.onnx_compared import compared

NET = """archlang 1
network N {
  input x: [4, 9, 8]
  output apart = x -> unfold(3x2, stride = size(2, 1)) -> layer_norm -> fold(9x8, 3x2, stride = size(2, 1))
  output over = x -> unfold(3x3, stride = 1, padding = 1, dilation = 2)
                  -> fold(9x8, 3x3, stride = 1, padding = 1, dilation = 2)
  output kernels = x -> conv(3x3, 4, groups = 2, weights = scaled(gamma = 1.7)) -> noise(std = 2) -> relu
                     -> conv(2x2, 3, weights = standardized) -> depthwise_conv(3x3, weights = weight_norm)
}
"""


ATTENTION = """archlang 1
network N {
  input x: [8, 4, 6]
  output whole   = x -> window_attention(2, 2x3)
  output single  = x -> window_attention(2, 4x6)
  output shifted = x -> window_attention(4, 2x3, shift = size(1, 2), scale = 0.3)
}
"""


def test_onnxruntime_gives_what_torch_gives(tmp_path: Path) -> None:
    model = archlang.compile(archlang.loads(NET)).eval()
    compared(model, (4, 9, 8), tmp_path)

    for batch in (1, 3):
        x = torch.randn(batch, 4, 9, 8)
        right = model(x)

        # And of windows what torch's own functions give, so that both sides are not wrong alike.
        cut = functional.unfold(x, 3, 2, 1, 1)
        assert torch.allclose(right["over"], functional.fold(cut, (9, 8), 3, 2, 1, 1), atol=1e-5)


def test_attention_in_windows_leaves(tmp_path: Path) -> None:
    model = archlang.compile(archlang.loads(ATTENTION)).eval()
    compared(model, (8, 4, 6), tmp_path)
