"""The model of a training: its weights, their average, and the form in which it is tested and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from archlang.emit import ArchModule
from archlang.layers.chance import kept_generators
from archlang.layers.processes import alone
from archlang.train.data.ordering import looked_at
from archlang.train.fitting import LOOKED_AT, Fit
from archlang.train.inputs import taking_rows
from archlang.train.loop.stepping import Snapshot
from archlang.train.loop.task import TrainingTask, seed_generators
from archlang.train.optimization.averaging import Average
from archlang.train.optimization.planning import derived
from archlang.train.processes.sharding import full
from archlang.train.processes.spreading import SpreadExperts


@dataclass
class TrainedModel:
    """A model in training.

    module     the compiled network, on the device
    fit        how samples become its inputs
    average    the average of its weights, where the file asks for one
    undivided  makes a second model to put complete weights in, where those of the first lie in parts
    spread     the experts of the first, where each process holds some of them
    """

    task: TrainingTask
    module: ArchModule
    fit: Fit
    average: Average | None = None
    undivided: Callable[[], ArchModule] | None = None
    spread: SpreadExperts | None = None
    _second: ArchModule | None = None

    @property
    def running(self) -> ArchModule:
        """The module that is called: with experts elsewhere, the one that knows of them."""
        if self.spread is not None:
            return self.spread.module
        return self.module

    def complete(self) -> ArchModule:
        """The model with all its weights; every process must ask for it."""
        if self.undivided is None:
            return self.module

        weights = self.module.state_dict()
        if self.spread is not None:
            weights = self.spread.gathered(weights)
        # Made when it is asked for: checkpoints in shards leave it until the end.
        if self._second is None:
            self._second = self.undivided()
        self._second.load_state_dict({name: full(value) for name, value in weights.items()})
        return self._second

    @contextmanager
    def averaged(self, total: int) -> Iterator[None]:
        """Within this, after `total` batches, the model is what is tested and kept: the average if there is one."""
        if self.average is None or not self.average.count:
            yield
            return

        # The training goes on with its own running statistics.
        statistics = Snapshot(list(self.module.buffers()) if self.average.stale else [])
        statistics.take()
        with self.average.applied():
            if self.average.stale:
                self._measure_statistics(total)
            yield
        statistics.restore()

    def settle(self, total: int) -> None:
        """At the very end, leave the average of the weights in the model."""
        if self.average is None or not self.average.count:
            return

        stale = self.average.stale
        self.average.swap()
        if stale:
            self._measure_statistics(total)

    def _measure_statistics(self, total: int) -> None:
        """Take the statistics of batch norms anew, over evenly spread training samples, as torch does it."""
        split, size, device = self.task.data.train, self.task.plan.batch, self.task.device

        chosen = looked_at(split, LOOKED_AT)
        parts = [chosen[i : i + size] for i in range(0, len(chosen), size)]
        # A batch of one has no deviation; it counts only where there is no other.
        usable = [rows for rows in parts if len(rows) > 1 or len(parts) == 1]

        with kept_generators(self.task.forked_devices):
            seed_generators(derived(self.task.seed, total, "renew"), device)
            inputs = (self.fit(split.batch(rows)[0].to(device)) for rows in usable)
            with alone():
                torch.optim.swa_utils.update_bn(inputs, taking_rows(self.running, self.fit.places))
