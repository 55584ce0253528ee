"""Shared by the files for other programs: the description in them, and the comparison with their model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from archlang.emit import ArchModule
from archlang.exporting.checking import Check, differs
from archlang.exporting.traced import like_weights
from archlang.version import VERSION

SLACK = 1e-5
"""Difference as a share of 1 + the largest value that another order of float32 sums may make."""


def description(model: ArchModule) -> dict[str, Any]:
    """Describe a model: network, dials, inputs with their normalisation, class names, passes."""
    record = model.archlang
    network = record.network
    inputs = []
    for spec in network.graph.inputs:
        inputs.append({"name": spec.name, "type": str(spec.type), "mean": spec.mean, "std": spec.std})

    # What the data was normalised with in training comes before what the file declares.
    if record.mean is not None and inputs:
        inputs[0] |= {"mean": record.mean, "std": record.std}
    dials = {name: str(value) for name, value in network.dials.items()}
    return {"producer": f"archlang {VERSION}", "network": network.name, "dials": dials, "inputs": inputs,
            "labels": record.labels, "passes": record.passes, "text": network.text}


def compared(model: ArchModule, other: Callable[..., Any], cases: Sequence[Sequence[Tensor]]) -> Check:
    """Compare what a file gives with its model on several inputs.

    The model in float64 says what is right; a file may be off by rounding, not by more than ten times what the model
    itself is off by. Raises ArchError (not-equal).
    """
    errors, largest = [0.0], [0.0]
    # One copy for all cases: it is as large as two models.
    exact_model = _double(model)
    known: _Known | None = None
    for inputs in cases:
        given = like_weights(model, inputs)
        # The file runs by itself for each number of samples; the model's results for a part of them are a part of its.
        if known is None or not known.holds(given):
            known = _Known(given, _right(exact_model, given), _results(model, given))
        count = len(given[0])
        right, ours = [t[:count] for t in known.right], [t[:count] for t in known.ours]
        theirs = _results(other, given)
        if [tuple(t.shape) for t in ours] != [tuple(t.shape) for t in theirs]:
            raise differs("the file gives results of other shapes than the model")

        for exact, own, foreign in zip(right, ours, theirs, strict=True):
            size = float(exact.abs().max()) if exact.numel() else 0.0
            own_error, error = _largest(exact, own), _largest(exact, foreign)
            if not error <= max(10 * own_error, SLACK * (1 + size)):
                raise differs(f"the file's results differ by {error:.2e}", f"the largest result is {size:.2e}",
                              f"the model's own rounding is {own_error:.2e}")
            errors.append(error)
            largest.append(size)
    return Check(max(errors), max(largest))


@dataclass(frozen=True, eq=False)
class _Known:
    """The results of a model for some inputs, in float64 and in its own kind of numbers."""

    given: Sequence[Tensor]
    right: list[Tensor]
    ours: list[Tensor]

    def holds(self, inputs: Sequence[Tensor]) -> bool:
        """Tell whether some inputs are the first samples of these, each of which a model works on by itself."""
        pairs = zip(self.given, inputs, strict=True)
        return all(len(part) <= len(whole) and torch.equal(whole[:len(part)], part) for whole, part in pairs)


def _right(exact_model: ArchModule, given: Sequence[Tensor]) -> list[Tensor]:
    return _results(exact_model, [x.double() if x.is_floating_point() else x for x in given])


def _results(model: Callable[..., Any], given: Sequence[Tensor]) -> list[Tensor]:
    with torch.no_grad():
        return _leaves(model(*given))


def _double(model: ArchModule) -> ArchModule:
    return copy.deepcopy(model).double()


def _largest(exact: Tensor, other: Tensor) -> float:
    """The largest difference, infinite where one of them is not finite and the other is."""
    if not exact.numel():
        return 0.0
    if not torch.equal(exact.isfinite(), other.isfinite()):
        return float("inf")
    return float(torch.nan_to_num(exact - other.double(), 0.0, 0.0, 0.0).abs().max())


def _leaves(result: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, Tensor)]
