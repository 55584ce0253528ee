"""One optimizer step that leaves everything as it was where its loss or gradient is no number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.amp import GradScaler

from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph, Port
from archlang.layers.patch_experts.keys import Keyed
from archlang.layers.processes import alone
from archlang.train.data.label_place import LabelPlace
from archlang.train.loop.compiling import CompiledNetwork
from archlang.train.losses.objective import Objective, Values, hits, values_of
from archlang.train.problems import as_bad_data, bad_data
from archlang.train.processes import sharding
from archlang.train.processes.spreading import SpreadExperts
from archlang.train.processes.world import World

PATIENCE = 10
"""How many steps in a row may be no numbers before the training stops."""
KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass
class Optimization:
    """An objective with its optimiser. `scaler` keeps gradients in float16's range: it multiplies the loss."""

    goal: Objective
    optimizer: torch.optim.Optimizer
    scaler: GradScaler | None = None
    name: str = "train"

    def __post_init__(self) -> None:
        self.weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        self.is_uniform = len({(weight.device, weight.dtype) for weight in self.weights}) == 1

    def forget_gradients(self) -> None:
        """Leave no gradient behind, as the optimiser's `zero_grad` does, which tells torch's profiler of it too."""
        for weight in self.weights:
            weight.grad = None


@dataclass(frozen=True)
class Outcome:
    """The figures of a step: its loss, its single losses, how many samples it recognised (None: no classes), and the
    losses that nothing in the batch counted for. `norm` is that of its gradient, before it is clipped.
    """

    loss: float
    parts: Mapping[str, float]
    correct: int | None
    empty: frozenset[str] = frozenset()
    norm: float = float("nan")


@dataclass(frozen=True)
class Figures:
    """The loss of a batch, its single losses, for each sample whether it was recognised, and losses without a count."""

    total: torch.Tensor
    parts: Mapping[str, torch.Tensor]
    recognised: torch.Tensor | None
    empty: frozenset[str] = frozenset()

    def and_also(self, other: Figures) -> Figures:
        """The figures of two parts of a batch, each weighted already."""
        recognised = None
        if self.recognised is not None and other.recognised is not None:
            recognised = torch.cat((self.recognised, other.recognised))
        parts = {name: value + other.parts[name] for name, value in self.parts.items()}
        return Figures(self.total + other.total, parts, recognised, self.empty & other.empty)


class Snapshot:
    """Copies of tensors that a step may have to put back. They are made once: allocating is slower than copying."""

    def __init__(self, tensors: list[torch.Tensor]) -> None:
        # `_foreach_copy_` is one kernel for all tensors of a dtype, and slow over a mixture.
        kinds = {value.dtype for value in tensors}
        self.groups = [[value.detach() for value in tensors if value.dtype == kind] for kind in kinds]
        self.copies = [[torch.empty_like(value) for value in group] for group in self.groups]

    @torch.no_grad()
    def take(self) -> None:
        """Copy the tensors."""
        for group, copies in zip(self.groups, self.copies, strict=True):
            torch._foreach_copy_(copies, group)

    @torch.no_grad()
    def restore(self) -> None:
        """Put back the copies."""
        for group, copies in zip(self.groups, self.copies, strict=True):
            torch._foreach_copy_(group, copies)


@dataclass
class Stepper:
    """Does the steps of a training and counts those that had to be skipped. The model must be on its device.

    model       the network; with `ports` it hands out their values beside its outputs
    graph       the graph of the network
    scores      the output whose largest number is the class
    clip        the largest norm of a gradient
    precision   what the network calculates in; weights, losses and gradients of weights stay in float32
    world       the processes of the training; the model gets this one's share of the samples
    parts       so many parts of a batch are calculated one after the other; their gradients add up to that of the whole
    is_divided  whether weights lie in parts (FSDP)
    spread      the experts, where each process holds some of them
    label_places
                where labels with names lie in the rows of labels
    compiled    the same model as torch compiles it, where that was asked for
    skipped     steps that were skipped, in all and (`in_a_row`) since the last one that was done
    """

    model: torch.nn.Module
    graph: Graph
    scores: Port
    ports: tuple[Port, ...] = ()
    clip: float | None = None
    precision: str = "float32"
    world: World = field(default_factory=World)
    is_divided: bool = False
    parts: int = 1
    label_places: Sequence[LabelPlace] = ()
    spread: SpreadExperts | None = None
    compiled: CompiledNetwork | None = None
    skipped: int = 0
    in_a_row: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        # Walking a large module tree in every step is slower than many of the steps themselves.
        buffers = [value for value in self.model.buffers() if not value.is_meta]
        self._inside = [*buffers, *(m.keys for m in self.model.modules() if isinstance(m, Keyed))]
        self._snapshots: dict[int, Snapshot] = {}
        self._wrapped: dict[int, torch.nn.Module | CompiledNetwork] = {}

    def enter(self) -> None:
        """A phase begins: from now on other weights may train."""
        self._wrapped.clear()  # torch's engine waits for the gradients of the weights that it was told of
        sharding.reshard(self.model)

    def __call__(
        self, stage: Optimization, inputs: torch.Tensor, label: torch.Tensor, second: torch.Tensor | None = None
    ) -> Outcome | None:
        """One step; None where loss or gradient is no number: then weights, optimiser and buffers are as before.

        Arguments:
            stage: the objective and the optimiser.
            inputs: this process's share of the batch's samples, [samples, ...].
            label: the labels of the whole batch.
            second: another view of the samples, for losses that read two.

        Raises `ArchError`: diverged at the tenth such step in a row, bad-data.
        """
        # Taken before the forward pass, which moves running statistics whatever comes of the step.
        snapshot = self._snapshot(stage)
        snapshot.take()
        stage.forget_gradients()

        if self.parts > 1:
            figures = self._in_parts(stage, inputs, label, second)
        else:
            figures = self._figures(stage, inputs, label, second)
        norm = self._norm(stage)
        outcome = self._outcome(figures, norm)
        if self.world.any(outcome is None) or outcome is None:
            self._undo(stage, snapshot)
            return None
        self._move(stage, norm)
        return outcome

    def _figures(self, stage: Optimization, inputs: torch.Tensor, label: torch.Tensor, second: torch.Tensor | None,
                 share: float = 1.0) -> Figures:
        """Calculate gradients of `share` times the loss, added to those that are there."""
        values = self._values(stage, inputs, label)
        other = None
        if second is not None:
            other = self._values(stage, second, label)
        with alone():  # every process has the values of the whole batch
            total, parts = stage.goal(values, other)
            empty = frozenset(name for name, over in stage.goal.counted(values).items() if not over)
        # A product with 1 would be one more kernel in every step.
        if share != 1.0:
            total, parts = total * share, {name: value * share for name, value in parts.items()}
        self._backward(stage, total)

        recognised = None
        if stage.goal.supervised:
            recognised = hits(values[self.scores].detach(), label)
        return Figures(total.detach(), {name: value.detach() for name, value in parts.items()}, recognised, empty)

    def _in_parts(self, stage: Optimization, inputs: torch.Tensor, label: torch.Tensor,
                  second: torch.Tensor | None) -> Figures:
        """The figures of a batch that is calculated in parts: each counts by its samples."""
        places = torch.arange(len(label)).tensor_split(self.parts)
        done = []
        for rows in (place for place in places if len(place)):
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            other = None
            if second is not None:
                other = second[part]
            done.append(self._figures(stage, inputs[part], label[part], other, len(rows) / len(label)))

        first, *others = done
        for figures in others:
            first = first.and_also(figures)
        return first

    def _snapshot(self, stage: Optimization) -> Snapshot:
        """A copy of what the forward pass itself changes: running statistics, EMA keys, what losses remember."""
        if id(stage) not in self._snapshots:
            self._snapshots[id(stage)] = Snapshot([*self._inside, *stage.goal.state.buffers()])
        return self._snapshots[id(stage)]

    def _values(self, stage: Optimization, inputs: torch.Tensor, label: torch.Tensor) -> Values:
        """The tensors that the losses of a stage read, and the scores, of the whole batch."""
        with self.world.mode(len(label)):
            values = values_of(self.graph, self._forward(stage, inputs), label, self.ports, self.label_places)
        return stage.goal.gathered(values, self.scores, self.world)

    def _forward(self, stage: Optimization, inputs: torch.Tensor) -> Any:
        model: Callable[[torch.Tensor], Any] = self.model
        # Of several processes the first step tells which weights a loss reaches: what it compiled would be of no use.
        if self.compiled is not None and (self.world.size == 1 or self.is_divided):
            model = self.compiled
        model = self._wrapped.get(id(stage), model)

        try:
            with self._cast(inputs.device), as_bad_data():
                return model(inputs)
        except (ValueError, RuntimeError) as problem:  # the second from compiled code
            # torch's words for a batch norm in training mode over one value; other errors are the network's own.
            if "more than 1 value per channel" not in str(problem):
                raise
            message = "a batch norm cannot train on a single value a channel: batches of one sample, maps of one pixel"
            raise bad_data(message, help="give the data more samples, or set `batch` to 2 or more") from None

    def _cast(self, device: torch.device) -> AbstractContextManager[object]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(device.type, KINDS[self.precision])

    def _backward(self, stage: Optimization, total: torch.Tensor) -> None:
        """Calculate the gradients."""
        # `check` has looked at the tensors; what an operation of a plug-in passes on, torch alone knows.
        if not total.requires_grad:
            raise ArchError(error("bad-phase", "the loss depends on no weight that trains now"))
        if stage.scaler is not None:
            total = stage.scaler.scale(total)
        with self.compiled.refusing() if self.compiled else nullcontext():
            torch.autograd.backward(total)

        if self.spread is not None:
            self.spread.combine(stage.weights)
        elif self.world.size > 1 and not self.is_divided and id(stage) not in self._wrapped:
            # The weights that a loss reaches are known after its first step: torch's engine must be told.
            reached = sharding.average_gradients(stage.weights, self.world)
            if reached:
                self._wrapped[id(stage)] = self._joined(reached)

    def _joined(self, reached: Sequence[torch.nn.Parameter]) -> torch.nn.Module | CompiledNetwork:
        """The network with the gradients of these weights averaged over processes, compiled where it was before."""
        joined = sharding.wrapped(self.model, reached)
        if self.compiled is None:
            return joined
        return self.compiled.around(joined)

    def _norm(self, stage: Optimization) -> torch.Tensor:
        """The norm of the gradients; NaN or infinite where one of them is no number."""
        if stage.scaler is not None:
            stage.scaler.unscale_(stage.optimizer)
        if self.spread is not None:
            return self.spread.norm(stage.weights)
        gradients = [weight.grad for weight in stage.weights if weight.grad is not None]
        if self.is_divided:
            return sharding.norm(gradients)
        # On a CPU ten times as fast as the largest absolute value. Squares of numbers past 1e19 overflow: such a step
        # is skipped too, as it would throw the weights away.
        if not (stage.is_uniform and gradients):
            return torch.nn.utils.get_total_norm(gradients)
        # What `get_total_norm` does with one group of gradients; to find the groups takes it longer.
        norm: torch.Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        return norm

    @staticmethod
    def _outcome(of: Figures, norm: torch.Tensor) -> Outcome | None:
        """The figures of a step, if loss and gradient are numbers. All of them come from the device in one transfer."""
        figures = [norm, of.total, *of.parts.values()]
        if of.recognised is not None:
            figures.append(of.recognised.sum())

        size, loss, *values = torch.stack([v.detach().to(norm.device, torch.float32) for v in figures]).tolist()

        # A comparison with NaN is false as well.
        if not (abs(size) < float("inf") and abs(loss) < float("inf")):
            return None
        correct = None
        if of.recognised is not None:
            correct = int(values[-1])
        return Outcome(loss, dict(zip(of.parts, values, strict=False)), correct, of.empty, size)

    def _move(self, stage: Optimization, norm: torch.Tensor) -> None:
        """Clip the gradients and do the optimizer step."""
        if self.clip is not None and (self.is_divided or self.spread is not None):
            sharding.clip([w.grad for w in stage.weights if w.grad is not None], self.clip, norm)
        elif self.clip is not None:
            torch.nn.utils.clip_grads_with_norm_(stage.weights, self.clip, norm)

        if stage.scaler is None:
            stage.optimizer.step()
        else:
            stage.scaler.step(stage.optimizer)
            stage.scaler.update()
        self.in_a_row = 0

    def _undo(self, stage: Optimization, snapshot: Snapshot) -> None:
        """Leave a step out: put back what its forward pass changed, and count it."""
        stage.forget_gradients()
        snapshot.restore()
        self.skipped += 1
        self.in_a_row += 1

        if stage.scaler is not None:
            # A scale that was too large is not the training's fault: it is halved, and only a small one counts.
            self.in_a_row -= stage.scaler.get_scale() > 1
            stage.scaler.update()
        if self.in_a_row >= PATIENCE:
            raise diverged(f"the loss was no number in {PATIENCE} steps in a row")


def diverged(message: str) -> ArchError:
    """The error of a training that has lost its way."""
    help = "try a smaller learning rate, or a warm-up: `lr = cosine(warmup = 5)`"
    return ArchError(error("diverged", f"the training diverged: {message}", help=help))


def finite(model: torch.nn.Module) -> bool:
    """Tell whether all weights and buffers of a model are numbers."""
    here = [sharding.local(value) for value in model.state_dict().values() if not value.is_meta]
    tensors = [value for value in here if value.is_floating_point()]
    return all(bool(value.isfinite().all()) for value in tensors)
