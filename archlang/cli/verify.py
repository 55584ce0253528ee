"""Comparison of two models on random inputs."""

from __future__ import annotations

from typing import Any

import torch

from archlang.rewrite.verify import verify, verify_nodes
from archlang.shapes import Symbol, substitute

SAMPLES = 4


def verify_equal(before: Any, after: torch.nn.Module, seed: int = 0) -> str:
    """Compare a model of archlang with its rewritten form; a line that says how near they are.

    Raises ArchError (not-equal).
    """
    compared = verify(before, after, random_inputs(before.archlang.network.graph, seed)).check()
    return f"verified on {SAMPLES} random samples: results up to {compared.largest:.3g}, equal to {compared.error:.1g}"


def node_errors(before: Any, after: Any, seed: int = 0) -> list[str]:
    """A line for each fused node: its parts, and its largest error in float64."""
    errors = verify_nodes(before, after, random_inputs(before.archlang.network.graph, seed))
    parts = {merge.into: len(merge.parts) for merge in after.meta["report"].merges}
    return [f"{place}: {parts[place]} nodes became one, largest error {error:.1e}" for place, error in errors.items()]


def random_inputs(graph: Any, seed: int = 0) -> list[torch.Tensor]:
    """A batch [SAMPLES, ...] for every input of a graph: normal numbers, or whole ones of its range.

    Open sizes get the smallest number from 32 on that their bounds allow.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = {symbol.name: fitting(symbol) for symbol in graph.symbols}
    inputs = []
    for spec in graph.inputs:
        shape = (SAMPLES, *(substitute(size, sizes) for size in spec.type.dims))
        if spec.type.range is None:
            inputs.append(torch.randn(shape, generator=generator))
        else:
            inputs.append(torch.randint(0, substitute(spec.type.range, sizes), shape, generator=generator))
    return inputs


def fitting(symbol: Symbol) -> int:
    """A number that a symbol may be.

    >>> fitting(Symbol("H", divisor=7)), fitting(Symbol("H", high=16)), fitting(Symbol("H", low=100))
    (35, 16, 100)
    """
    # Small inputs are fast, and below 32 deep networks have nothing left of a map.
    wanted = max(symbol.low, min(32, symbol.high))
    # Up to a multiple of the divisor; down, where that is past the bound.
    up = -(-wanted // symbol.divisor) * symbol.divisor
    if up <= symbol.high:
        return up
    return symbol.high // symbol.divisor * symbol.divisor
