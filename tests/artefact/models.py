"""Small models for the tests of model files."""

from __future__ import annotations

from dataclasses import replace

import torch

from archlang.elaborate.network import loads
from archlang.emit import ArchModule, emit

TEXT = """archlang 1

network Small(classes = 3, size = 3x3) {
  input image: [1, 6, 6]
  features = image -> conv(size, 4) -> batch_norm -> relu
  logits   = features -> global_avg_pool -> linear(classes)
  output logits
}
"""


def small(text: str = TEXT, seed: int = 0, **dials: object) -> ArchModule:
    """A compiled model in evaluation mode, with class names and normalisation."""
    network = loads(text, dials)
    model = emit(network.graph, seed=seed)
    model.archlang = replace(model.archlang, network=network, labels=("a", "b", "ö"), mean=(0.5,), std=(0.25,))
    return model.eval()


def batch(seed: int = 0) -> torch.Tensor:
    """Two images."""
    return torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
