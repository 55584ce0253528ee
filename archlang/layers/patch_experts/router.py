"""The router of patch experts: cosines with keys, a threshold for each patch, and the filter (PCE, section 4.1.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from archlang.layers.patch_experts.keys import Keyed, unit
from archlang.layers.precision import device_type

EPS = 1e-8
"""Keeps the gap's denominator above 0 (PCE, eq. 9)."""
REST = 4
"""The number of weights after the largest that the gap is measured from (PCE, eq. 9)."""
STEEPEST = 1e30
"""The largest factor by which cosines are multiplied: a temperature may be too small for a float."""


@dataclass(frozen=True)
class Threshold:
    """The least weight that passes: `base (max (1 - w_max) + entropy E + gap G)` (PCE, eq. 10), or `fixed`.

    E is H / H_max (eq. 8), in the form of the authors' code 1 - H / H_max; G is the gap (eq. 9).
    """

    shares: tuple[float, float, float] = (0.4, 0.3, 0.3)
    base: float = 1.0
    form: str = "document"
    fixed: float | None = None


def entropy(weights_log: Tensor) -> Tensor:
    """`H = -sum_i w_i log w_i` (PCE, eq. 6, 15) of logarithms of weights, over the last axis; finite at w = 0.

    >>> entropy(torch.tensor([0.5, 0.5]).log())
    tensor(0.6931)
    """
    return -(weights_log.exp() * weights_log).sum(-1)


def parts(logs: Tensor, form: str = "document") -> Tensor:
    """The three parts of the threshold: 1 - w_max, the entropy's share of its most, the gap (PCE, eq. 4-9).

    Logarithms of weights [rows, n] to [rows, 3]. With one expert H / H_max is 0, and so is the mean of the rest.

    >>> parts(torch.tensor([[0.5, 0.25, 0.25]]).log())
    tensor([[0.5000, 0.9464, 0.5000]])
    """
    count = logs.shape[1]
    ordered = logs.exp().sort(dim=1, descending=True, stable=True).values
    largest = ordered[:, 0]
    share = rest = torch.zeros_like(largest)
    if count > 1:
        share = entropy(logs) / math.log(count)
        rest = ordered[:, 1 : 1 + REST].mean(1)

    # The authors' code rewards an even distribution where the document punishes it.
    if form == "authors":
        share = 1 - share
    return torch.stack((1 - largest, share, (largest - rest) / (largest + EPS)), 1)


def passing(weights: Tensor, before: Tensor, threshold: Tensor) -> Tensor:
    """True where a weight passes the filter: it reaches the row's threshold, or is the row's largest, and is kept.

    weights [rows, n] after the filter, `before` those before it, threshold [rows, 1]. The soft filter leaves a rest of
    every weight, so that a weight above 0 says nothing there (PCE, eq. 11, 17).

    >>> before = torch.tensor([[0.5, 0.3, 0.2]])
    >>> passing(before, before, torch.tensor([[0.25]]))
    tensor([[ True,  True, False]])
    """
    reached = (before >= threshold) | (before == before.amax(1, keepdim=True))
    return reached & (weights > 0)


class CosineRouter(Keyed):
    """Weights of n experts for each embedding: a softmax of cosines with the experts' keys, filtered by a threshold.

    All in float32 at least, under autocast too.

    Args:
        experts: n.
        features: the size of an embedding.
        threshold: shares of its three parts (eq. 10); without them and `fixed` nothing is filtered by a threshold.
        base: a factor of it, as in the authors' code.
        form: the entropy's term, `document` or `authors` (`Threshold`).
        fixed: one threshold for all rows instead.
        steepness: of the soft filter.
        temperature: divides the cosines.
        keep: `soft`, the filter of eq. 11; `hard`, weights below the threshold are 0, but for the largest; a number: so
            many of the largest, the first of those that are equal.
        start: of the keys (`Keyed`).

    >>> router = CosineRouter(experts=4, features=8, start="random")
    >>> [t.shape[1] for t in router(torch.randn(5, 8))]
    [4, 4, 1, 3]
    """

    def __init__(self, experts: int, features: int, threshold: Sequence[float] | None = None, base: float = 1.0,
                 form: str = "document", fixed: float | None = None, steepness: float = 10.0,
                 temperature: float = 1.0, keep: str | int = "soft", start: str = "kmeans") -> None:
        super().__init__(experts, features, start)
        self.steepness, self.temperature, self.keep = steepness, temperature, keep
        self.filtering = threshold is not None or fixed is not None

        shares = (0.0, 0.0, 0.0)
        if threshold is not None:
            shares = (threshold[0], threshold[1], threshold[2])
        self.threshold = Threshold(shares, base, form, fixed)

    def forward(self, embedding: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Route a batch [rows, features]; in training, keys that follow are moved by the filtered weights (eq. 13).

        Returns the weights [rows, n], filtered (eq. 11) and divided by their sum; those before the filter (eq. 2-3);
        the threshold [rows, 1] (eq. 10); its three parts [rows, 3] (eq. 5, 8, 9).
        """
        # Cosines in half precision have two or three digits: near thresholds the filter would be chance.
        with torch.autocast(device_type(embedding), enabled=False):
            if self.training:
                self.start_amid(embedding)

            logs = self.logs(embedding)
            measured = parts(logs, self.threshold.form)
            threshold = self.limit(measured)
            weights = self.filtered(logs, threshold)

            if self.training:
                self.ema_update(weights, embedding)
            return weights, logs.exp(), threshold, measured

    def logs(self, embedding: Tensor) -> Tensor:
        """Logarithms of the weights before the filter (eq. 2-3), [rows, n]."""
        directions = unit(embedding)
        cosines = directions @ unit(self.keys).to(directions.dtype).t()
        return torch.log_softmax(cosines * min(1 / self.temperature, STEEPEST), 1)

    def limit(self, measured: Tensor) -> Tensor:
        """The threshold of each row (eq. 10), [rows, 1]; 0 where there is none."""
        t = self.threshold
        if t.fixed is not None:
            return torch.full_like(measured[:, :1], t.fixed)
        largest, spread, gap = (share * measured[:, i : i + 1] for i, share in enumerate(t.shares))
        return t.base * (largest + spread + gap)

    def filtered(self, logs: Tensor, threshold: Tensor) -> Tensor:
        """Weights after the filter, summing to 1: `w sigmoid(steepness (w - threshold))` (eq. 11) where it is soft."""
        if isinstance(self.keep, int):
            # A stable sort: of equal weights the first are kept, on every device.
            order = logs.sort(dim=1, descending=True, stable=True).indices[:, : self.keep]
            left_out = torch.ones_like(logs, dtype=torch.bool).scatter(1, order, False)
            logs = logs.masked_fill(left_out, -torch.inf)

        elif self.filtering and self.keep == "hard":
            # The largest stays even below its threshold: a row without any weight would have no result.
            is_low = logs.exp() < threshold
            logs = logs.masked_fill(is_low & (logs < logs.amax(1, keepdim=True)), -torch.inf)
        elif self.filtering:
            # The product of eq. 11 as a sum of logarithms, in which a tiny weight is no 0.
            logs = logs + functional.logsigmoid(self.steepness * (logs.exp() - threshold))

        return torch.softmax(logs, 1)

    def extra_repr(self) -> str:
        """The settings."""
        shown = f"{self.keys.shape[0]} keys of {self.keys.shape[1]}, keep={self.keep}, temperature={self.temperature}"
        if not self.filtering:
            return shown
        return f"{shown}, {self.threshold}"
