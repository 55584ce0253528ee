"""What archlang writes as ONNX comes in again: routers, codes and normalised branches among it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy
import onnxruntime
import pytest
import torch

import archlang
from archlang.exporting import export
from archlang.exporting.onnx_file import translations
from archlang.importing import import_source, open_source
from tests.exporting.onnx_compared import compared

SPECS = Path(__file__).parents[2] / "specs"


@pytest.mark.parametrize("name", ["claims/gated", "claims/paths", "claims/coded", "multipath/base_cnn_cp"])
def test_a_network_of_ours_comes_back(name: str, tmp_path: Path) -> None:
    model = archlang.compile(archlang.load(SPECS / f"{name}.arch")).eval()
    export(model, "onnx", tmp_path / "net.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own
        found = import_source(open_source(str(tmp_path / "net.onnx")))
    x = torch.rand(3, *model.archlang.network.graph.inputs[0].type.dims)
    with torch.no_grad():
        right = model(x)
        torch.testing.assert_close(found.model(x), right if isinstance(right, torch.Tensor) else right["logits"])


NET = """archlang 1
import std.pce (expert)

network N {
  let by = cosine_router(embed = global_avg_pool -> linear(6), threshold = adaptive, temperature = 0.1)
  input x: [4, 8, 8]
  output x -> patches(4x4) -> experts(3, by) { expert(5, 0) } -> unpatch
}
"""


def test_an_adaptive_threshold_leaves(tmp_path: Path) -> None:
    model = archlang.compile(archlang.loads(NET)).eval()
    compared(model, (4, 8, 8), tmp_path)


class Sorted(torch.nn.Module):
    """The order of numbers along both axes, up and down."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.sort(dim=1, descending=True, stable=True).indices, x.sort(dim=-1, stable=True).indices


def test_of_equal_numbers_the_first_stays_first(tmp_path: Path) -> None:
    """torch's exporter has no stable sort of its own."""
    x = torch.tensor([[[1.0, 2.0, 1.0, 2.0], [2.0, 2.0, 1.0, 0.0], [2.0, 0.0, 1.0, 0.0]]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own
        torch.onnx.export(Sorted(), (x,), tmp_path / "net.onnx", dynamo=True, verbose=False,
                          custom_translation_table=translations())
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    made = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    for ours, theirs in zip(made, Sorted()(x), strict=True):
        assert numpy.array_equal(ours, theirs.numpy())
