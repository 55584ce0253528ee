"""Experts spread over processes: rows go to the process that holds their experts, and what these make comes back.

Each process holds a run of a stage's experts. A row is sent once to every process that holds an expert with a
weight for it, together with those weights; there the experts' results are summed by them (PCE, eq. 12), and the sums of
all processes are added where the row came from. Three exchanges a stage (all-to-all, uneven), and one of counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from archlang.layers.patch_experts.dispatch import Dispatch, Executed, kept
from archlang.layers.processes import is_distributed, total_over_processes


@dataclass(frozen=True)
class RowRoute:
    """The ways of the rows of one stage: which went to which process, and how many came from each.

    rows      indices of the rows that were sent, those to the first process first
    sent      how many went to each process
    received  how many came from each
    count     how many rows there are here
    is_common whether every process has the same rows: then nothing was sent, and the results are added up
    """

    rows: Tensor
    sent: tuple[int, ...] = ()
    received: tuple[int, ...] = ()
    count: int = 0
    is_common: bool = False


class SpreadDispatch(Dispatch):
    """A `Dispatch` among processes: weights [rows, n] and x [rows, ...] to the weights and rows of the experts here.

    It gives the weights [rows that came, experts here], the `RowRoute`, and the rows of each expert here, those of the
    first process first: the order of the whole batch.

    Args:
        runs: the experts of each process.
        rank: the number of this one.
        cut: as `Dispatch` has it.
        statistics: whether experts take statistics over their rows in training: then each must see all rows.
        coupled: the same, in evaluation mode too.
    """

    def __init__(self, runs: Sequence[range], rank: int, cut: float | None, statistics: bool = False,
                 coupled: bool = False) -> None:
        super().__init__(runs[-1].stop, cut)
        self.runs, self.own = tuple(runs), runs[rank]
        self.statistics, self.coupled = statistics, coupled

    def forward(self, weights: Tensor, x: Tensor) -> tuple[Any, ...]:
        """The weights that count here, the route, and the rows of each expert here."""
        is_cut = not self.training and self.cut is not None
        left = weights
        if is_cut:
            assert self.cut is not None
            left = kept(weights, self.cut)

        # A batch norm's statistics are those of all rows, also of rows that weigh nothing.
        all_rows = not is_cut and (self.coupled or (self.training and self.statistics))
        wanted = left != 0
        if all_rows:
            wanted = torch.ones_like(wanted)
        if is_cut:
            self._note(wanted)

        mine, route, rows = self._handed_over(left, x, wanted)
        if all_rows:
            return (mine, route, *(rows,) * len(self.own))

        # A weight of exactly 0 has no gradient in any router: its row can stay away from the expert.
        experts, places = (mine != 0).t().nonzero(as_tuple=True)
        counts = torch.bincount(experts, minlength=len(self.own)).tolist()
        return (mine, route, *torch.split(rows[places], counts))

    def _handed_over(self, left: Tensor, x: Tensor, wanted: Tensor) -> tuple[Tensor, RowRoute, Tensor]:
        """The weights of the experts here and the rows that came for them, with their route."""
        if not is_distributed():
            nowhere = torch.empty(0, dtype=torch.int64, device=x.device)
            return left[:, self.own.start : self.own.stop], RowRoute(nowhere, count=len(x), is_common=True), x

        rows = [wanted[:, run.start : run.stop].any(1).nonzero()[:, 0] for run in self.runs]
        sent = tuple(len(some) for some in rows)
        route = RowRoute(torch.cat(rows), sent, _counts(sent, x.device), len(x))

        # Of each row, the weights of that process's experts, one behind the other: runs differ in length.
        columns = [torch.arange(run.start, run.stop, device=x.device) for run in self.runs]
        flat = [(some.repeat_interleave(len(run)), run.repeat(len(some)))
                for some, run in zip(rows, columns, strict=True)]
        weights = left[torch.cat([pair[0] for pair in flat]), torch.cat([pair[1] for pair in flat])]

        # In this order on every process: backwards they run in the opposite one.
        own = len(self.own)
        came = exchange(x[route.rows], route.sent, route.received)
        weights = exchange(weights, tuple(n * len(run) for n, run in zip(sent, self.runs, strict=True)),
                           tuple(n * own for n in route.received))
        return weights.reshape(-1, own), route, came

    def _note(self, wanted: Tensor) -> None:
        """Count the work of a cut, as one process counts that of its rows."""
        before = self.executed
        self.executed = Executed(before.rows + len(wanted), self.experts, before.pairs + int(wanted.sum()))

    def extra_repr(self) -> str:
        """The settings."""
        return f"{super().extra_repr()}, here {self.own.start} to {self.own.stop - 1}"


def come_back(part: Tensor, route: RowRoute) -> Tensor:
    """Send back the results for the rows that came, and sum those of all processes for the rows that were sent."""
    # Weights may be frozen here and train elsewhere: each process must join in the exchange of gradients.
    if torch.is_grad_enabled() and not part.requires_grad:
        part = part.detach().requires_grad_()

    if route.is_common:
        return total_over_processes(part)
    back = exchange(part, route.received, route.sent)
    empty = back.new_zeros(route.count, *back.shape[1:])
    return empty.index_add(0, route.rows, back)


def exchange(x: Tensor, sent: tuple[int, ...], received: tuple[int, ...]) -> Tensor:
    """Rows to other processes, and theirs to here (all-to-all); gradients take the way back.

    Arguments:
        x: [rows, ...], those for the first process first.
        sent: how many rows each process gets.
        received: how many each process has sent.
    """
    rows: Tensor = _Exchange.apply(x, sent, received)  # type: ignore[no-untyped-call]  # torch's own lacks it
    return rows


class _Exchange(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, sent: tuple[int, ...], received: tuple[int, ...]) -> Tensor:
        context.sent, context.received = sent, received
        return _all_to_all(x, sent, received)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return _all_to_all(gradients[0], context.received, context.sent), None, None


def _all_to_all(x: Tensor, sent: tuple[int, ...], received: tuple[int, ...]) -> Tensor:
    rows = x.new_empty(sum(received), *x.shape[1:])
    distributed.all_to_all_single(rows, x.detach().contiguous(), list(received), list(sent))
    return rows


def _counts(sent: tuple[int, ...], device: torch.device) -> tuple[int, ...]:
    """Count the rows that come from each process, where so many go to each."""
    counts = torch.empty(len(sent), dtype=torch.int64, device=device)
    distributed.all_to_all_single(counts, torch.tensor(sent, dtype=torch.int64, device=device))
    return tuple(counts.tolist())
