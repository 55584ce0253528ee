"""Comparison of two models on random inputs."""

from __future__ import annotations

from typing import Any

import torch

from archlang.exporting.checking import example_inputs
from archlang.rewrite.verify import Comparison, verify, verify_nodes

SAMPLES = 4


def require_equal(before: Any, after: torch.nn.Module, seed: int = 0) -> Comparison:
    """Compare a model of archlang with its rewritten form. Raises ArchError (not-equal)."""
    return verify(before, after, random_inputs(before.archlang.network.graph, seed)).check()


def compared_line(compared: Comparison) -> str:
    """A line that says how near two models are."""
    return f"verified on {SAMPLES} random samples: results up to {compared.largest:.3g}, equal to {compared.error:.1g}"


def node_errors(before: Any, after: Any, seed: int = 0) -> list[str]:
    """A line for each fused node: its parts, and its largest error in float64."""
    errors = verify_nodes(before, after, random_inputs(before.archlang.network.graph, seed))
    parts = {merge.into: len(merge.parts) for merge in after.meta["report"].merges}
    return [f"{place}: {parts[place]} nodes became one, largest error {error:.1e}" for place, error in errors.items()]


def random_inputs(graph: Any, seed: int = 0) -> list[torch.Tensor]:
    """A batch [SAMPLES, ...] for every input of a graph, in torch's own type."""
    return example_inputs(graph, SAMPLES, seed, torch.get_default_dtype())
