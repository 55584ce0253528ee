"""All that a training writes into its run folder, and takes up from there when it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from archlang.artefact.saving import check_text, described, pack
from archlang.emit import ArchModule
from archlang.train.fitting import Fit
from archlang.train.kept.board import Board
from archlang.train.kept.checkpoints import counters, gather, held_here
from archlang.train.kept.identity import environment, identity
from archlang.train.kept.runs import Run
from archlang.train.kept.sharded import Checkpoints, write_shards
from archlang.train.loop.batches import BatchTrainer
from archlang.train.loop.progress import Epoch, Outline
from archlang.train.loop.state import TrainingState
from archlang.train.loop.tally import Tally
from archlang.train.loop.task import TrainingTask
from archlang.train.loop.watch import StepTable, TrainingWatch
from archlang.version import VERSION

STEPS = "steps"
"""The table of every step's own loss, the norm of its gradient and its rate."""


@dataclass
class RunRecords:
    """The records of a training. Each process has them; only the first one writes.

    run          the folder
    watch        the figures of layers and experts, at every step
    identity     what must be the same for a training to go on bit for bit
    environment  what decides the last bits of sums
    every        a checkpoint is written after so many steps too
    board        event files for TensorBoard
    forks        where the training was forked, and from what
    latest       loss, norm and rate of the last step
    is_logging   whether they are kept for every step
    checkpoints  whether the first process writes them whole, or each its part (`shards`)
    best         the step of the best model, which a checkpoint in shards holds
    """

    task: TrainingTask
    run: Run
    watch: TrainingWatch
    identity: dict[str, Any]
    environment: dict[str, str]
    every: int | None = None
    board: Board | None = None
    forks: list[dict[str, Any]] = field(default_factory=list)
    latest: list[float] = field(default_factory=list)
    is_logging: bool = False
    checkpoints: Checkpoints = "whole"
    best: int | None = None

    def log_steps(self) -> None:
        """Keep a table of every step from now on."""
        # Asked for, and found in the folder of a training that goes on: one table is enough.
        if not self.is_logging:
            self.is_logging = True
            self.watch.tables.append(StepTable(STEPS, ("loss", "norm", "lr"), lambda: self.latest))

    def note(self, epoch: int, step: int, is_done: bool, tally: Tally) -> None:
        """Take the figures of a step."""
        self.latest = [tally.last, tally.norm, tally.lr]
        self.watch.note(epoch, step, is_done)

    @classmethod
    def of(cls, task: TrainingTask, model: torch.nn.Module, run: Run) -> RunRecords:
        """The records of a new training."""
        return cls(
            task, run, TrainingWatch(model, task.network.graph),
            {**identity(task.network, task.data, task.seed, task.epochs), "transforms": task.changes.names},
            environment(task.device, task.world.size, task.backend),
        )

    @property
    def is_writing(self) -> bool:
        """Tell whether this process writes."""
        return self.task.world.is_first

    def begin(self, outline: Outline, fit: Fit) -> None:
        """Write what was asked for."""
        if not self.is_writing:
            return

        # An hour of training must not end in a model that no file can hold.
        check_text(self.task.network)

        # What a person looks for first; `identity` in a checkpoint is what decides.
        facts = {
            "network": outline.network,
            "dials": self.identity["dials"],
            "settings": self.identity["settings"],
            "data": outline.data,
            "epochs": outline.epochs,
            "batch": self.task.plan.batch,
            "seed": outline.seed,
            "device": outline.device,
            "threads": torch.get_num_threads(),
            "processes": self.task.world.size,
            "mean": fit.mean,
            "std": fit.std,
            "versions": {"archlang": VERSION, **{k: self.environment[k] for k in ("torch", "python")}},
            "forks": [{"step": fork["step"], "seed": fork["from"]["seed"]} for fork in self.forks],
        }
        self.run.write_config(facts, self.task.network.text)

    def is_due(self, total: int) -> bool:
        """Tell whether a checkpoint is wanted after so many batches, inside an epoch."""
        return bool(self.every) and total % (self.every or 1) == 0

    def propose_models(self, model: ArchModule, total: int, is_best: bool) -> None:
        """Write the model of the epoch just done, after `total` batches, beside that of the last and of the best one.

        It takes their places once the checkpoint of the epoch is written.
        """
        if is_best:
            self.best = total
        if not self.is_writing:
            return

        data = pack(model)
        self.run.propose(self.run.last, total, data)
        if is_best:
            self.run.propose(self.run.best, total, data)

    def write_log(self, history: Sequence[Epoch]) -> None:
        """Write the rows of all epochs."""
        if self.is_writing:
            self.run.write_log([epoch.row() for epoch in history])

    def write_checkpoint(self, batches: BatchTrainer, state: TrainingState) -> Path | None:
        """Write the state of the training, and the rows that are watched; every process must call it.

        Returns the file, on the process that writes.
        """
        # Weights may lie in parts on all processes: gathering them is work of all, writing is that of the first.
        trained = batches.trained
        tensors: dict[str, torch.Tensor] = {}
        if self.checkpoints == "whole":
            tensors = gather(trained.module, batches.stages, trained.average, trained.spread)

        # Rows come before the checkpoint that counts them; killed in between, the next run cuts them off.
        if self.is_writing:
            self.watch.write(self.run.folder)
        facts = {
            "identity": self.identity,
            "environment": self.environment,
            "forks": self.forks,
            **state.facts(self.task.batches_per_epoch),
            "watched": self.watch.count,
            "counters": counters(batches.stepper, batches.stages, trained.average),
        }
        if self.checkpoints == "shards":
            return self._write_shards(batches, state, facts)
        if not self.is_writing:
            return None
        return self.run.keep(state.total, tensors, facts)

    def _write_shards(self, batches: BatchTrainer, state: TrainingState, facts: dict[str, Any]) -> Path | None:
        """Write a checkpoint of which each process holds a part, with what a model file says of itself."""
        trained = batches.trained
        model = {"text": described(trained.module), "names": list(trained.module.state_dict())}
        facts |= {"kept_best": self.best, "model": model}
        tensors = held_here(trained.module, batches.stages, trained.average)
        path = write_shards(self.run.folder, state.total, tensors, facts, self.task.world)
        if not self.is_writing:
            return None
        return self.run.kept(state.total, path, self.best)

    def resume(self, facts: Mapping[str, Any], history: Sequence[Epoch], told: Callable[[str], None]) -> None:
        """Take up the tables of the epochs in `history`; what they hold beyond the checkpoint is cut off.

        The log is written anew where it is damaged; rows that another table has lost are told.
        """
        self.forks, self.best = facts["forks"], facts.get("kept_best")
        if self.run.steps.exists():
            self.log_steps()
        if self.is_writing:
            self.run.write_log([epoch.row() for epoch in history])
            self.watch.resume(self.run.folder, facts["watched"], told)

    def draw(self) -> None:
        """Draw what was watched, and leave the model alone from now on."""
        if self.is_writing:
            self.watch.draw(self.run.folder)
        self.watch.close()

    def close(self) -> None:
        """Write the event files that are left."""
        if self.board is not None:
            self.board.close()
