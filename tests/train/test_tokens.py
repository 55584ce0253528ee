"""Training on tokens: from the data to the network they stay whole numbers, within the range that is declared."""

from __future__ import annotations

import pytest
import torch

import archlang
from archlang import ArchError
from archlang.train.data.ready import for_training
from archlang.train.data.user_data import understand
from archlang.train.fitting import fit_to

NET = """archlang 1
network Sum {
  input tokens: [4] (range = 200)
  output tokens -> embedding(8) -> global_avg_pool -> linear(2)
}
"""


def data(samples: object) -> object:
    """Forty samples, half of each class."""
    labels = torch.arange(40) % 2
    return understand("mine", (samples, labels))


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.int16, torch.float32])
def test_bytes_and_others_reach_the_network_as_they_are(dtype: torch.dtype) -> None:
    samples = torch.arange(160).reshape(40, 4).to(dtype)
    graph = archlang.loads(NET).graph
    ready = for_training(data(samples), graph, None, None)
    fit = fit_to(graph, ready.train)
    assert (fit.mean, fit.std) == (None, None)
    seen = fit(ready.train.batch(range(3))[0])
    assert seen.dtype == torch.int64
    rows = {tuple(row) for row in samples.long().tolist()}
    assert all(tuple(row) in rows for row in seen.tolist())


@pytest.mark.parametrize(("samples", "words"), [
    (torch.full((40, 4), 200), "from 0 to 199, a sample holds 200"),
    (torch.full((40, 4), 0.5), "holds fractions"),
    (torch.zeros(40, 5, dtype=torch.int64), r"wants \[4\] of 0..199"),
])
def test_other_data_is_refused(samples: torch.Tensor, words: str) -> None:
    graph = archlang.loads(NET).graph
    ready = for_training(data(samples), graph, None, None)
    with pytest.raises(ArchError, match=words) as raised:
        fit_to(graph, ready.train)(ready.train.batch(range(40 * 4 // 5))[0])
    assert raised.value.diagnostics[0].name == "bad-data"
