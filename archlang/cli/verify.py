"""Whether two models compute the same: compared on random inputs in float64."""

from __future__ import annotations

import copy
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph
from archlang.shapes import Symbol, substitute

SAMPLES, BATCH = 4, 2
TOLERANCE = 1e-5
"""Largest difference, relative to the largest result: fused weights are rounded to the model's type in every layer."""


def verify_equal(before: torch.fx.GraphModule, after: torch.fx.GraphModule, seed: int = 0) -> str:
    """Compare two models on random inputs; a line that says how near they are. Raises ArchError (not-equal)."""
    graph: Graph = before.archlang.network.graph  # type: ignore[union-attr, assignment]
    one, two = (copy.deepcopy(model).double().eval() for model in (before, after))
    worst = 0.0
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _ in range(SAMPLES):
            inputs = random_inputs(graph, generator)
            worst = max(worst, difference(one(*inputs), two(*inputs)))
    if not worst <= TOLERANCE:
        raise ArchError(error("not-equal", f"on random inputs the models differ by {worst:.2g} of the largest result"))
    return f"verified: equal to {worst:.1g} of the largest result on {SAMPLES * BATCH} random samples in float64"


def random_inputs(graph: Graph, generator: torch.Generator) -> list[torch.Tensor]:
    """A batch [BATCH, ...] of normal numbers for every input; open sizes get the smallest fitting number from 32 on."""
    sizes = {symbol.name: _size(symbol) for symbol in graph.symbols}
    shapes = [[substitute(size, sizes) for size in spec.type.dims] for spec in graph.inputs]
    return [torch.randn(BATCH, *shape, generator=generator, dtype=torch.float64) for shape in shapes]


def difference(one: Any, two: Any) -> float:
    """The largest difference of two results, relative to the first's largest number; infinity where NaNs differ."""
    if isinstance(one, dict):
        return max(difference(one[name], two[name]) for name in one)
    if one.shape != two.shape or not torch.equal(one.isfinite(), two.isfinite()):
        return float("inf")
    kept = one.isfinite()
    scale = one[kept].abs().max().item() if bool(kept.any()) else 1.0
    gap = (one[kept] - two[kept]).abs().max().item() if bool(kept.any()) else 0.0
    return float(gap / (scale or 1.0))


def _size(symbol: Symbol) -> int:
    wanted = max(symbol.low, min(32, symbol.high))
    return -(-wanted // symbol.divisor) * symbol.divisor
