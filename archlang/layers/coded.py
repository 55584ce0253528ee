"""Branches of a code: energies, their normalisation, branches left out (Avranas, Kountouris: Coded ResNeXt)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from archlang.layers.precision import device_type, runs_by_itself, widened

EPS = 1e-8
"""Added to a mean energy under a root: branches without energy stay zero and have finite gradients."""

ONE_BY_ONE = 64
"""From how many numbers of a branch's kernel for each place of the batch on it measured faster to leave kernels where
they lie: joining them costs what they hold, whatever the batch, and a product of few columns nearly nothing.
"""


def energy(x: Tensor) -> Tensor:
    """The mean of squares of each sample, [batch, ...] to [batch], in float32 at least.

    >>> energy(torch.tensor([[3.0, 4.0]]))
    tensor([12.5000])
    """
    return widened(x).square().flatten(1).mean(1)


def energies(*members: Tensor, of: int) -> tuple[Tensor, Tensor]:
    """Energies of branches after normalisation, [batch, members], and the weights that normalise them, the same shape.

    `y_n = T_n / sqrt(mean_i E(T_i))` has the energy `E(T_n) / mean_i E(T_i)`.

    Args:
        members: the branches T_n, [batch, ...] each.
        of: the branches that the mean is over. Those that were taken out count as E = 0, so that the energies of all
            of them still sum to `of`.

    >>> one = torch.ones(1, 2, 1, 1)
    >>> energies(one, 2 * one, 0 * one, of=3)[0]
    tensor([[0.6000, 2.4000, 0.0000]])
    """
    return normalised(torch.stack([energy(x) for x in members], 1), of)


def normalised(raw: Tensor, of: int) -> tuple[Tensor, Tensor]:
    """Raw energies [batch, members] to normalised ones and to the weights of the branches."""
    scale = torch.rsqrt(raw.sum(1, keepdim=True) / of + EPS)
    return raw * scale.square(), scale.expand_as(raw)


def weigh(weights: Tensor, *members: Tensor) -> Tensor | tuple[Tensor, ...]:
    """Each branch times its weight: [batch, n] and n tensors [batch, ...], to n tensors; of one branch, to a tensor.

    >>> weigh(torch.tensor([[2.0]]), torch.ones(1, 1, 2))
    tensor([[[2., 2.]]])
    """
    shape = (-1, *(1,) * (members[0].dim() - 1))
    weighed = tuple(x * w.to(x.dtype).reshape(shape) for x, w in zip(members, weights.unbind(1), strict=True))

    # The graph takes a single result as it is, not as a tuple of one.
    if len(weighed) == 1:
        return weighed[0]
    return weighed


class BranchMask(nn.Module):
    """DropSubNN: for each sample and branch 0 with probability `p`, else `1 / (1 - p)`, in training; else 1.

    Args:
        branches: how many there are.
        p: the probability of leaving one out.
    """

    def __init__(self, branches: int, p: float = 0.1) -> None:
        super().__init__()
        self.branches, self.p = branches, p

    def forward(self, x: Tensor) -> Tensor:
        """The mask for a batch: [batch, ...] to [batch, branches], in float32 at least."""
        ones = widened(x.new_ones(x.shape[0], self.branches))
        return functional.dropout(ones, self.p, self.training)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.branches}, p={self.p}"


def coded_sum(
    x: Tensor, weights: Sequence[Tensor], masks: Sequence[Tensor], of: int
) -> tuple[Tensor, Tensor]:
    """1x1 convolutions of branches, normalised by their energies, masked and summed, as one.

    The branches themselves, [batch, n, C, ...], are never computed: with `G_n = x_n x_n^T` their energies are
    `<W_n^T W_n, G_n> / (C places)`, and the weighted sum is one convolution of scaled inputs.

    Args:
        x: the inputs of the branches side by side, [batch, n d, ...].
        weights: their kernels, [C, d, 1, ...] each.
        masks: numbers that branches are multiplied by, [batch, n] each.
        of: the branches that the mean energy is over.

    Returns the sum [batch, C, ...] and the normalised energies [batch, n].
    """
    count, places = len(weights), x.shape[2:].numel()
    matrices = [w.flatten(1) for w in weights]  # [C, d] each
    channels, entering = matrices[0].shape
    apart = runs_by_itself(x)

    # Squares of squares leave the range of half precision.
    with torch.autocast(device_type(x), enabled=False):
        wide = [widened(w) for w in matrices]
        inner = widened(x).reshape(x.shape[0], count, entering, places)
        gram = inner @ inner.transpose(2, 3)
        # A sum of products that should be 0 may come out just below it.
        raw = (gram * _squares(wide, apart)).sum((2, 3)).clamp_min(0) / (channels * places)
        normal, factor = normalised(raw, of)
        for mask in masks:
            factor = factor * mask

    scaled = x.reshape(x.shape[0], count, entering, places) * factor.to(x.dtype)[:, :, None, None]
    if apart and matrices[0].numel() >= ONE_BY_ONE * x.shape[0] * places:
        flat = _summed(matrices, scaled)
    else:
        flat = functional.conv1d(scaled.flatten(1, 2), torch.cat(matrices, 1)[:, :, None])
    return flat.reshape(x.shape[0], channels, *x.shape[2:]), normal


def _squares(kernels: Sequence[Tensor], apart: bool) -> Tensor:
    """`W_n^T W_n` of n kernels [C, d], as [n, d, d]; `apart`: one after the other."""
    # Stacked, the kernels and their gradients are large tensors that are used once: filling them took three quarters.
    if apart:
        return torch.stack([w.t() @ w for w in kernels])
    stacked = torch.stack(tuple(kernels))
    return stacked.transpose(1, 2) @ stacked


def _summed(kernels: Sequence[Tensor], x: Tensor) -> Tensor:
    """`sum_n W_n x_n` of kernels [C, d] and maps [batch, n, d, places], as [batch, C, places]: one after the other.

    The places of all samples are the columns of one product, and kernels are read where they lie.
    """
    columns = x.permute(1, 2, 0, 3).flatten(2).unbind()
    total = kernels[0] @ columns[0]
    for kernel, column in zip(kernels[1:], columns[1:], strict=True):
        total = total.addmm_(kernel, column)
    return total.reshape(len(total), x.shape[0], x.shape[3]).transpose(0, 1)


def coding_loss(energy: Tensor, words: Tensor, power: float = 4) -> Tensor:
    """Mean over batch and branches of `|r E - w|^power`, r the share of ones in a word (Coded ResNeXt, coding loss).

    Args:
        energy: normalised energies, [batch, branches].
        words: those of the classes of the samples, [batch, branches].
        power: the exponent.

    >>> coding_loss(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.)
    """
    share = words.mean(1, keepdim=True)
    difference = share * energy - words
    # An odd power keeps the sign, and a loss below 0 would have no least value.
    if power % 2:
        difference = difference.abs()
    return difference.pow(power).mean()
