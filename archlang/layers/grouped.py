"""Equal operations of parallel members as one: members stand side by side along the channels (or features).

Every function takes the members' weights as they are, so that a module keeps one name for each, however it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from archlang.layers.precision import runs_by_itself

_CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {
    3: functional.conv1d, 4: functional.conv2d, 5: functional.conv3d,
}


ONE_BY_ONE = 256
"""From how many numbers of a member's 1x1 kernel for each place of the batch on it measured faster not to join them."""


def gather(members: Sequence[Tensor]) -> Tensor:
    """k tensors [batch, C, ...] to one [batch, k C, ...]."""
    return torch.cat(tuple(members), 1)


def convolution(
    x: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor] | None = None,
    common: bool = False,
    stride: tuple[int, ...] = (1,),
    padding: tuple[int, ...] = (0,),
    dilation: tuple[int, ...] = (1,),
    groups: int = 1,
) -> Tensor:
    """k convolutions, each with a kernel of its own, as one grouped convolution.

    Args:
        x: [batch, k C, ...]; with `common` [batch, C, ...], which all members read.
        weights, biases: those of each member, k of each.
        groups: those of a single member.

    Returns [batch, k D, ...].

    >>> one = torch.ones(1, 1, 1, 1)
    >>> convolution(torch.tensor([[[[2.0]], [[3.0]]]]), (one, 10 * one)).flatten()
    tensor([ 2., 30.])
    """
    # Kernels of one place over few columns: joining them would cost more than it saves.
    one_place = weights[0].shape[2:].numel() == 1 and groups == 1 and {*stride} == {1} and {*padding} == {0}
    if common and one_place and runs_by_itself(x):
        columns = x.shape[0] * x.shape[2:].numel()
        if weights[0].numel() >= ONE_BY_ONE * columns:
            return _rows(x, weights, biases)

    if common and groups != 1:
        # A grouped convolution reads each channel once, so that every member needs a copy.
        x = x.repeat(1, len(weights), *(1,) * (x.dim() - 2))
        common = False

    parts = groups
    if not common:
        parts = groups * len(weights)
    run = _CONVOLUTIONS[x.dim()]
    return run(x, torch.cat(tuple(weights)), _joined(biases), stride, padding, dilation, parts)


def _rows(x: Tensor, kernels: Sequence[Tensor], biases: Sequence[Tensor] | None) -> Tensor:
    """k 1x1 convolutions of one map, [batch, C, ...] to [batch, k D, ...], each a product with all places of the batch.

    Kernels are read where they lie.
    """
    columns = x.flatten(2).transpose(0, 1).flatten(1)
    rows = torch.cat([kernel.flatten(1) @ columns for kernel in kernels])

    bias = _joined(biases)
    if bias is not None:
        rows = rows + bias[:, None]
    return rows.reshape(len(rows), x.shape[0], *x.shape[2:]).transpose(0, 1)


def linear(
    x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor] | None = None, common: bool = False
) -> Tensor:
    """k linear layers of vectors: [batch, k F] to [batch, k G]; with `common`, of one and the same [batch, F]."""
    bias = _joined(biases)
    if common:
        return functional.linear(x, torch.cat(tuple(weights)), bias)

    # A batched product over members: torch has no grouped linear layer.
    members = x.reshape(x.shape[0], len(weights), -1).transpose(0, 1)
    products = torch.bmm(members, torch.stack(tuple(weights)).transpose(1, 2))
    results = products.transpose(0, 1).flatten(1)
    if bias is None:
        return results
    return results + bias


def batch_norm(
    x: Tensor,
    training: Sequence[bool],
    weights: Sequence[Tensor] | None,
    biases: Sequence[Tensor] | None,
    means: Sequence[Tensor] | None,
    variances: Sequence[Tensor] | None,
    counters: Sequence[Tensor] | None,
    *,
    momentum: float,
    eps: float,
) -> Tensor:
    """k batch norms over [batch, k C, ...], which in training update each member's running statistics.

    `training` says it for each member; where members disagree (some are frozen) they run one by one.
    """
    if len(set(training)) > 1:
        kept = (weights, biases, means, variances, counters)
        return gather([
            batch_norm(member, training[i : i + 1], *[p and p[i : i + 1] for p in kept], momentum=momentum, eps=eps)
            for i, member in enumerate(x.chunk(len(training), 1))
        ])

    scale, shift, mean, variance = map(_joined, (weights, biases, means, variances))
    # Without running statistics the batch's are used in evaluation, too.
    by_batch = training[0] or mean is None
    normal = functional.batch_norm(x, mean, variance, scale, shift, by_batch, momentum, eps)

    # The call above has moved joined copies, which the members know nothing of.
    if training[0] and mean is not None and variance is not None:
        with torch.no_grad():
            _share_out(mean, means or ())
            _share_out(variance, variances or ())
            for counter in counters or ():
                counter.add_(1)
    return normal


def _joined(members: Sequence[Tensor] | None) -> Tensor | None:
    """The members' weights end to end; None where they have none, as torch's functions take it."""
    if not members:
        return None
    return torch.cat(tuple(members))


def _share_out(joined: Tensor, members: Sequence[Tensor]) -> None:
    for member, fresh in zip(members, joined.chunk(len(members)), strict=True):
        member.copy_(fresh)
