"""Means of the weights over a training: what is tested and kept where a file says `average`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from archlang.ops.values import Option


class Average:
    """A mean of a model's weights. With `ema` it moves at every step, with `swa` at the end of an epoch.

    A moving average takes the buffers (running statistics) with it. A plain mean leaves them, because statistics of
    other weights say nothing of its own: they are taken anew before it is used (`stale`).
    """

    def __init__(self, option: Option, model: nn.Module) -> None:
        self.moving = option.name == "ema"
        decay, after = (option.args.get(name) for name in ("decay", "after"))
        self.decay, self.after = float(_number(decay)), int(_number(after))
        self.count = 0
        self.names = [name for name, _ in _followed(model, self.moving)]
        self.sources = [value for _, value in _followed(model, self.moving)]
        self.tensors = [value.detach().clone() for value in self.sources]

    @property
    def stale(self) -> bool:
        """Whether a batch norm's statistics must be taken anew for the mean."""
        return not self.moving and self.count > 0

    @torch.no_grad()
    def step(self) -> None:
        """After a step: `a = decay a + (1 - decay) w`; the first time `a = w`."""
        if self.moving:
            self._move(1 - self.decay if self.count else 1.0)

    @torch.no_grad()
    def epoch(self, passed: int) -> None:
        """After epoch `passed`, from 1: `a = a + (w - a) / n` for the n-th epoch that counts."""
        if not self.moving and passed > self.after:
            self._move(1 / (self.count + 1))

    def _move(self, share: float) -> None:
        if self.count:
            torch._foreach_lerp_(self.tensors, [value.detach() for value in self.sources], share)
        else:
            torch._foreach_copy_(self.tensors, [value.detach() for value in self.sources])
        self.count += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within this, the model has the mean for its weights; before anything was averaged, its own."""
        if not self.count:
            yield
            return
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def swap(self) -> None:
        """Exchange the model's weights and their mean; nothing is copied."""
        for number, value in enumerate(self.sources):
            value.data, self.tensors[number] = self.tensors[number], value.data

    def state(self) -> dict[str, torch.Tensor]:
        """The mean by the weights' names."""
        return dict(zip(self.names, self.tensors, strict=True))

    @torch.no_grad()
    def restore(self, state: dict[str, torch.Tensor], count: int) -> None:
        """Take a mean that `state` gave."""
        self.count = count
        for name, value in zip(self.names, self.tensors, strict=True):
            value.copy_(state[name])


def _followed(model: nn.Module, buffers: bool) -> Iterator[tuple[str, torch.Tensor]]:
    yield from model.named_parameters()
    if buffers:
        yield from ((name, value) for name, value in model.named_buffers() if value.is_floating_point())


def _number(value: Any) -> float:
    return float(value or 0)
