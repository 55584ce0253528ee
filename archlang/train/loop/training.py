"""The loop of a training: rounds of batches through the phases, what is kept after each, where it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from archlang.layers.synced import unsynced
from archlang.train.data.reading import BatchFeed, watched
from archlang.train.kept.records import RunRecords
from archlang.train.loop.batches import BatchTrainer
from archlang.train.loop.callbacks import CallbackFailure
from archlang.train.loop.evaluation import Evaluation, measure
from archlang.train.loop.feeding import fed, workers_of
from archlang.train.loop.progress import Beat, Epoch, Outline, Progress, Result
from archlang.train.loop.state import TrainingState
from archlang.train.loop.stepping import diverged, finite
from archlang.train.loop.stopping import Stop, stopping
from archlang.train.loop.tally import Tally
from archlang.train.loop.task import TrainingTask
from archlang.train.loop.trained import TrainedModel
from archlang.train.loop.watch import collapsed_keys
from archlang.train.losses.means import nothing_counts
from archlang.train.optimization.planning import ScheduledPhase


@dataclass
class Training:
    """A training: the task, the model, what trains it on a batch, how far it is, and where it is kept."""

    task: TrainingTask
    trained: TrainedModel
    batches: BatchTrainer
    records: RunRecords | None = None
    state: TrainingState = field(default_factory=TrainingState)
    warned: set[str] = field(default_factory=set)  # the stages of experts whose collapse was told

    def go(self, progress: Progress) -> Result:
        """All rounds that are left of all phases."""
        outline = self._outline()
        if self.records is not None:
            self.records.begin(outline, self.trained.fit)

        try:
            progress.start(outline)
            self._foretell(progress)
            with stopping() as stop, watched(), closing(self._feed()) as feed:
                self._rounds(feed, progress, stop)
        except BaseException:
            # What ended the training is told, and not what a callback makes of its end.
            with suppress(CallbackFailure):
                progress.end()
            raise
        finally:
            if self.records is not None:
                self.records.close()
        progress.end()

        if self.records is not None:
            self.records.draw()  # hooks must go before the model is handed out
        self.trained.settle(self.state.total)
        model = unsynced(self.trained.complete()).eval()
        assert self.state.best is not None  # there is at least one round
        return Result(model, tuple(self.state.history), self.state.best, self.task.seed, outline.run)

    def resume(self, facts: Mapping[str, Any], told: Callable[[str], None]) -> None:
        """Stand where a checkpoint was written; what its run has lost is told."""
        self.state.restore(facts, self.task.batches_per_epoch)
        if self.records is not None:
            self.records.resume(facts, self.state.history, told)

    def _foretell(self, progress: Progress) -> None:
        """Say what is not as in a training on whole batches."""
        if workers_of(self.task) < self.task.workers:
            progress.note("a stream is read by one worker: each would have to read all of it")

        parts = self.task.plan.accumulate
        has_norms = any(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in self.trained.module.modules())
        if parts > 1 and has_norms:
            progress.note(f"batch norms see each of the {parts} parts of a batch by itself, {self.task.plan.batch} "
                          "samples in all: the gradient is not that of the whole batch")

    def _feed(self) -> BatchFeed:
        """All batches of the rounds that are left, those that each is measured on too."""
        state = self.state
        return fed(self.task, [(scheduled.size(number), epoch) for epoch, (scheduled, number) in
                               enumerate(self._left(), len(state.history))], state.step, state.total)

    def _rounds(self, feed: BatchFeed, progress: Progress, stop: Stop) -> None:
        """Train the rounds that are left, and measure each."""
        entered = None
        for scheduled, number in self._left():
            if scheduled is not entered:  # also where a training goes on in the middle of a phase
                self.batches.enter(scheduled.phase)
                entered = scheduled

            self._round(scheduled, number, feed, progress, stop)
            self._finish(scheduled, feed, progress)
            self._warn(progress)
            self._stop(stop, is_kept=True)
            if self._is_enough(progress):
                return

    def _warn(self, progress: Progress) -> None:
        """Say once of each stage of experts that its keys have collapsed."""
        for site, warning in collapsed_keys(self.trained.module, self.task.network.graph).items():
            if site not in self.warned:
                self.warned.add(site)
                progress.note(warning)

    def _left(self) -> Iterator[tuple[ScheduledPhase, int]]:
        """The rounds that are not done: their phases and numbers within them."""
        rounds = [(scheduled, number) for scheduled in self.task.phases for number in range(scheduled.rounds)]
        # A training that ended early has nothing left, however often it is gone on with.
        if self._stale():
            return
        # A checkpoint counts finished rounds, whatever phases they were of.
        yield from rounds[len(self.state.history) :]

    def _stale(self) -> bool:
        """Tell whether so many epochs were no better than one before them that the training ends."""
        patience, best = self.task.plan.patience, self.state.best
        return patience is not None and best is not None and len(self.state.history) - best.number >= patience

    def _is_enough(self, progress: Progress) -> bool:
        """Tell whether the training ends, and say so where epochs are left."""
        if not self._stale() or self.state.best is None:
            return False
        if len(self.state.history) < sum(scheduled.rounds for scheduled in self.task.phases):
            progress.note(f"ended early: none of the last {self.task.plan.patience} epochs was better than epoch "
                          f"{self.state.best.number}")
        return True

    def _round(self, scheduled: ScheduledPhase, number: int, feed: BatchFeed, progress: Progress, stop: Stop) -> None:
        """Train the batches that are left of round `number` of a phase."""
        state, epoch, size = self.state, len(self.state.history), scheduled.size(number)
        tally = state.tally = state.tally or Tally()
        self.batches.prepare()

        while state.step < size:
            at = number * scheduled.per_epoch + state.step
            is_done = self.batches.train(next(feed), scheduled, at, state, tally)
            state.step += 1
            state.total += 1

            if self.records is not None:
                self.records.note(epoch + 1, state.step, is_done, tally)

            beat = Beat(epoch + 1, state.step, state.total, tally.loss, tally.accuracy, tally.lr, tally.speed)
            try:
                progress.step(beat)
            except KeyboardInterrupt:  # between two steps all is in order
                stop.asked = True
            except CallbackFailure:
                # Other processes know nothing of it, and would have to join in.
                if self.task.world.size == 1:
                    self._keep(Progress())
                raise

            self._stop(stop, is_kept=False)
            if self.records is not None and self.records.is_due(state.total) and state.step < size:
                self._keep(progress)

    def _finish(self, scheduled: ScheduledPhase, feed: BatchFeed, progress: Progress) -> None:
        """Measure the round just done on the test part, and on the validation part where there is one, and keep it.

        A checkpoint holds the weights themselves; the model files hold their average, which is what was measured.
        """
        state = self.state

        assert state.tally is not None
        if state.tally.empty:
            raise nothing_counts(state.tally.empty[0], "the training part")
        if self.trained.average is not None:
            self.trained.average.epoch(len(state.history) + 1)

        with self.trained.averaged(state.total):
            if self.task.world.any(not finite(self.trained.module)):
                raise diverged("weights are no numbers any more")
            epoch = self._measured(scheduled, state.tally, feed)
            is_best = epoch.better_than(state.best, self.task.plan.best)
            if self.records is not None:
                self._propose(self.records, is_best)

        state.finish(epoch, is_best)
        if self.records is not None:
            self.records.write_log(state.history)
            self._keep(progress)
            if self.records.board is not None:
                self.records.board.epoch(epoch)
        progress.epoch(epoch, is_best)

    def _propose(self, records: RunRecords, is_best: bool) -> None:
        """Write the models of a round; where checkpoints lie in shards, they are the models."""
        if records.checkpoints == "whole":
            records.propose_models(self.trained.complete(), self.state.total, is_best)
        elif is_best:
            records.best = self.state.total

    def _measured(self, scheduled: ScheduledPhase, tally: Tally, feed: BatchFeed) -> Epoch:
        """The figures of a round, with those of the test part and the validation part."""
        data = self.task.data
        tested = self._evaluated(len(data.test), feed)
        validated = None
        if data.validation is not None:
            validated = self._evaluated(len(data.validation), feed)

        first_rate = float("nan") if tally.first_lr is None else tally.first_lr
        epoch = Epoch(
            len(self.state.history) + 1, scheduled.phase.name, first_rate, tally.loss, tally.accuracy, tested.loss,
            tested.accuracy, tally.skipped, tally.seconds, tally.parts, tested.parts, tally.samples,
            metrics=tested.metrics,
        )
        if validated is None:
            return epoch
        return replace(epoch, validation_loss=validated.loss, validation_accuracy=validated.accuracy,
                       validation_metrics=validated.metrics)

    def _evaluated(self, samples: int, feed: BatchFeed) -> Evaluation:
        """The model on the next part of the data."""
        model, task = self.batches.stepper.model.eval(), self.task
        goal, labels = self.batches.stages[0].goal, self.trained.module.archlang.labels
        return measure(model, task.network.graph, goal, task.losses, feed, samples, self.trained.fit, labels,
                       world=task.world, label_places=task.data.label_places)

    def _stop(self, stop: Stop, is_kept: bool) -> None:
        """Stop where somebody asked any of the processes to, and keep what was done."""
        if not self.task.world.any(stop.asked):
            return
        if not is_kept:
            self._keep(Progress())
        raise KeyboardInterrupt

    def _keep(self, progress: Progress) -> None:
        """Write a checkpoint, and tell of it."""
        if self.records is None:
            return
        path = self.records.write_checkpoint(self.batches, self.state)
        if path is not None:
            progress.checkpoint(path, self.state.total)

    def _outline(self) -> Outline:
        task = self.task
        validation = task.data.validation
        run = self.records.run if self.records is not None else None
        return Outline(
            task.network.name, task.data.name, sum(scheduled.rounds for scheduled in task.phases),
            task.batches_per_epoch, sum(scheduled.batches for scheduled in task.phases), len(task.data.train),
            len(task.data.test), str(task.device), task.seed, run, self.state.total,
            0 if validation is None else len(validation),
        )
