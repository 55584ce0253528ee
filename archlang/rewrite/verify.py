"""Two modules compared in numbers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from archlang.diagnostics import ArchError, error
from archlang.rewrite.exported import is_exported
from archlang.rewrite.graphs import copied

TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 1e-1}
"""Largest error, as a share of 1 + the largest value, that rounding the new weights to a dtype may lead to."""


@dataclass(frozen=True)
class Comparison:
    """The largest difference between two modules' results, both calculated in float64, and what rounding excuses."""

    error: float
    largest: float
    tolerance: float

    @property
    def equal(self) -> bool:
        """Tell whether the difference is no more than rounding."""
        return self.error <= self.tolerance * (1 + self.largest)

    def check(self) -> Comparison:
        """Itself. Raises ArchError (not-equal) where the modules differ."""
        if not self.equal:
            raise ArchError(error("not-equal", f"the results differ by up to {self.error:.2e}",
                                  notes=[f"the largest result is {self.largest:.2e}"]))
        return self


def verify(old: nn.Module, new: nn.Module, inputs: Sequence[Tensor]) -> Comparison:
    """Run both on the same inputs in float64, in evaluation mode; neither is changed.

    Raises ArchError (not-equal) where results differ in number or shape.
    """
    dtype = next((p.dtype for p in new.parameters() if p.dtype in TOLERANCES), torch.float64)

    one, other = (_results(model, inputs) for model in (old, new))
    if len(one) != len(other) or any(a.shape != b.shape for a, b in zip(one, other, strict=True)):
        raise ArchError(error("not-equal", "the results differ in shape"))

    pairs = list(zip(one, other, strict=True))
    # Not finite in the same places: the difference there is no number that could be compared.
    strange = any(not torch.equal(a.isfinite(), b.isfinite()) for a, b in pairs)
    worst = max((_largest(a - b) for a, b in pairs), default=0.0)
    largest = max(map(_largest, one), default=0.0)
    return Comparison(float("inf") if strange else worst, largest, TOLERANCES[dtype])


def verify_nodes(old: nn.Module, new: fx.GraphModule, inputs: Sequence[Tensor]) -> dict[str, float]:
    """The largest error, in float64, of each node that fusion made, by its place; neither module is changed."""
    merges = new.meta["report"].merges
    before = _values(copied(old), {merge.old for merge in merges}, inputs)
    after = _values(copy.deepcopy(new), {merge.new for merge in merges}, inputs)
    # What was merged again, in a later round, has no node of its own any more.
    return {merge.into: _largest(before[merge.old] - after[merge.new]) for merge in merges
            if merge.old in before and merge.new in after}


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps what some nodes give."""

    def __init__(self, module: fx.GraphModule, names: set[str]) -> None:
        super().__init__(module)
        self.names, self.values = names, dict[str, Tensor]()

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if n.name in self.names and isinstance(result, Tensor):
            self.values[n.name] = result.clone()  # something later may overwrite it
        return result


def _values(module: fx.GraphModule, names: set[str], inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """The results of some nodes of a graph of one's own, in float64."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.double()

    recorder = _Recorder(module, names)
    with torch.no_grad():
        recorder.run(*_widened(inputs))
    return recorder.values


def _results(model: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    """A model's results in float64, in evaluation mode."""
    twin = copy.deepcopy(model)
    # An exported graph refuses `eval`: its mode is in its operations.
    if not is_exported(twin):
        twin.eval()
    twin.double()

    with torch.no_grad():
        results: Any = twin(*_widened(inputs))
    return [leaf for leaf in pytree.tree_leaves(results) if isinstance(leaf, Tensor)]


def _widened(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Inputs in float64, copied: a model may overwrite them."""
    # Whole numbers stay: they are indices or classes.
    return [x.double() if x.is_floating_point() and x.dtype != torch.float64 else x.clone() for x in inputs]


def _largest(tensor: Tensor) -> float:
    """The largest finite number, without its sign."""
    finite = tensor[tensor.isfinite()].abs()
    if finite.numel():
        return float(finite.max())
    return 0.0
