"""The training that was asked for: a network and its plan, data, a device, the processes, a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import fx

from archlang.elaborate.network import Network
from archlang.graph.plan import Loss, Plan
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import AverageFacts
from archlang.train.data.ordering import order_of
from archlang.train.data.splits import Data
from archlang.train.data.transforms import Changes
from archlang.train.optimization.planning import (
    ScheduledPhase,
    batch_count,
    batches,
    derived,
    steps_of,
    stretches,
)
from archlang.train.processes.sharding import Sharding
from archlang.train.processes.world import World


@dataclass(frozen=True)
class TrainingTask:
    """Everything that is fixed before a training begins.

    network         the checked network
    plan            what its file declares
    data            the training and the test part
    device          where the network is calculated
    world           this process among those of the training
    sharding        whether weights are whole on each process
    epochs          epochs in all, as asked for; None for those of the file
    requested_seed  the seed that was asked for; None for the file's
    workers         processes that read the data; 0 reads it in the training itself
    init            puts other weights into the compiled network before its first step; None for its own start
    changes         the user's changes of training samples
    backend         torch's backend that compiles the network for its steps; None for the network as it is
    """

    network: Network
    plan: Plan
    data: Data
    device: torch.device
    world: World
    sharding: Sharding = "auto"
    epochs: int | None = None
    requested_seed: int | None = None
    workers: int = 0
    init: Callable[[fx.GraphModule], object] | None = None
    changes: Changes = field(default_factory=Changes)
    backend: str | None = None

    @property
    def seed(self) -> int:
        """The seed that was asked for, else the file's."""
        if self.requested_seed is None:
            return self.plan.seed
        return self.requested_seed

    @property
    def losses(self) -> tuple[Loss, ...]:
        """The losses of all optimisation steps."""
        return tuple(loss for step in steps_of(self.plan) for loss in step.losses)

    @property
    def batches_per_epoch(self) -> int:
        """The number of batches in one pass over the training part."""
        return batch_count(len(self.data.train), self.plan.batch)

    def batch_size(self, number: int) -> int:
        """The samples of batch `number` of an epoch, from 0; the last one holds those that are left."""
        if number < self.batches_per_epoch - 1:
            return self.plan.batch
        return len(self.data.train) - number * self.plan.batch

    def order(self, epoch: int) -> list[list[int]]:
        """The batches of an epoch, counted from 0, in their random order."""
        generator = torch.Generator().manual_seed(derived(self.seed, epoch, "order"))
        return list(batches(order_of(self.data.train, generator), self.plan.batch))

    @property
    def phases(self) -> tuple[ScheduledPhase, ...]:
        """The phases with their batches."""
        return stretches(self.plan.phases, self.epochs, self.batches_per_epoch)

    @property
    def parallel(self) -> Literal["auto", "loop"]:
        """The way parallel parts run.

        Batch norms that are frozen, measured anew or synchronised must be called one by one.
        """
        plan = self.plan
        is_frozen = any(phase.only is not None or phase.freeze for phase in plan.phases)
        is_measured = plan.average is not None and not facts_of(plan.average, AverageFacts).every_step
        if self.world.size > 1 or is_frozen or is_measured:
            return "loop"
        return "auto"

    def seed_of(self, use: str, total: int, count: int) -> int:
        """The seed of what is drawn for a batch of `count` rows, after `total` batches.

        Each process draws for its own rows, the first one as a single process does.
        """
        # A batch with fewer rows than processes lies on each of them, and must be drawn alike.
        if self.world.rank and count >= self.world.size:
            use = f"{use} {self.world.rank}"
        return derived(self.seed, total, use)

    @property
    def forked_devices(self) -> list[torch.device]:
        """The devices whose generators must be put back after chance is drawn on them, beside the CPU's."""
        return [self.device] if self.device.type == "cuda" else []


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed what layers draw from on a device. `torch.manual_seed` would look at every kind of device each time."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type != "cpu":
        torch.manual_seed(seed)
