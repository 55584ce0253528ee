"""Relevance of clusters, standardised, and what neural mixture EM minimises (Tissera 2023, chapter 4)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from archlang.layers.processes import added, summed

EPS = 1e-5
"""Added to a variance under a root: a cluster whose relevance never changes stays at 0."""
Statistics = Literal["running", "batch"]


class Standardize(nn.Module):
    """Relevance of each cluster with mean 0 and deviation 1: `a* = (a - mu) / sigma` (Tissera 2023, eq. 4.11).

    [batch, clusters] to the same, in float32 at least; the variance is biased, nothing is learned. In training
    `running` takes running statistics that the batch has just moved (section 4.5.1), with the gradient that the batch's
    own have (as batch renormalisation: Ioffe 2017; without it a cluster can win all samples by a shift); `batch` takes
    the batch's own. In evaluation it is the running ones. Sums go over all processes. For gates there is a form of its
    own, `StandardizeGates`.

    >>> norm = Standardize(2, "batch")
    >>> norm(torch.tensor([[1.0, 5.0], [3.0, 5.0]])).round(decimals=3)
    tensor([[-1.,  0.],
            [ 1.,  0.]])
    """

    mean: Tensor
    variance: Tensor
    seen: Tensor

    def __init__(self, clusters: int, statistics: Statistics = "running", momentum: float = 0.1) -> None:
        super().__init__()
        self.statistics, self.momentum = statistics, momentum
        self.register_buffer("mean", torch.zeros(clusters))
        self.register_buffer("variance", torch.ones(clusters))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def reset_parameters(self) -> None:
        """Nothing seen yet."""
        self.mean.zero_()
        self.variance.fill_(1.0)
        self.seen.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """[batch, clusters] to the same."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        if not self.training:
            return (wide - self.mean) * torch.rsqrt(self.variance + EPS)

        # The batch moves the running statistics first, so that it is standardised by what it belongs to.
        mean, variance = moments(wide)
        self._follow(mean.detach(), variance.detach())
        if self.statistics == "batch":
            return (wide - mean) * torch.rsqrt(variance + EPS)
        return self._by_running(wide, mean, variance)

    def _by_running(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """`(x - running mean) / running deviation`, with the gradient that the batch's own statistics have."""
        # Standardised by its own statistics, then by what these are under the running ones: numbers, without gradient.
        scale = torch.rsqrt(self.variance + EPS)
        ratio = torch.sqrt(variance.detach() + EPS) * scale
        normal = (x - mean) * torch.rsqrt(variance + EPS)
        return normal * ratio + (mean.detach() - self.mean) * scale

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards those of a batch; the first batch sets them."""
        keep = (1 - self.momentum) * (self.seen > 0).to(mean.dtype)
        self.mean.copy_(keep * self.mean + (1 - keep) * mean)
        self.variance.copy_(keep * self.variance + (1 - keep) * variance)
        self.seen.add_(1)

    def extra_repr(self) -> str:
        """Its settings."""
        return f"{len(self.mean)}, {self.statistics}, momentum={self.momentum}"


class StandardizeGates(Standardize):
    """The same numbers for the relevance under gates, whose gradient can widen or narrow the range of a gate.

    Running statistics count as numbers but for the batch's mean: `(x - mean) s + (stopped(mean) - running mean) s`
    with `s = 1 / running deviation`. As in `Standardize` no cluster gains by a shift of its scores. But under its
    gradient a loss is exactly as large for a score times any factor, too, and so cannot spread a gate (section 5.1).
    """

    def _by_running(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:  # noqa: ARG002  # a number here
        scale = torch.rsqrt(self.variance + EPS)
        return (x - mean) * scale + (mean.detach() - self.mean) * scale


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of [batch, clusters] by column, over the rows of all processes, with gradients.

    The gradient is that of this process's rows; with several processes each has its part of it.
    """
    count = summed(x.new_tensor(float(len(x))))
    mean = added(x.sum(0)) / count
    variance = added((x - mean).square().sum(0)) / count
    return mean, variance


def posterior(relevance: Tensor, priors: Tensor | None = None) -> Tensor:
    """`p = softmax(a* + log pi)`, detached (Tissera 2023, eq. 4.20; with priors section 5.1), [batch, clusters].

    >>> posterior(torch.zeros(1, 2), torch.tensor([0.25, 0.75]))
    tensor([[0.2500, 0.7500]])
    """
    if priors is not None:
        relevance = relevance + priors.log()
    return relevance.softmax(1).detach()


def likelihood_log(relevance: Tensor, gamma: float) -> Tensor:
    """`log sigmoid(a* / gamma)`, the logarithm of each cluster's distribution (Tissera 2023, eq. 4.12, 4.21)."""
    return functional.logsigmoid(relevance / gamma)


def em_loss(relevance: Tensor, gamma: float, augmented: Tensor | None = None, priors: Tensor | None = None) -> Tensor:
    """`-1/n sum_ij p_ij (log sigmoid(a*_ij / gamma) [+ log sigmoid(a_tr*_ij / gamma)])` (Tissera 2023, eq. 4.22, 4.23).

    relevance [batch, clusters], standardised; `augmented` that of the same samples transformed. A scalar.

    >>> round(em_loss(torch.zeros(4, 2), 5.0).item(), 4)
    0.6931
    """
    logs = likelihood_log(relevance, gamma)
    if augmented is not None:
        logs = logs + likelihood_log(augmented, gamma)
    return -(posterior(relevance, priors) * logs).sum(1).mean()


def agreement(relevance: Tensor, augmented: Tensor) -> Tensor:
    """`KL(p || q)`, p of samples, held, and q of their transformed copies (Tissera 2023, eq. 4.24), mean over rows.

    >>> agreement(torch.zeros(3, 2), torch.zeros(3, 2)).item()
    0.0
    """
    p, q = relevance.detach().log_softmax(1), augmented.log_softmax(1)
    return functional.kl_div(q, p, reduction="batchmean", log_target=True)


def mutual_information(first: Tensor, second: Tensor) -> Tensor:
    """Minus the mutual information of two views' clusters (IIC: Ji et al. 2019, eq. 3), from scores [batch, clusters].

    The joint distribution is the mean of the outer products of both softmaxes, made symmetric.

    >>> sure = torch.tensor([[50.0, 0.0], [0.0, 50.0]])
    >>> round(mutual_information(sure, sure).item(), 4)
    -0.6931
    """
    count = summed(first.new_tensor(float(len(first))))
    joint = added(first.softmax(1).t() @ second.softmax(1)) / count
    # A pair of clusters that never occurs together would have the logarithm of 0.
    joint = ((joint + joint.t()) / 2).clamp_min(torch.finfo(joint.dtype).tiny)
    rows, columns = joint.sum(1, keepdim=True), joint.sum(0, keepdim=True)
    return -(joint * (joint.log() - rows.log() - columns.log())).sum()


def centred(gates: Tensor) -> Tensor:
    """The relevance under gates [..., n]: their logarithms minus the mean of these.

    A softmax does not change when a number is added to all scores of an input, so this is all that gates know of them.

    >>> centred(torch.tensor([[0.2, 0.8]]).log().softmax(1)).exp().round(decimals=3)
    tensor([[0.5000, 2.0000]])
    """
    wide = gates.float() if gates.dtype in (torch.float16, torch.bfloat16) else gates
    # A gate that underflowed to 0 has a small logarithm, not minus infinity.
    logs = wide.clamp_min(torch.finfo(wide.dtype).tiny).log()
    return logs - logs.mean(-1, keepdim=True)
