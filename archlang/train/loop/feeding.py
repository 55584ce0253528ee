"""The batches of a training in the order in which it takes them, from its first step to its last measurement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archlang.train.data.ordering import is_stream
from archlang.train.data.reading import BatchFeed, BatchRequest
from archlang.train.data.splits import Data, splits_in
from archlang.train.loop.evaluation import measured
from archlang.train.loop.task import TrainingTask
from archlang.train.optimization.planning import derived

Rounds = Iterable[tuple[int, int]]
"""The rounds that are left: how many batches each has, and which epoch it is of, from 0."""


def fed(task: TrainingTask, rounds: Rounds, step: int, total: int) -> BatchFeed:
    """All batches that are left of a training of which `total` are done, `step` of them in the next round.

    The samples that a round is measured on follow its batches, so that workers go on reading while it ends.
    """
    parts = (task.changes.of(task.data.train), *task.data.parts[1:])
    return BatchFeed(parts, _requests(task, rounds, step, total), workers_of(task), task.device)


def workers_of(task: TrainingTask) -> int:
    """The workers that read: of a stream each would read all of it, so that there is at most one."""
    if any(is_stream(part) for part in task.data.parts):
        return min(1, task.workers)
    return task.workers


def _requests(task: TrainingTask, rounds: Rounds, step: int, total: int) -> Iterator[BatchRequest]:
    for size, epoch in rounds:
        _check_lengths(task.data)
        for rows in task.order(epoch)[step:size]:
            seed = task.seed_of("data", total, len(rows))
            yield BatchRequest(0, task.world.share(rows), seed, derived(task.seed, epoch, "stream"))
            total += 1
        # Only the first round may have been begun before.
        step = 0

        # The test part first, as it is measured first; of three parts the second is for validation.
        for part in reversed(range(1, len(task.data.parts))):
            yield from measured(part, len(task.data.parts[part]), world=task.world)


def _check_lengths(data: Data) -> None:
    """Raise `ArchError` (bad-data) where data of the user's has grown or shrunk since the training began."""
    for part in data.parts:
        for split in splits_in(part):
            if hasattr(split, "check_length"):
                split.check_length()
