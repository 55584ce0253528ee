"""The plan of a file made definite for one training: phases with their batches, the order of samples, seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archlang.diagnostics import ArchError, error
from archlang.graph.plan import Phase, Plan, TrainingStep
from archlang.graph.scores import LABEL
from archlang.train.data.augmentation import augment
from archlang.train.optimization import schedule

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
        """The number of rounds that it takes."""
        return -(-self.batches // self.per_epoch)

    def size(self, number: int) -> int:
        """The batches of round `number`, from 0."""
        return min(self.per_epoch, self.batches - number * self.per_epoch)

    def at(self, step: int) -> float:
        """The time at `step`, from 0, in the unit of the phase's curve."""
        return step * self.phase.length / self.batches


def plan_of(network: Network) -> Plan:
    """The checked plan of a network's file.

    Raises `ArchError`: missing-train, missing-loss, missing-phase, bad-phase, not-available.
    """
    plan: Plan | None = network.graph.plan
    if plan is None:
        message = f"the file of `{network.name}` does not say how to train it"
        raise ArchError(error("missing-train", message, help=f"add `{EXAMPLE}`"))
    if not plan.phases:
        raise ArchError(error("missing-phase", "`train` needs a phase", plan.span, help="`phase all { epochs = 10 }`"))
    if any(not step.losses for step in steps_of(plan)):
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


def ignored_label(plan: Plan) -> int | None:
    """The label that all losses over labels ignore; None where one counts every label, or they ignore others."""
    found = {loss.option.args.get("ignore") for step in steps_of(plan) for loss in step.losses if LABEL in loss.reads}
    if len(found) != 1:
        return None
    ignore = found.pop()
    return ignore if isinstance(ignore, int) else None


def stretches(phases: Sequence[Phase], epochs: int | None, per_epoch: int) -> tuple[ScheduledPhase, ...]:
    """The phases with their batches, `per_epoch` for one pass over the data.

    Asked for another number of epochs in all, every phase gets its share of it, rounded: to whole epochs, or to batches
    where a phase is so many steps long.

    >>> phases = [Phase("a", 150), Phase("b", 100)]
    >>> [s.rounds for s in stretches(phases, 5, 10)], [s.rounds for s in stretches(phases, None, 10)]
    ([3, 2], [150, 100])
    """
    sizes = [phase.steps or phase.epochs * per_epoch for phase in phases]
    if epochs is not None:
        if epochs < 1:
            raise ArchError(error("usage", "a training takes at least one epoch"))
        # Phases of epochs stay whole epochs; beside a phase of steps they cannot all.
        unit = per_epoch
        if any(phase.steps for phase in phases):
            unit = 1
        sizes = _rescaled(sizes, epochs * per_epoch, unit)

    # Asked for few epochs, a short phase may get no batch at all.
    pairs = zip(phases, sizes, strict=True)
    return tuple(ScheduledPhase(phase, size, per_epoch) for phase, size in pairs if size)


def _rescaled(sizes: Sequence[int], total: int, unit: int) -> list[int]:
    """Sizes in the same proportions that sum to `total`, each a multiple of `unit`.

    Ends are rounded, not sizes, so that errors do not add up.
    """
    declared = sum(sizes)
    ends = [round(sum(sizes[: n + 1]) * (total // unit) / declared) * unit for n in range(len(sizes))]
    return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]


def batches(order: list[int], size: int) -> Iterator[list[int]]:
    """All indices in their order, cut into batches; a last batch of one joins the one before it.

    Batch norm has no deviation over a batch of one; dropping it instead would leave a sample out of every epoch.

    >>> [len(batch) for batch in batches(list(range(9)), 4)]
    [4, 5]
    """
    last = batch_count(len(order), size) - 1
    for index in range(last):
        yield order[index * size : (index + 1) * size]
    yield order[last * size :]


def batch_count(count: int, size: int) -> int:
    """The number of batches of so many samples.

    >>> [batch_count(n, 4) for n in (2, 4, 5, 8, 9, 10)]
    [1, 1, 1, 2, 2, 3]
    """
    full, rest = divmod(count, size)
    return max(1, full + (rest > 1))


def derived(seed: int, epoch: int, use: str) -> int:
    """A seed of its own for each epoch and use, so that what one draws never changes what another gets."""
    # A hash, not a sum: seeds 0 and 1 of epochs 1 and 0 must not share their chance.
    return int.from_bytes(hashlib.sha256(f"{seed}:{epoch}:{use}".encode()).digest()[:4], "big")
