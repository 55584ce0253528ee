"""Training on one batch: its samples, its chance, the optimizer steps on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from archlang.graph.plan import Phase
from archlang.layers.chance import kept_generators
from archlang.train.data.reading import Batch
from archlang.train.loop.phasing import enter, freeze_statistics
from archlang.train.loop.state import TrainingState
from archlang.train.loop.stepping import Optimization, Outcome, Stepper
from archlang.train.loop.tally import Tally
from archlang.train.loop.task import TrainingTask, seed_generators
from archlang.train.loop.trained import TrainedModel
from archlang.train.loop.views import BatchViews
from archlang.train.losses.objective import labelled
from archlang.train.optimization.optimizers import set_rate
from archlang.train.optimization.planning import ScheduledPhase, ignored_label


@dataclass
class BatchTrainer:
    """Does the optimizer steps on batches: those of every stage in turn."""

    task: TrainingTask
    trained: TrainedModel
    stages: list[Optimization]
    stepper: Stepper

    def __post_init__(self) -> None:
        self.ignored = ignored_label(self.task.plan)
        self.changes = self.trained.fit.sized(self.task.plan.augment)

    def enter(self, phase: Phase) -> None:
        """Let a phase begin: other weights may train from now on."""
        self.stepper.enter()
        enter(phase, self.task.network.graph, self.trained.module)

    def prepare(self) -> None:
        """Put the model and the losses into training mode."""
        self.stepper.model.train()
        freeze_statistics(self.stepper.model)
        for stage in self.stages:
            stage.goal.state.train()

    def train(self, batch: Batch, scheduled: ScheduledPhase, at: int, state: TrainingState, tally: Tally) -> bool:
        """Do the optimizer steps on a batch; whether the last of them was done.

        Arguments:
            batch: this process's share of the samples, and their labels.
            scheduled: the phase.
            at: the number of this batch in its phase, from 0.
            state: how far the training is.
            tally: where the figures of the steps are added.

        All chance in it comes from the seed and the batch's number, so that going on needs no state of generators.
        Whoever calls `fit` keeps the generators that they seeded.
        """
        with kept_generators(self.task.forked_devices):
            return self._train(batch, scheduled, at, state, tally)

    def _train(self, batch: Batch, scheduled: ScheduledPhase, at: int, state: TrainingState, tally: Tally) -> bool:
        """`train`, with torch's generators for this thread alone."""
        task, device, count = self.task, self.task.device, self.task.batch_size(state.step)
        samples, share = (part.to(device, non_blocking=True) for part in batch)
        label = task.world.all_gather(share, count)

        # Augmentation draws on the CPU by its own generator, layers from the device's: two seeds.
        chance = torch.Generator().manual_seed(task.seed_of("augment", state.total, count))
        seed_generators(task.seed_of("model", state.total, count), device)
        fit = self.trained.fit
        views = BatchViews(fit.shape_for_training(samples), share, fit, self.changes, chance, self.ignored)

        outcome = None
        for number, stage in enumerate(self.stages):
            rate = set_rate(stage.optimizer, scheduled.phase.lr, scheduled.at(at), scheduled.phase.length)
            main, second = views.of(stage.goal.views)

            # Label maps and target images move with their images; other labels are the same for every view.
            moved = views.labels_of(stage.goal.views)
            target = label
            # All processes score the whole batch, so all need the labels of all.
            if moved is not share:
                target = task.world.all_gather(moved, count)

            outcome = self.stepper(stage, main, target, second)
            if number == 0:  # test loss and best epoch are of the first step, and so is what an epoch tells
                tally.rate(rate)
                tally.add(_counted(outcome, label), len(label))
            self._count(stage, outcome, len(label), tally)
        return outcome is not None

    def _count(self, stage: Optimization, outcome: Outcome | None, samples: int, tally: Tally) -> None:
        """Add a step to the average of the weights and to the epoch's figures."""
        if outcome is None:
            tally.skipped += 1
            return

        if self.trained.average is not None:
            self.trained.average.step()
        # Two steps may have a loss of one name.
        prefix = f"{stage.name}_" if len(self.stages) > 1 else ""
        for name, value in outcome.parts.items():
            tally.part(prefix + name, value, samples)


def _counted(outcome: Outcome | None, label: torch.Tensor) -> Outcome | None:
    """A step's figures without hits where samples have no labels."""
    # A hit is at a label, so that one of them tells.
    if outcome is None or outcome.correct or labelled(label):
        return outcome
    return replace(outcome, correct=None)
