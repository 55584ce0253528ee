"""Whether two models compute the same: compared on random inputs."""

from __future__ import annotations

from typing import Any

import torch

from archlang.rewrite import verify
from archlang.shapes import Symbol, substitute

SAMPLES = 4


def verify_equal(before: Any, after: torch.nn.Module, seed: int = 0) -> str:
    """Compare a model of archlang with its rewritten form; a line that says how near they are.

    Raises ArchError (not-equal).
    """
    found = verify(before, after, random_inputs(before.archlang.network.graph, seed)).check()
    return f"verified on {SAMPLES} random samples: results up to {found.largest:.3g}, equal to {found.error:.1g}"


def random_inputs(graph: Any, seed: int = 0) -> list[torch.Tensor]:
    """A batch [SAMPLES, ...] of normal numbers for every input of a graph.

    Open sizes get the smallest number from 32 on that their bounds allow.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = {symbol.name: fitting(symbol) for symbol in graph.symbols}
    shapes = [[substitute(size, sizes) for size in spec.type.dims] for spec in graph.inputs]
    return [torch.randn(SAMPLES, *shape, generator=generator) for shape in shapes]


def fitting(symbol: Symbol) -> int:
    """A number that a symbol may be.

    >>> fitting(Symbol("H", divisor=7)), fitting(Symbol("H", high=16)), fitting(Symbol("H", low=100))
    (35, 16, 100)
    """
    wanted = max(symbol.low, min(32, symbol.high))
    up = -(-wanted // symbol.divisor) * symbol.divisor
    return up if up <= symbol.high else symbol.high // symbol.divisor * symbol.divisor
