"""What a file declares, made definite for one training: phases with their epochs, batches, seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from archlang.artefact.manifest import is_label
from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph, Phase, Plan, Step
from archlang.train import augment, schedule
from archlang.train.problems import bad_data

if TYPE_CHECKING:
    from archlang.graph.network import Network


EXAMPLE = """train {
  loss = cross_entropy(logits, label)
  optimizer = adam(lr = 0.001)
  phase all { epochs = 10 }
}"""


@dataclass(frozen=True)
class Stretch:
    """A phase with the epochs that it really gets; its curve is drawn over these as over the declared ones."""

    phase: Phase
    epochs: int

    def at(self, step: int, steps: int) -> float:
        """How far the phase is at its `step` (from 0), with `steps` an epoch, in declared epochs."""
        return step * self.phase.epochs / (steps * self.epochs)


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
    extra = [(phase, name) for phase in plan.phases for name, value in phase.settings.items() if value is not None]
    if extra:
        said = "`{}` in a phase is not part of this version"
        raise ArchError([error("not-available", said.format(name), phase.span) for phase, name in extra])
    schedule.check(plan.phases)
    augment.check(plan.augment)
    return plan


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """The optimisation steps on each batch, in turn; most files have one. Raises `ArchError` (missing-loss)."""
    if plan.steps:
        return plan.steps
    if plan.optimizer is None:
        message = "`train` needs an optimiser"
        raise ArchError(error("missing-loss", message, plan.span, help="`optimizer = adam(lr = 0.001)`"))
    return (Step("train", plan.losses, plan.optimizer),)


def stretches(phases: Sequence[Phase], epochs: int | None) -> tuple[Stretch, ...]:
    """The phases with their epochs; asked for another number in all, every phase gets its share of it, rounded.

    >>> phases = [Phase("a", 150), Phase("b", 100)]
    >>> [s.epochs for s in stretches(phases, 5)], [s.epochs for s in stretches(phases, None)]
    ([3, 2], [150, 100])
    """
    declared = sum(phase.epochs for phase in phases)
    if epochs is None or epochs == declared:
        return tuple(Stretch(phase, phase.epochs) for phase in phases if phase.epochs)
    if epochs < 1:
        raise ArchError(error("usage", "a training takes at least one epoch"))
    found, passed = [], 0
    for phase in phases:
        first = round(passed * epochs / declared)
        passed += phase.epochs
        found.append(Stretch(phase, round(passed * epochs / declared) - first))
    return tuple(stretch for stretch in found if stretch.epochs)


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
