"""Weights are drawn apart: for every module and every seed from a generator of its own."""

from __future__ import annotations

from itertools import combinations

import torch

from archlang.elaborate import loads
from archlang.emit import emit
from archlang.graph.ir import Graph

TWINS = """archlang 1
network Twins {{
  input image: [8, 6, 6]
  trunk = image -> conv({kernel}, 8, init = {first}) -> conv(3x3, 8) -> 2 * conv(3x3, 8)
  output trunk -> fork(3) -> each {{ conv(3x3, 8) }} -> sum
}}
"""


def twins(kernel: str = "3x3", first: str = "auto") -> Graph:
    """Seven convolutions of one shape, or six where `kernel` is another."""
    return loads(TWINS.format(kernel=kernel, first=first).replace(", init = auto", "")).graph


def weights(graph: Graph, seed: int = 0) -> dict[str, torch.Tensor]:
    """The convolutions' weights by name, as rows of numbers."""
    return {name: value.flatten() for name, value in emit(graph, seed=seed).state_dict().items()
            if name.endswith("weight")}


def test_equal_modules_are_drawn_apart() -> None:
    drawn = weights(twins())
    assert len(drawn) == 7
    for (one, a), (other, b) in combinations(drawn.items(), 2):
        likeness = torch.corrcoef(torch.stack([a, b]))[0, 1]
        assert abs(likeness) < 0.2, f"{one} and {other} are alike"


def test_no_module_of_one_seed_is_a_module_of_another() -> None:
    """A seed plus a module's number would make seed 1, module 0 the same as seed 0, module 1."""
    drawn = [tuple(value.tolist()) for seed in range(4) for value in weights(twins(), seed).values()]
    assert len(drawn) == len(set(drawn)) == 4 * 7


def test_a_module_keeps_its_weights_when_another_changes() -> None:
    usual, wider, filled = weights(twins()), weights(twins("5x5")), weights(twins(first="ones"))
    for name in list(usual)[1:]:
        assert torch.equal(usual[name], wider[name]) and torch.equal(usual[name], filled[name])
