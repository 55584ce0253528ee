"""What a file declares, made definite for one training: phases with their epochs, batches, seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from archlang.artefact.manifest import is_label
from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph
from archlang.graph.plan import Phase, Plan, TrainingStep
from archlang.train.data.augmentation import augment
from archlang.train.optimization import schedule
from archlang.train.problems import bad_data

if TYPE_CHECKING:
    from archlang.elaborate.network import Network


EXAMPLE = """train {
  loss = cross_entropy(logits, label)
  optimizer = adam(lr = 0.001)
  phase all { epochs = 10 }
}"""


@dataclass(frozen=True)
class ScheduledPhase:
    """A phase with the batches that it really gets; its curve is drawn over these as over what the file declares.

    It is cut into rounds of `per_epoch` batches, each a pass over the data; the last one may be shorter.
    """

    phase: Phase
    batches: int
    per_epoch: int

    @property
    def rounds(self) -> int:
        """How many rounds it takes."""
        return -(-self.batches // self.per_epoch)

    def size(self, number: int) -> int:
        """The batches of round `number`, from 0."""
        return min(self.per_epoch, self.batches - number * self.per_epoch)

    def at(self, step: int) -> float:
        """How far the phase is at its `step`, from 0, in the unit of its curve."""
        return step * self.phase.length / self.batches


def plan_of(network: Network) -> Plan:
    """The checked plan of a network's file.

    Raises `ArchError`: missing-train, missing-loss, missing-phase, bad-phase, not-available.
    """
    plan: Plan | None = network.graph.plan
    if plan is None:
        raise ArchError(error(
            "missing-train", f"the file of `{network.name}` does not say how to train it", help=f"add `{EXAMPLE}`",
        ))
    if not plan.phases:
        raise ArchError(error("missing-phase", "`train` needs a phase", plan.span, help="`phase all { epochs = 10 }`"))
    for step in steps_of(plan):
        if not step.losses:
            raise ArchError(error("missing-loss", "`train` needs a loss", plan.span))
    schedule.check(plan.phases)
    augment.check(plan.augment)
    return plan


def steps_of(plan: Plan) -> tuple[TrainingStep, ...]:
    """The optimisation steps on each batch, in turn; most files have one. Raises `ArchError` (missing-loss)."""
    if plan.steps:
        return plan.steps
    if plan.optimizer is None:
        message = "`train` needs an optimiser"
        raise ArchError(error("missing-loss", message, plan.span, help="`optimizer = adam(lr = 0.001)`"))
    return (TrainingStep("train", plan.losses, plan.optimizer),)


def stretches(phases: Sequence[Phase], epochs: int | None, per_epoch: int) -> tuple[ScheduledPhase, ...]:
    """The phases with their batches, `per_epoch` for one pass over the data.

    Asked for another number of epochs in all, every phase gets its share of it, rounded: to whole epochs, or to batches
    where a phase is so many steps long.

    >>> phases = [Phase("a", 150), Phase("b", 100)]
    >>> [s.rounds for s in stretches(phases, 5, 10)], [s.rounds for s in stretches(phases, None, 10)]
    ([3, 2], [150, 100])
    """
    sizes = [phase.steps or phase.epochs * per_epoch for phase in phases]
    declared = sum(sizes)
    if epochs is not None:
        if epochs < 1:
            raise ArchError(error("usage", "a training takes at least one epoch"))
        unit = 1 if any(phase.steps for phase in phases) else per_epoch
        ends = [round(sum(sizes[: n + 1]) * (epochs * per_epoch // unit) / declared) * unit for n in range(len(sizes))]
        sizes = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
    pairs = zip(phases, sizes, strict=True)
    return tuple(ScheduledPhase(phase, size, per_epoch) for phase, size in pairs if size)


def batches(count: int, size: int, generator: torch.Generator) -> Iterator[list[int]]:
    """All indices in a random order, cut into batches; a last batch of one joins the one before it.

    Batch norm has no deviation over a batch of one; dropping it instead would leave a sample out of every epoch.

    >>> [len(b) for b in batches(9, 4, torch.Generator().manual_seed(0))]
    [4, 5]
    """
    order = torch.randperm(count, generator=generator).tolist()
    number = batch_count(count, size)
    for index in range(number):
        yield order[index * size : (index + 1) * size if index + 1 < number else count]


def batch_count(count: int, size: int) -> int:
    """How many batches there are.

    >>> [batch_count(n, 4) for n in (2, 4, 5, 8, 9, 10)]
    [1, 1, 1, 2, 2, 3]
    """
    whole, rest = divmod(count, size)
    return max(1, whole + (rest > 1))


def derived(seed: int, epoch: int, use: str) -> int:
    """A seed of its own for each epoch and use, so that what one draws never changes what another gets."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{epoch}:{use}".encode()).digest()[:4], "big")


def class_count(graph: Graph, plan: Plan, port_type: Sequence[object]) -> int | None:
    """How many classes the scored output tells apart, where a loss compares it with class numbers."""
    reads_label = any(loss.option.name == "cross_entropy" for step in steps_of(plan) for loss in step.losses)
    size = port_type[0] if len(port_type) == 1 else None
    return size if reads_label and isinstance(size, int) else None


def labels_of(plan: Plan, classes: tuple[str, ...] | None, outputs: int | None) -> tuple[str, ...] | None:
    """The class names that travel with the model: the file's, else the data's.

    Raises `ArchError` (bad-data) where a name cannot be shown or the network has fewer outputs than there are names.
    """
    labels = plan.labels or classes
    if labels is None or outputs is None:
        return None
    if not all(is_label(label) for label in labels):
        raise bad_data("a class name is empty, longer than 256 characters, or cannot be shown")
    if max(len(labels), len(classes or ())) > outputs:
        count = max(len(labels), len(classes or ()))
        help = f"set the network's dial for the number of classes, as in `-p classes={count}`"
        raise bad_data(f"there are {count} classes, the network tells {outputs} apart", help=help)
    return labels
