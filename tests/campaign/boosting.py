"""Networks of libraries boosted and fused again: `python -m tests.campaign.fusion --boost`.

Every convolution that can be gets small kernels that are awake from the start, every batch norm random statistics;
the result is fused and compared in float64, and must have no more convolutions than the network had.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

import archlang
from archlang.studies.pbconv.boosting import Boosting, Left
from tests.campaign.fusion import counted, difference, taken
from tests.campaign.networks import Make
from tests.rewrite.harness import convolutions, norms
from tests.rewrite.subjects import randomised


@dataclass(frozen=True)
class Row:
    """What became of one network: convolutions boosted, with their batch norm; convolutions left and batch norms left,
    each by reason; convolutions of the network, boosted, and fused again.
    """

    name: str
    how: str
    boosted: int
    normed: int
    left: str
    norms: tuple[int, int]
    kept: str
    kernels: tuple[int, int, int]
    error: float
    seconds: float

    @property
    def equal(self) -> bool:
        """Whether boosted and fused are the same in float64, with no convolution more than at first."""
        return self.error <= 1e-10 and self.kernels[2] <= self.kernels[0]


def graph_of(model: nn.Module, x: torch.Tensor) -> tuple[nn.Module, fx.GraphModule, str]:
    """A model in the form in which it can be boosted, its graph, and which road led there."""
    try:
        return model, fx.symbolic_trace(copy.deepcopy(model)), "fx"
    except Exception:
        graph: Any = torch.export.export(model, (x,)).module()
        return graph, graph, "export"


def boosted(model: nn.Module) -> tuple[nn.Module, Boosting]:
    """A model boosted, or as it is where it has nothing but volumes, and what was done."""
    try:
        made: Any = archlang.boost(model, gamma="one")
    except archlang.ArchError as problem:
        (only,) = problem.diagnostics
        if only.name != "pass-does-not-apply":
            raise
        parts = (note.replace(" left: ", ": ").split(": ") for note in only.notes)
        return model, Boosting(left=tuple(Left(name, reason) for name, reason, *_ in parts))
    return made, made.boosting


def measure(name: str, make: Make) -> Row:
    """Boost one network, fuse it and compare."""
    torch.manual_seed(0)
    model, shape = make()
    x = torch.randn(shape, dtype=torch.float64)
    plain, graph, how = graph_of(model.double().eval(), x)
    began = time.perf_counter()
    made, report = boosted(plain)
    seconds = time.perf_counter() - began
    made = randomised(made)
    began = time.perf_counter()
    before, fused, _ = taken(made, x)
    seconds += time.perf_counter() - began
    return Row(name, how, len(report.boosted), sum(bool(b.norm) for b in report.boosted),
               counted(one.reason for one in report.left), (norms(before), norms(fused)),
               counted(s.name for s in fused.meta["report"].skipped),
               (convolutions(graph), convolutions(before), convolutions(fused)), difference(made, fused, x), seconds)


def table(rows: list[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = ["| network | taken by | boosted | with its norm | left, by reason | batch norms | left | kept, by reason "
             "| convolutions | error | seconds |", "|---|---|---:|---:|---|---:|---:|---|---:|---:|---:|"]
    lines += [f"| {r.name} | {r.how} | {r.boosted} | {r.normed} | {r.left} | {r.norms[0]} | {r.norms[1]} | {r.kept} | "
              f"{r.kernels[0]} to {r.kernels[1]} to {r.kernels[2]} | {r.error:.1e} | {r.seconds:.1f} |" for r in rows]
    return "\n".join(lines)
