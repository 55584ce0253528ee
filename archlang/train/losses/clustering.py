"""Losses of neural mixture EM (Tissera 2023, chapters 4 and 5) and of IIC, with what they remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn

from archlang.layers.clustering import (
    Standardize,
    StandardizeGates,
    Statistics,
    agreement,
    centred,
    em_loss,
    mutual_information,
    posterior,
)
from archlang.layers.processes import all_reduce

DECAY = 0.99
"""The share of the priors that stays at each step (an exponential moving average of the mean posterior)."""


class Clusters(nn.Module):
    """One clustering: relevance [batch, clusters], standardised unless the network does that, and its priors.

    Arguments:
        clusters: how many.
        args: the arguments of the loss: `gamma`, `statistics`, `prior`.
        standardize: how relevance is standardised, for training with running statistics; None where the network does.
    """

    priors: torch.Tensor

    def __init__(self, clusters: int, args: Mapping[str, Any], standardize: type[Standardize] | None) -> None:
        super().__init__()
        self.gamma = float(args.get("gamma", 1.0))
        self.is_even = args.get("prior") != "ema"
        statistics: Statistics | Literal["none"] = args.get("statistics") or "running"

        self.standardize: nn.Module = nn.Identity()
        if standardize is not None and statistics != "none":
            self.standardize = standardize(clusters, statistics)
        self.register_buffer("priors", torch.full((clusters,), 1 / clusters))

    def relevance(self, scores: torch.Tensor) -> torch.Tensor:
        """`a*`."""
        relevance: torch.Tensor = self.standardize(scores)
        return relevance

    def forward(self, scores: torch.Tensor, second: torch.Tensor | None = None) -> torch.Tensor:
        """The loss (eq. 4.22; of two views 4.23); priors follow the mean posterior in training."""
        relevance = self.relevance(scores)
        other = None
        if second is not None:
            other = self.relevance(second)

        if self.is_even:
            return em_loss(relevance, self.gamma, other)

        # The loss is under the priors so far; this batch moves them for the next one.
        priors = self.priors.to(relevance.dtype)
        loss = em_loss(relevance, self.gamma, other, priors)
        if self.training:
            self._follow(posterior(relevance, priors))
        return loss

    @torch.no_grad()
    def _follow(self, p: torch.Tensor) -> None:
        """The EMA update of the priors by the mean posterior [batch, clusters] of all processes."""
        # Sums and counts in one exchange: shares of the batch may differ by a row.
        sums = all_reduce(torch.cat((p.sum(0), p.new_tensor([float(len(p))]))))
        self.priors.mul_(DECAY).add_((1 - DECAY) * (sums[:-1] / sums[-1]).to(self.priors.dtype))


def _over_scores(args: Mapping[str, Any], sizes: Sequence[tuple[int, ...]]) -> Clusters:
    """The clustering of scores that the file names."""
    standardize = None if args.get("standardized") else Standardize
    return Clusters(sizes[0][0], args, standardize)


class MixtureEM(nn.Module):
    """`mixture_em` over scores that the file names: eq. 4.22, or 4.23 where `augmented`."""

    def __init__(self, args: Mapping[str, Any], sizes: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.clusters = _over_scores(args, sizes)

    def forward(self, reads: Sequence[torch.Tensor]) -> torch.Tensor:
        """The loss of scores [batch, clusters], then those of the augmented copy where there is one."""
        loss: torch.Tensor = self.clusters(*reads[:2])
        return loss


class GateClusters(nn.Module):
    """`mixture_em` over gates: each gating vector clusters what its path brings, summed (section 5.1).

    `over = router`: the gates of one router together, their relevance averaged over the paths (section 5.2).
    """

    def __init__(self, args: Mapping[str, Any], sizes: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.is_by_layer = args.get("over") == "router"
        args = {**args, "prior": args.get("prior") or "ema"}  # auto is given as None
        self.gates = nn.ModuleList()
        for size in sizes:
            *inputs, outputs = size  # a sparse router has one input, which its gates do not say
            count = 1
            if inputs and not self.is_by_layer:
                count = inputs[0]
            self.gates.append(nn.ModuleList(Clusters(outputs, args, StandardizeGates) for _ in range(count)))

    def forward(self, reads: Sequence[torch.Tensor]) -> torch.Tensor:
        """The sum over gates [batch, inputs, outputs], or [batch, outputs], of all sites; one path has no gates."""
        losses = []
        for row, gates in zip(self.gates, reads, strict=True):
            assert isinstance(row, nn.ModuleList)
            if gates.dim() == 2:
                gates = gates[:, None]
            relevance = centred(gates)
            if self.is_by_layer:
                relevance = relevance.mean(1, keepdim=True)
            # One output takes everything: there is nothing to cluster.
            losses += [clusters(relevance[:, i]) for i, clusters in enumerate(row) if relevance.shape[2] > 1]

        if not losses:
            return reads[0].new_zeros(())
        return torch.stack(losses).sum()


class Agreement(nn.Module):
    """`agreement`: KL between the clusters of samples and of their augmented copies (eq. 4.24)."""

    def __init__(self, args: Mapping[str, Any], sizes: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.clusters = _over_scores(args, sizes)

    def forward(self, reads: Sequence[torch.Tensor]) -> torch.Tensor:
        """Scores [batch, clusters] of the samples, then of the copies."""
        first, second = reads
        return agreement(self.clusters.relevance(first), self.clusters.relevance(second))


def mixture_em(args: Mapping[str, Any], sizes: Sequence[tuple[int, ...]]) -> nn.Module:
    """The clustering loss over what the file names, or over gates."""
    if args.get("sites"):
        return GateClusters(args, sizes)
    return MixtureEM(args, sizes)


def iic(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:  # as all formulas
    """Invariant information clustering of two views."""
    return mutual_information(*reads[:2])


STATEFUL = {"mixture_em": mixture_em, "agreement": Agreement}
FORMULAS = {"iic": iic}
