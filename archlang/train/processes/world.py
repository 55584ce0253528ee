"""The processes of a training, as `torchrun` starts them: their ranks, and what they tell each other.

Each process calculates its share of every batch. The results are gathered, so that every process sees losses and
metrics of the whole batch, the same numbers in the same order as one process would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from archlang.diagnostics import ArchError, error
from archlang.layers.processes import alone

T = TypeVar("T")
TIMEOUT = timedelta(minutes=10)
"""How long a process waits for the others before it gives up."""
_FAILED = "archlang/failed"


@dataclass(frozen=True)
class World:
    """One of `size` processes: its number `rank` among all, `local` among those of its machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def is_first(self) -> bool:
        """Tell whether it is the process that writes and prints."""
        return self.rank == 0

    def share(self, rows: Sequence[int]) -> Sequence[int]:
        """Its rows of a batch, in their order; all of them where there are fewer rows than processes.

        >>> [list(World(rank, 2).share(range(5))) for rank in (0, 1)], list(World(1, 8).share(range(3)))
        ([[0, 1], [2, 3, 4]], [0, 1, 2])
        """
        # Whole rows, not parts of them; the first processes may have one less.
        count = len(rows)
        if count < self.size:
            return rows
        return rows[self._begin(self.rank, count) : self._begin(self.rank + 1, count)]

    def mode(self, count: int) -> AbstractContextManager[None]:
        """The context that a batch of so many rows is calculated in.

        Where there are fewer rows than processes, every process has all of them, and sums over processes would count
        each row several times.
        """
        if self.size > 1 and count < self.size:
            return alone()
        return nullcontext()

    def all_gather(self, x: Tensor, count: int) -> Tensor:
        """The rows of all processes, one after the other.

        Arguments:
            x: [rows, ...], the rows of this process's share of a batch, or a multiple of them.
            count: how many samples the batch has.

        Its gradient is right where every process calculates the same from it, and gradients of weights are averaged.
        """
        if self.size == 1 or count < self.size:
            return x

        shares = [self._begin(r + 1, count) - self._begin(r, count) for r in range(self.size)]
        each, left = divmod(len(x), shares[self.rank])
        if left:
            raise ValueError(f"{len(x)} rows are no multiple of {shares[self.rank]} samples")

        sizes = tuple(each * share for share in shares)
        gathered: Tensor = _AllGather.apply(x, sizes, self.rank)  # type: ignore[no-untyped-call]  # torch's own lacks it
        return gathered

    def any(self, flag: bool) -> bool:
        """Tell whether it is so for any process (an all_reduce)."""
        if self.size == 1:
            return flag
        total = torch.tensor([int(flag)])  # on the CPU, where gloo serves every backend
        distributed.all_reduce(total)
        return bool(total)

    def broadcast(self, value: T) -> T:
        """The value that the first process has."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        distributed.broadcast_object_list(box)
        received: T = box[0]
        return received

    def gathered(self, value: T) -> list[T]:
        """The values of all processes, in their order."""
        if self.size == 1:
            return [value]
        box: list[Any] = [None] * self.size
        distributed.all_gather_object(box, value)
        return box

    def barrier(self) -> None:
        """Wait for the others."""
        self.any(False)

    def _begin(self, rank: int, count: int) -> int:
        # Rounded down from the exact place, so that shares differ by one row at most.
        return rank * count // self.size


class _AllGather(torch.autograd.Function):
    """The rows of all processes, with a gradient.

    Each process calculates the same from them, so that its own part of the gradient, times their number, averages to
    the gradient.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, counts: tuple[int, ...], rank: int) -> Tensor:
        context.counts, context.rank = counts, rank

        # all_gather wants tensors of one size: shares differ by a row where a batch does not divide evenly.
        padded = x.new_zeros(max(counts), *x.shape[1:])
        padded[: len(x)] = x.detach()
        parts = [torch.empty_like(padded) for _ in counts]
        distributed.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        begin = sum(context.counts[: context.rank])
        # Gradients are averaged over processes later: the factor makes their mean the sum.
        share = gradients[0][begin : begin + context.counts[context.rank]]
        return share * len(context.counts), None, None


def world() -> World:
    """The processes that this one has joined; itself alone where it has joined none.

    >>> world()
    World(rank=0, size=1, local=0)
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return World()
    rank = distributed.get_rank()
    return World(rank, distributed.get_world_size(), int(os.environ.get("LOCAL_RANK", rank)))


@contextmanager
def joined(device: str = "auto") -> Iterator[World]:
    """Within this, the process is one of those that `torchrun` started; without it, or in a group already, as it is.

    The first process to fail says why. Raises `ArchError` (process-lost) in the others, which end as well.
    """
    is_started = int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ
    if world().size > 1 or not is_started:
        yield world()
        return

    local = int(os.environ.get("LOCAL_RANK", os.environ["RANK"]))
    distributed.init_process_group(_backend(device, local), timeout=TIMEOUT)
    try:
        yield world()
        world().barrier()  # a process that ends early would break the last sums of the others
    except Exception as problem:
        lost = _lost(problem)
        if lost is not None:
            raise lost from problem
        raise
    distributed.destroy_process_group()


def _backend(device: str, local: int) -> str:
    """NCCL between GPUs, Gloo between CPUs, and between processes that share a GPU, which NCCL refuses."""
    if not torch.cuda.is_available() or device == "cpu":
        return "gloo"

    count = torch.cuda.device_count()
    torch.cuda.set_device(local % count)
    if int(os.environ.get("LOCAL_WORLD_SIZE", "1")) <= count and distributed.is_nccl_available():
        return "cpu:gloo,cuda:nccl"
    return "cpu:gloo,cuda:gloo"


def _lost(problem: Exception) -> ArchError | None:
    """None for the first process that has a problem of its own; for the others, that a process was lost."""
    is_first = True
    with suppress(Exception):  # where the others cannot be asked any more, it is said twice rather than never
        store = distributed.distributed_c10d._get_default_store()
        is_first = store.add(_FAILED, 1) == 1

    text = str(problem).lower()
    is_broken = isinstance(problem, RuntimeError) and any(name in text for name in ("gloo", "nccl"))
    if is_first and not is_broken and not isinstance(problem, distributed.DistError):
        return None

    help: Sequence[str] = ()
    if is_first:
        help = ("what it said, or the system's log, tells why",)
    return Lost(error("process-lost", "another process of this training ended", help=help), said=not is_first)


class Lost(ArchError):
    """Another process has ended. `said`: it, or one more, has said why."""

    def __init__(self, *diagnostics: Any, said: bool) -> None:
        super().__init__(*diagnostics)
        self.said = said
