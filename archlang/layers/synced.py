"""Batch norm over a batch that several processes have parts of: with the statistics of all of it."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from archlang.layers.precision import widened
from archlang.layers.processes import all_reduce_with_gradients, is_distributed

M = TypeVar("M", bound=nn.Module)
PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class SyncedBatchNorm(_BatchNorm):
    """`nn.BatchNorm` over the rows of all processes, running statistics too; in one process the same as that.

    On a GPU it is torch's own; on a CPU, which that refuses, mean and variance are sums over the processes:
    `m = sum x / n`, `v = sum (x - m)^2 / n`, with gradients through both.
    """

    plain: type[Any] = nn.BatchNorm1d
    # What torch's asks of itself. Its class is no base of this one: torch's engines refuse that on a CPU unseen.
    process_group = None
    _check_input_dim = nn.SyncBatchNorm._check_input_dim
    _check_non_zero_input_channels = nn.SyncBatchNorm._check_non_zero_input_channels

    def forward(self, input: Tensor) -> Tensor:
        """Normalise [batch, C, ...]; every process must have a row."""
        if not (self.training and is_distributed()):
            return super().forward(input)
        if not input.is_cuda:
            return self._over_all(input)

        of_torch: Any = nn.SyncBatchNorm.forward
        normal: Tensor = of_torch(self, input)
        return normal

    def _over_all(self, x: Tensor) -> Tensor:
        wide = widened(x)
        over = [0, *range(2, wide.ndim)]
        shape = (1, -1, *(1,) * (wide.ndim - 2))

        # The number of values goes along with their sums: one collective instead of two.
        values = wide.new_tensor([wide.numel() / max(wide.shape[1], 1)])
        sums = all_reduce_with_gradients(torch.cat((wide.sum(over), values)))
        count = sums[-1].detach()
        _require_several(count)

        mean = sums[:-1] / count
        centred = wide - mean.view(shape)
        variance = all_reduce_with_gradients(centred.square().sum(over)) / count
        self._follow(mean.detach(), variance.detach(), count)

        normal = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """Update the running statistics; that of the variance follows the unbiased one, as torch's does."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)

        # Without a momentum torch takes the mean over all batches.
        share: float | Tensor = 1 / self.num_batches_tracked.to(self.running_mean.dtype)
        if self.momentum is not None:
            share = self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_((variance * count / (count - 1)).to(self.running_var.dtype), share)


def _require_several(count: Tensor) -> None:
    """Raise `ValueError` where statistics would be those of a single value; `RuntimeError` in compiled code."""
    said = "Expected more than 1 value per channel when training"  # as torch's own

    # Compiled code has no branch that follows a tensor: it would end there, and a part of its own begin.
    if torch.compiler.is_compiling():
        torch._assert_async(count > 1, said)
    elif float(count) <= 1:
        raise ValueError(said)


def synced(model: M) -> M:
    """Exchange the batch norms of a model for synchronised ones, which share their weights and statistics.

    >>> type(synced(nn.Sequential(nn.BatchNorm2d(2)))[0]).__name__
    'SyncedBatchNorm'
    """
    for parent, name, module in _inside(model, PLAIN):
        norm = SyncedBatchNorm(module.num_features, module.eps, module.momentum, module.affine,
                               module.track_running_stats)
        norm.plain = type(module)
        setattr(parent, name, _with_tensors_of(module, norm))
    return model


def unsynced(model: M) -> M:
    """Exchange synchronised batch norms for plain ones again.

    >>> type(unsynced(synced(nn.Sequential(nn.BatchNorm2d(2))))[0]).__name__
    'BatchNorm2d'
    """
    for parent, name, module in _inside(model, (SyncedBatchNorm,)):
        norm = module.plain(module.num_features, module.eps, module.momentum, module.affine,
                            module.track_running_stats)
        setattr(parent, name, _with_tensors_of(module, norm))
    return model


def _inside(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[tuple[nn.Module, str, Any]]:
    """Every module of exactly these classes, with its parent and its name there."""
    # Listed first: the model changes while the caller goes through it.
    parents = list(model.modules())
    places: list[tuple[nn.Module, str, Any]] = []
    for parent in parents:
        for name, child in parent.named_children():
            # Of exactly these classes: what a subclass does besides would be lost.
            if type(child) in kinds:
                places.append((parent, name, child))
    return places


def _with_tensors_of(module: Any, norm: Any) -> nn.Module:
    """The new module with the tensors and the mode of the old one."""
    for name in module._parameters:
        norm._parameters[name] = module._parameters[name]
    for name in module._buffers:
        norm._buffers[name] = module._buffers[name]
    exchanged: nn.Module = norm.train(module.training)
    return exchanged
