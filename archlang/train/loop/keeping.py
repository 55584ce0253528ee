"""A training with what it keeps: a new one in a folder of its own, or one that goes on from its newest checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from archlang.diagnostics import ArchError, error
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import AverageFacts
from archlang.train.kept.board import Board
from archlang.train.kept.checkpoints import from_shards, restore
from archlang.train.kept.identity import differences
from archlang.train.kept.records import RunRecords
from archlang.train.kept.runs import Run, open_run, reopen_run
from archlang.train.kept.sharded import Checkpoints
from archlang.train.loop.preparing import prepared
from archlang.train.loop.progress import Progress, Result
from archlang.train.loop.task import TrainingTask
from archlang.train.loop.training import Training
from archlang.train.processes.world import World

Start = Literal["new", "resume", "fork"]


@dataclass(frozen=True)
class Keeping:
    """The things that a training keeps, and where; `fit` says what each of them is. Without a folder none is kept."""

    run: str | os.PathLike[str] | None = None
    start: Start = "new"
    checkpoint_every: int | None = None
    tensorboard: bool = False
    log_steps: bool = False
    checkpoints: Checkpoints = "whole"

    def result(self, task: TrainingTask, progress: Progress) -> Result:
        """Train, and keep what was asked for."""
        if self.run is None:
            if self.start != "new" or self.tensorboard or self.log_steps or self.checkpoints != "whole":
                raise ArchError(error("usage", "only a training with a run folder can be continued, shown or logged"))
            return prepared(task).go(progress)

        average = task.plan.average
        if self.checkpoints == "shards" and average is not None and not facts_of(average, AverageFacts).every_step:
            message = "a plain average of weights has statistics of its own, which checkpoints in shards do not hold"
            raise ArchError(error("not-available", message, help="`--checkpoints whole`, or `average = ema(0.99)`"))

        # The folder is locked before anything is compiled: another training must not begin in it meanwhile.
        folder = _folder(self.run, self.start, task.world)
        try:
            training, records = _recorded(task, folder, self.start, progress)
            records.every, records.checkpoints = self.checkpoint_every, self.checkpoints
            if self.log_steps:
                records.log_steps()
            if self.tensorboard and task.world.is_first:
                records.board = Board(folder.folder, len(training.state.history))
            return training.go(progress)
        finally:
            folder.close()


def _recorded(task: TrainingTask, folder: Run, start: Start, progress: Progress) -> tuple[Training, RunRecords]:
    """A training with everything kept in the run's folder."""
    if start == "new":
        return _begun(task, folder)
    return _continued(task, folder, start, progress)


def _folder(run: str | os.PathLike[str], start: Start, world: World) -> Run:
    """The run's folder, which the first process opens for all."""
    if not world.is_first:
        return Run(Path(run))
    if start == "new":
        return open_run(run)
    return reopen_run(run)


def _begun(task: TrainingTask, run: Run) -> tuple[Training, RunRecords]:
    """A new training in a run folder."""
    training = prepared(task)
    records = RunRecords.of(task, training.trained.module, run)
    training.records = records
    return training, records


def _continued(task: TrainingTask, run: Run, start: Start, progress: Progress) -> tuple[Training, RunRecords]:
    """The training of a run folder, as its newest checkpoint has it."""
    # One process reads the file: two might find different checkpoints to be the newest that is whole.
    newest = None
    if task.world.is_first:
        newest = run.newest(progress.note)
    tensors, facts = task.world.broadcast(newest) or ({}, {})

    before = facts["identity"]
    # What nobody asks for is as it was, not as the file says today.
    if task.requested_seed is None:
        task = replace(task, requested_seed=before["seed"])
    if task.epochs is None:
        task = replace(task, epochs=before["epochs"])

    training, records = _begun(task, run)
    _compare(facts, records, start, progress)
    batches, trained = training.batches, training.trained
    if "shards" in facts:
        tensors = from_shards(Path(facts["shards"]), trained.module, batches.stages)
    anew = restore(tensors, facts["counters"], trained.module, batches.stages, batches.stepper, trained.average)
    if anew:
        progress.note(f"begun anew: {', '.join(anew)}")

    # A fork may watch other layers than the training before it.
    training.resume(facts, progress.note if start == "resume" else _unsaid)
    if start == "fork":
        records.forks = [*records.forks, {"step": facts["total"], "from": before}]
    return training, records


def _unsaid(text: str) -> None:
    """Tell nobody."""


def _compare(facts: Mapping[str, Any], records: RunRecords, start: Start, progress: Progress) -> None:
    """Refuse to resume another training; say what differs where that is allowed."""
    different = differences(facts["identity"], records.identity)
    if different and start == "resume":
        message = f"this is not the training that was begun here: {', '.join(different)} differ"
        if len(different) == 1:
            message += "s"
        raise ArchError(error("run-differs", message, help="`--fork` goes on from its weights nevertheless"))
    if different:
        progress.note(f"forked; what differs: {', '.join(different)}")

    was, now = facts["environment"], records.environment
    others = [f"{key} (was {was.get(key)}, is {now[key]})" for key in now if was.get(key) != now[key]]
    if others:
        progress.note(f"last bits may differ from an uninterrupted training's: {', '.join(others)}")
