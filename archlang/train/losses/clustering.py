"""Losses of neural mixture EM (Tissera 2023, chapters 4 and 5) and of IIC, with what they remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn

from archlang.layers.clustering import (
    Standardize,
    Statistics,
    agreement,
    centred,
    em_loss,
    mutual_information,
    posterior,
)
from archlang.layers.processes import summed

DECAY = 0.99
"""How much of the priors stays at each step (an exponential moving average of the mean posterior)."""


class Clusters(nn.Module):
    """One clustering: relevance [batch, clusters] standardised, unless the network does that, and its priors."""

    priors: torch.Tensor

    def __init__(self, clusters: int, args: Mapping[str, Any], given: bool) -> None:
        super().__init__()
        self.gamma = float(args["gamma"]) if "gamma" in args else 1.0
        statistics: Statistics | Literal["none"] = args.get("statistics") or "running"
        bare = given or statistics == "none"
        kind: Statistics = "batch" if statistics == "batch" else "running"
        self.standardize = nn.Identity() if bare else Standardize(clusters, kind)
        self.even = args.get("prior") != "ema"
        self.register_buffer("priors", torch.full((clusters,), 1 / clusters))

    def relevance(self, scores: torch.Tensor) -> torch.Tensor:
        """`a*`."""
        found: torch.Tensor = self.standardize(scores)
        return found

    def forward(self, scores: torch.Tensor, second: torch.Tensor | None = None) -> torch.Tensor:
        """The loss (eq. 4.22; of two views 4.23); priors follow the mean posterior in training."""
        relevance = self.relevance(scores)
        other = self.relevance(second) if second is not None else None
        if self.even:
            return em_loss(relevance, self.gamma, other)
        priors = self.priors.to(relevance.dtype)
        loss = em_loss(relevance, self.gamma, other, priors)
        if self.training:
            self._follow(posterior(relevance, priors))
        return loss

    @torch.no_grad()
    def _follow(self, p: torch.Tensor) -> None:
        parts = summed(torch.cat((p.sum(0), p.new_tensor([float(len(p))]))))
        self.priors.mul_(DECAY).add_((1 - DECAY) * (parts[:-1] / parts[-1]).to(self.priors.dtype))


class MixtureEM(nn.Module):
    """`mixture_em` over scores that the file names: eq. 4.22, or 4.23 where `augmented`."""

    def __init__(self, args: Mapping[str, Any], sizes: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.clusters = Clusters(sizes[0][0], args, bool(args.get("standardized")))

    def forward(self, reads: Sequence[torch.Tensor]) -> torch.Tensor:
        """The loss of scores [batch, clusters], then those of the augmented copy where there is one."""
        found: torch.Tensor = self.clusters(*reads[:2])
        return found


class GateClusters(nn.Module):
    """`mixture_em` over gates: each gating vector clusters what its path brings, summed (section 5.1).

    `over = layer`: the gates of one router together, their relevance averaged over the paths (section 5.2).
    """

    def __init__(self, args: Mapping[str, Any], sizes: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.layer = args.get("over") == "layer"
        shapes = [(1, *size) if len(size) == 1 else size for size in sizes]
        counts = [1 if self.layer else inputs for inputs, _ in shapes]
        made = [[Clusters(outputs, {"prior": "ema", **args}, False) for _ in range(count)]
                for count, (_, outputs) in zip(counts, shapes, strict=True)]
        self.gates = nn.ModuleList(nn.ModuleList(row) for row in made)

    def forward(self, reads: Sequence[torch.Tensor]) -> torch.Tensor:
        """The sum over gates [batch, inputs, outputs], or [batch, outputs], of all sites; one path has no gates."""
        losses = []
        for row, gates in zip(self.gates, reads, strict=True):
            assert isinstance(row, nn.ModuleList)
            relevance = centred(gates if gates.dim() == 3 else gates[:, None])
            relevance = relevance.mean(1, keepdim=True) if self.layer else relevance
            losses += [one(relevance[:, i]) for i, one in enumerate(row) if relevance.shape[2] > 1]
        return torch.stack(losses).sum() if losses else reads[0].new_zeros(())


class Agreement(nn.Module):
    """`agreement`: KL between the clusters of samples and of their augmented copies (eq. 4.24)."""

    def __init__(self, args: Mapping[str, Any], sizes: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.clusters = Clusters(sizes[0][0], args, bool(args.get("standardized")))

    def forward(self, reads: Sequence[torch.Tensor]) -> torch.Tensor:
        """Scores [batch, clusters] of the samples, then of the copies."""
        first, second = reads
        return agreement(self.clusters.relevance(first), self.clusters.relevance(second))


def mixture_em(args: Mapping[str, Any], sizes: Sequence[tuple[int, ...]]) -> nn.Module:
    """The clustering loss over what the file names, or over gates."""
    return (GateClusters if args.get("sites") else MixtureEM)(args, sizes)


def iic(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Invariant information clustering of two views."""
    return mutual_information(*reads[:2])


STATEFUL = {"mixture_em": mixture_em, "agreement": Agreement}
FORMULAS = {"iic": iic}
