"""Averages of the weights over a training: what is tested and kept where a file says `average`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from archlang.ops.catalogue import facts_of
from archlang.ops.facts import AverageFacts
from archlang.ops.values import Option


class Average:
    """An average of a model's weights: an exponential moving one (EMA), or the plain mean over epochs (SWA).

    An EMA takes the buffers (running statistics) with it. A plain mean leaves them, because statistics of other weights
    say nothing of its own: they are taken anew before it is used (`stale`).
    """

    def __init__(self, option: Option, model: nn.Module) -> None:
        self.every_step = facts_of(option, AverageFacts).every_step
        self.decay = _number(option.args.get("decay"))
        self.after = int(_number(option.args.get("after")))
        self.count = 0

        averaged = dict(_averaged(model, buffers=self.every_step))
        self.names = list(averaged)
        self.sources = list(averaged.values())
        self.tensors = [value.detach().clone() for value in self.sources]

    @property
    def stale(self) -> bool:
        """Tell whether a batch norm's statistics must be taken anew for the average."""
        return not self.every_step and self.count > 0

    @torch.no_grad()
    def step(self) -> None:
        """The EMA update after an optimizer step: `a = decay a + (1 - decay) w`; the first time `a = w`."""
        if not self.every_step:
            return
        self._update(1 - self.decay)

    @torch.no_grad()
    def epoch(self, passed: int) -> None:
        """After epoch `passed`, from 1: `a = a + (w - a) / n` for the n-th epoch that counts."""
        if not self.every_step and passed > self.after:
            self._update(1 / (self.count + 1))

    def _update(self, share: float) -> None:
        # In one kernel for all weights; a loop over them takes longer than many steps.
        weights = [value.detach() for value in self.sources]
        if self.count:
            torch._foreach_lerp_(self.tensors, weights, share)
        else:  # the first weights are the average, whatever its decay: it would start at those before training
            torch._foreach_copy_(self.tensors, weights)
        self.count += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within this, the model has the average for its weights; before anything was averaged, its own."""
        if not self.count:
            yield
            return

        self.swap()
        try:
            yield
        finally:
            self.swap()

    def swap(self) -> None:
        """Exchange the model's weights and their average; nothing is copied."""
        # Storage changes hands, so that optimisers and compiled code keep the tensors that they know.
        for number, value in enumerate(self.sources):
            value.data, self.tensors[number] = self.tensors[number], value.data

    def state(self) -> dict[str, torch.Tensor]:
        """The average by the weights' names."""
        return dict(zip(self.names, self.tensors, strict=True))

    @torch.no_grad()
    def restore(self, state: dict[str, torch.Tensor], count: int) -> None:
        """Take an average that `state` gave."""
        self.count = count
        for name, value in zip(self.names, self.tensors, strict=True):
            value.copy_(state[name])


def _averaged(model: nn.Module, buffers: bool) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors that are averaged: all parameters, and with `buffers` those of floating point."""
    # Experts on other processes are averaged there.
    yield from ((name, value) for name, value in model.named_parameters() if not value.is_meta)
    if buffers:
        here = ((name, value) for name, value in model.named_buffers() if not value.is_meta)
        yield from ((name, value) for name, value in here if value.is_floating_point())


def _number(value: Any) -> float:
    return float(value or 0)
