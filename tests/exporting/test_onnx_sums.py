"""Sums that decay, lists that are calculated and numbers that are added leave as ONNX, for lines of any length."""

from __future__ import annotations

from pathlib import Path

import numpy
import onnxruntime
import pytest
import torch

import archlang
from archlang.exporting import export
from archlang.layers import decayed_sum

NET = """archlang 1
network N {
  input x: [T, 3]
  decay = x -> linear(3) -> sigmoid
  seen  = x -> cumsum(positions, decay = decay) -> shift(0.5)
  output seen -> mul(parameter([1, 3], values = [for i in range(3) { 2 ** i }], trained = false))
}
"""


def test_lines_of_any_length_leave_exactly(tmp_path: Path) -> None:
    """A program that was exported with one length must take as many rounds as another one needs."""
    model = archlang.compile(archlang.loads(NET)).eval()
    export(model, "onnx", tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    for length in (1, 2, 3, 5, 17, 70):
        x = torch.randn(2, length, 3)
        (made,) = session.run(None, {"x": x.numpy()})
        assert numpy.allclose(made, model(x).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 3, 8, 13])
def test_rounds_give_what_one_place_after_the_other_gives(length: int) -> None:
    x, d = torch.randn(2, 3, length, 4, dtype=torch.float64), torch.randn(2, 3, length, 1, dtype=torch.float64)
    h, states = torch.zeros(2, 3, 4, dtype=torch.float64), []
    for t in range(length):
        h = d[:, :, t] * h + x[:, :, t]
        states.append(h)
    torch.testing.assert_close(decayed_sum(x, d, 2), torch.stack(states, 2), rtol=1e-12, atol=1e-12)
