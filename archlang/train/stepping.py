"""One optimisation step that nothing but numbers can come out of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph, Port
from archlang.train.objective import LABEL, Objective, hits, values_of
from archlang.train.optim import set_rate
from archlang.train.problems import bad_data

PATIENCE = 10
"""How many steps in a row may be no numbers before the training stops."""


@dataclass
class Stage:
    """One loss with its optimiser; `base` is the rate that a phase's curve starts from."""

    goal: Objective
    optimizer: torch.optim.Optimizer
    base: float


@dataclass(frozen=True)
class Outcome:
    """What a step saw: its loss, its single losses, how many samples it recognised (None: no classes)."""

    loss: float
    parts: Mapping[str, float]
    correct: int | None


@dataclass
class Stepper:
    """Does the steps of a training and keeps count of those that had to be skipped. The model must be in its place.

    With `ports`, the model hands out their values beside its outputs.
    """

    model: torch.nn.Module
    graph: Graph
    scores: Port
    ports: tuple[Port, ...] = ()
    skipped: int = 0
    in_a_row: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        # Walking a large module tree in every step is slower than many of the steps themselves.
        self._buffers, self._parameters = list(self.model.buffers()), list(self.model.parameters())

    def __call__(
        self, stage: Stage, inputs: torch.Tensor, label: torch.Tensor, lr: float, second: torch.Tensor | None = None
    ) -> Outcome | None:
        """One step; None where loss or gradient is no number: then weights, optimiser and buffers are as before.

        `second` is another view of the samples, for losses that read two. Raises `ArchError` (diverged) at the tenth
        in a row.
        """
        # What the forward pass itself changes: running statistics, keys that follow a mean, what losses remember.
        state = [*self._buffers, *(p for p in self._parameters if not p.requires_grad), *stage.goal.state.buffers()]
        before = [(value, value.detach().clone()) for value in state]
        stage.optimizer.zero_grad(set_to_none=True)
        values = values_of(self.graph, self._forward(inputs), label, self.ports)
        other = None if second is None else values_of(self.graph, self._forward(second), label, self.ports)
        total, parts = stage.goal(values, other)
        if bool(total.isfinite()) and self._backward(total):
            set_rate(stage.optimizer, lr)
            stage.optimizer.step()
            self.in_a_row = 0
            correct = hits(values[self.scores], values[LABEL])
            seen = {name: float(part.detach()) for name, part in parts.items()}
            return Outcome(float(total.detach()), seen, None if correct is None else int(correct.sum()))
        self._undo(stage, before)
        return None

    def _forward(self, inputs: torch.Tensor) -> Any:
        try:
            return self.model(inputs)
        except ValueError as problem:
            if "more than 1 value per channel" not in str(problem):
                raise
            message = "a batch norm over a vector cannot train on batches of one sample"
            raise bad_data(message, help="give the data more samples, or set `batch` to 2 or more") from None

    def _backward(self, total: torch.Tensor) -> bool:
        torch.autograd.backward(total)
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        # The largest absolute value: unlike a sum of squares it does not overflow before the numbers do.
        return not gradients or bool(torch.nn.utils.get_total_norm(gradients, norm_type=float("inf")).isfinite())

    def _undo(self, stage: Stage, before: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        stage.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for value, kept in before:
                value.copy_(kept)
        self.skipped += 1
        self.in_a_row += 1
        if self.in_a_row >= PATIENCE:
            raise diverged(f"the loss was no number in {PATIENCE} steps in a row")


def diverged(message: str) -> ArchError:
    """The error of a training that has lost its way."""
    help = "try a smaller learning rate, or a warm-up: `lr = cosine(warmup = 5)`"
    return ArchError(error("diverged", f"the training diverged: {message}", help=help))


def finite(model: torch.nn.Module) -> bool:
    """Whether all weights and buffers of a model are numbers."""
    return all(bool(t.isfinite().all()) for t in model.state_dict().values() if t.is_floating_point())
