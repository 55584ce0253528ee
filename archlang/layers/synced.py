"""Batch norm over a batch that several processes have parts of: with the statistics of all of it."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from archlang.layers.processes import added, several

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
        """[batch, C, ...] to the same; every process must have a row."""
        if not (self.training and several()):
            return super().forward(input)
        torchs: Any = nn.SyncBatchNorm.forward
        made: Tensor = torchs(self, input) if input.is_cuda else self._over_all(input)
        return made

    def _over_all(self, x: Tensor) -> Tensor:
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        over = [0, *range(2, wide.ndim)]
        shape = (1, -1, *(1,) * (wide.ndim - 2))
        own = wide.new_tensor([wide.numel() / max(wide.shape[1], 1)])
        sums = added(torch.cat((wide.sum(over), own)))
        count = sums[-1].detach()
        if float(count) <= 1:
            raise ValueError("Expected more than 1 value per channel when training")  # as torch's own
        mean = sums[:-1] / count
        apart = wide - mean.view(shape)
        variance = added(apart.square().sum(over)) / count
        self._note(mean.detach(), variance.detach(), count)
        made = apart * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            made = made * self.weight.view(shape) + self.bias.view(shape)
        return made.to(x.dtype)

    @torch.no_grad()
    def _note(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """Move the running statistics; that of the variance follows the one without bias, as torch's does."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_((variance * count / (count - 1)).to(self.running_var.dtype), share)


def synced(model: M) -> M:
    """The model with its batch norms exchanged for synchronised ones, which share their weights and statistics.

    >>> type(synced(nn.Sequential(nn.BatchNorm2d(2)))[0]).__name__
    'SyncedBatchNorm'
    """
    for parent, name, module in _inside(model, PLAIN):
        made = SyncedBatchNorm(module.num_features, module.eps, module.momentum, module.affine,
                               module.track_running_stats)
        made.plain = type(module)
        setattr(parent, name, _as(module, made))
    return model


def unsynced(model: M) -> M:
    """The model with plain batch norms again.

    >>> type(unsynced(synced(nn.Sequential(nn.BatchNorm2d(2))))[0]).__name__
    'BatchNorm2d'
    """
    for parent, name, module in _inside(model, (SyncedBatchNorm,)):
        made = module.plain(module.num_features, module.eps, module.momentum, module.affine,
                            module.track_running_stats)
        setattr(parent, name, _as(module, made))
    return model


def _inside(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[tuple[nn.Module, str, Any]]:
    parents = list(model.modules())
    return [(p, name, child) for p in parents for name, child in p.named_children() if type(child) in kinds]


def _as(module: Any, made: Any) -> nn.Module:
    """The new one with the tensors and the mode of the old one."""
    for name in module._parameters:
        made._parameters[name] = module._parameters[name]
    for name in module._buffers:
        made._buffers[name] = module._buffers[name]
    found: nn.Module = made.train(module.training)
    return found
