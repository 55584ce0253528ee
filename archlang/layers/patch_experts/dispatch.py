"""Rows to experts and back: every row to every expert, or, at inference, only to those that weigh enough."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archlang.diagnostics import ArchError, error
from archlang.layers.uncompiled import uncompiled


@dataclass(frozen=True)
class Executed:
    """The work of experts at inference: rows that came, experts there are, pairs of row and expert worked out."""

    rows: int = 0
    experts: int = 0
    pairs: int = 0

    @property
    def share(self) -> float:
        """Of all pairs, those worked out; 1 before anything came."""
        if not self.rows:
            return 1.0
        return self.pairs / (self.rows * self.experts)


def chosen(weights: Tensor, cut: float) -> Tensor:
    """The experts [rows, n] that weigh at least `cut` times as much as the row's largest; the largest always.

    An expert without weight is never chosen: it would add nothing.

    >>> chosen(torch.tensor([[0.6, 0.3, 0.1], [0.5, 0.5, 0.0]]), 0.5)
    tensor([[ True,  True, False],
            [ True,  True, False]])
    """
    return (weights >= cut * weights.amax(1, keepdim=True)) & (weights > 0)


def kept(weights: Tensor, cut: float) -> Tensor:
    """The weights of those that `chosen` picks, divided by their sum; 0 for the others.

    A cut of 0 leaves every weight as it is: the router said all, and what an expert without room gave up is nobody's.
    """
    if cut == 0:
        return weights.clamp(min=0)
    left = torch.where(chosen(weights, cut), weights, torch.zeros_like(weights))
    total = left.sum(1, keepdim=True)
    # A row that no expert had room for has nothing to divide, and stays without.
    return left / torch.where(total > 0, total, torch.ones_like(total))


class Dispatch(nn.Module):
    """Hands rows to experts: weights [rows, n] and x [rows, ...] to the weights and n tensors, one for each expert.

    Without a `cut`, and always in training, every expert gets all rows: this form can be exported. With one an expert
    gets the rows that chose it (`kept`), which no export can follow: their number is known only at run time.

    Args:
        experts: n.
        cut: the share of a row's largest weight that an expert needs at inference; None: all experts get all rows.

    >>> weights, x = torch.tensor([[0.9, 0.1], [0.5, 0.5]]), torch.ones(2, 3)
    >>> dispatch = Dispatch(2).eval()
    >>> [len(rows) for rows in dispatch(weights, x)]
    [2, 2, 2]
    >>> dispatch.cut = 0.5
    >>> [len(rows) for rows in dispatch(weights, x)], dispatch.executed.pairs
    ([2, 2, 1], 3)
    """

    def __init__(self, experts: int, cut: float | None = None) -> None:
        super().__init__()
        self.experts = experts
        self.cut = cut
        self.executed = Executed(0, experts, 0)

    def forward(self, weights: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        """The weights that count, and the rows of each expert."""
        # Training needs the gradient of every expert's weight, which those left out would not give.
        if self.training or self.cut is None:
            return (weights, *(x,) * self.experts)

        # Export would fix the numbers of rows of its example for all inputs, without a word.
        if torch.compiler.is_exporting():
            raise ArchError(error("not-traceable", "how many patches an expert gets is known only at run time",
                                  help="`set_cut(model, None)`: then every expert gets all, and that can be exported"))
        weights_and_rows: tuple[Tensor, ...] = self.sparse(weights, x, self.cut)
        return weights_and_rows

    @uncompiled
    def sparse(self, weights: Tensor, x: Tensor, cut: float) -> tuple[Tensor, ...]:
        """The rows that chose an expert, counted. torch.compile leaves this part as it is."""
        left = kept(weights, cut)
        experts, rows = _pairs(left)
        before = self.executed
        self.executed = Executed(before.rows + len(x), self.experts, before.pairs + len(rows))

        # One gathering for all experts: its cost does not grow with their number.
        counts = torch.bincount(experts, minlength=self.experts).tolist()
        return (left, *torch.split(x[rows], counts))

    def extra_repr(self) -> str:
        """The settings."""
        if self.cut is None:
            return f"{self.experts}"
        return f"{self.experts}, cut={self.cut}"


def join_experts(weights: Tensor, *results: Tensor) -> Tensor:
    """The weighted sum of the results of experts (PCE, eq. 12): [rows, n] and n tensors, to [rows, ...].

    An expert that did not get all rows got those with a weight other than 0, in their order.

    >>> join_experts(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([[2.0], [3.0]]), torch.tensor([[4.0]]))
    tensor([[3.],
            [3.]])
    """
    count = weights.shape[0]
    shape = (-1, *(1,) * (results[0].dim() - 1))

    # Every expert got all rows: a sum in place of gathering, which can be exported and compiled.
    if all(y.shape[0] == count for y in results):
        total = results[0] * weights[:, 0].to(results[0].dtype).reshape(shape)
        for i, y in enumerate(results[1:], 1):
            total = total + y * weights[:, i].to(y.dtype).reshape(shape)
        return total

    experts, rows = _pairs(weights)
    share = weights[rows, experts].to(results[0].dtype).reshape(shape)
    # `index_add` instead of an assignment: a row may have gone to several experts.
    empty = results[0].new_zeros(count, *results[0].shape[1:])
    return empty.index_add(0, rows, torch.cat(results) * share)


def _pairs(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Every expert with every row that has a weight for it: experts in order, the rows of each in order."""
    experts, rows = (weights != 0).t().nonzero(as_tuple=True)
    return experts, rows


def dispatches(model: nn.Module) -> dict[str, Dispatch]:
    """Every place of a model that hands rows to experts, by the name of its module."""
    return {name: module for name, module in model.named_modules() if isinstance(module, Dispatch)}


def set_cut(model: nn.Module, cut: float | None) -> None:
    """Let rows go, at inference, only to experts that weigh at least `cut` times the largest; None: to all.

    The count of `executed` begins anew. Raises ArchError (out-of-range) unless 0 <= cut <= 1.
    """
    # Above 1 not even the largest weight would be kept, and rows would be divided by 0.
    if cut is not None and not 0 <= cut <= 1:
        raise ArchError(error("out-of-range", f"a cut lies between 0 and 1, this is {cut:g}", help=_CUT))

    for dispatch in dispatches(model).values():
        dispatch.cut = cut
        dispatch.executed = Executed(0, dispatch.experts, 0)


_CUT = ("0 keeps every expert that has a weight, 1 the largest alone",)


def executed(model: nn.Module) -> dict[str, Executed]:
    """The work of experts since `set_cut` was given a cut, by the name of each place."""
    return {name: dispatch.executed for name, dispatch in dispatches(model).items()}
