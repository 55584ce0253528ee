"""Gates that send an input to one path or a few of them (Tissera 2023, section 5.3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from archlang.layers.clustering import Standardize
from archlang.layers.multipath import Gates
from archlang.layers.processes import before_here, is_distributed


class SparseGates(Gates):
    """A gate over n paths that keeps the `keep` largest of its weights; the first of those that are equal.

    Args:
        outputs: n.
        features: the channels (or features) of the input.
        hidden: the width between both linear layers; 0: one linear layer.
        keep: the number of weights that are kept.
        capacity: inputs of a batch that a path takes at most, in units of its even share `keep * batch / n`, rounded
            up; None: any number. First choices come before second ones, and those of earlier inputs before later ones
            (GShard, Lepikhin et al. 2021, algorithm 1). A weight that finds no room is 0; the others of its input stay
            as they are.
        shares: what the weights that are kept are. `divided` by their sum (Jiang et al. 2024, Mixtral); the same with
            the sum `held`, which counts as a number in the gradient, so that a single path, whose weight is always 1,
            still teaches its gate; or `whole`, as they are in the softmax (Fedus et al. 2022, Switch).
        standardized: whether the scores of every path are standardised (eq. 4.11) before the softmax. A path is then
            taken for what an input has more of than others do, and none is the largest for all inputs.

    >>> weights, before, scores = SparseGates(outputs=4, features=8, hidden=0, keep=2)(torch.randn(5, 8, 6, 6))
    >>> (weights > 0).sum(1).tolist(), bool(weights.sum(1).allclose(torch.ones(5)))
    ([2, 2, 2, 2, 2], True)
    """

    def __init__(self, outputs: int, features: int, hidden: int = 16, keep: int = 1,
                 capacity: float | None = None, standardized: bool = False, shares: str = "held") -> None:
        super().__init__(1, outputs, features, hidden)
        self.keep, self.capacity, self.shares = keep, capacity, shares
        self.standardize: nn.Module | None = None
        if standardized:
            self.standardize = Standardize(outputs)

    def scores(self, *inputs: Tensor) -> Tensor:
        """The gates before the softmax, [batch, 1, n], standardised where that is asked for."""
        scores = super().scores(*inputs)
        if self.standardize is None:
            return scores
        standardized: Tensor = self.standardize(scores[:, 0])
        return standardized[:, None]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]  # three results
        """[batch, C, ...] to the weights that are kept, the softmax before that, and the scores under it.

        Three tensors [batch, n], in float32 at least.
        """
        scores = self.scores(*inputs)[:, 0]
        before = scores.softmax(1)

        # A stable sort: of equal paths the first is taken, on every device.
        order = before.sort(dim=1, descending=True, stable=True).indices[:, : self.keep]
        left = before * torch.zeros_like(before).scatter(1, order, 1.0)
        weights = self._shared(left)
        if self.capacity is not None:
            weights = weights * self._with_room(order, self.capacity).to(weights.dtype)
        return weights, before, scores

    def _shared(self, left: Tensor) -> Tensor:
        """The weights that are kept, as `shares` says."""
        if self.shares == "whole":
            return left
        total = left.sum(1, keepdim=True)
        # With a gradient through the sum, a single weight divided by itself would have none.
        if self.shares == "held":
            total = total.detach()
        return left / total

    def _with_room(self, order: Tensor, capacity: float) -> Tensor:
        """Tell which weights [batch, n] find room; `order` [batch, keep] holds the paths of each input.

        The batch is that of all processes, whose inputs stand one behind the other.
        """
        inputs = order.shape[0]
        # Not always: an export keeps the number of inputs as a symbol.
        if is_distributed():
            inputs = int(before_here(torch.tensor(inputs, device=order.device))[1])
        room = math.ceil(capacity * self.keep * inputs / self.outputs)
        taken = torch.zeros(self.outputs, dtype=torch.int64, device=order.device)
        has_room = torch.zeros(order.shape[0], self.outputs, dtype=torch.bool, device=order.device)

        for choice in range(self.keep):
            asked = torch.zeros_like(has_room).scatter(1, order[:, choice : choice + 1], True)
            # Each input's place in the queue of the path that it asks for, behind those of processes before this one.
            earlier, asking = before_here(asked.sum(0))
            place = taken + earlier + asked.cumsum(0)
            has_room = has_room | (asked & (place <= room))
            taken = taken + asking
        return has_room

    def extra_repr(self) -> str:
        """The sizes."""
        shown = f"outputs={self.outputs}, features={self.features}, hidden={self.hidden}, keep={self.keep}"
        if self.capacity is None:
            return shown
        return f"{shown}, capacity={self.capacity}"
