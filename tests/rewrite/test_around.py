"""What surrounds branches and what tracing leaves behind: norms without statistics, caches of a forward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import archlang
from archlang.rewrite import fuse
from tests.rewrite.harness import check, convolutions, example
from tests.rewrite.subjects import Flow, randomised

MAP = (2, 4, 9, 8)


def branches(norm: nn.Module) -> nn.Module:
    """Two convolutions of what a norm hands out."""
    def run(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = m.norm(x)
        total: torch.Tensor = m.a(y) + m.b(y)
        return total
    return Flow(run, norm=norm, a=nn.Conv2d(4, 6, 3, padding=1), b=nn.Conv2d(4, 6, 1))


def test_branches_of_a_training_norm_merge() -> None:
    model = randomised(branches(nn.BatchNorm2d(4)))
    model.get_submodule("norm").train()
    made = fuse(model, training="keep")
    assert convolutions(made) == 1
    assert {s.name for s in made.meta["report"].skipped} == {"training-mode"}
    x = example(MAP)
    with torch.no_grad():
        assert (made(x) - model(x)).abs().max() < 1e-10


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's own, of copies of exported graphs
@pytest.mark.parametrize("exported", [False, True])
def test_branches_of_an_instance_norm_merge(exported: bool) -> None:
    model = randomised(branches(nn.InstanceNorm2d(4)))
    if not exported:
        check(model, MAP, left=1, reasons=["no-statistics"], prepared=True)
        return
    made = fuse(torch.export.export(model, (example(MAP),)).module())
    assert convolutions(made) == 1 and {s.name for s in made.meta["report"].skipped} == {"no-statistics"}


class Caching(nn.Module):
    """Writes down what it calculates, as networks with relative positions do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6)
        self.cache: dict[str, Any] = {}
        self.scale = torch.full((), 2.0, dtype=torch.float64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.cache["last"] = self.norm(self.conv(x))
        return functional.relu(self.cache["last"]) * self.scale


@pytest.mark.parametrize("rewritten", [fuse, archlang.boost])
def test_tracing_leaves_nothing_in_the_model(rewritten: Any) -> None:
    model = randomised(Caching())
    before, x = set(vars(model)), example(MAP)
    made = rewritten(model)
    assert model.cache == {} and set(vars(model)) == before
    with torch.no_grad():
        assert (made(x) - model(x)).abs().max() < 1e-9


class Biased(nn.Module):
    """A sum with a stored table, looked up by a stored index."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.table = nn.Conv2d(4, 6, 3), nn.Parameter(torch.randn(1, 9))
        self.register_buffer("index", torch.arange(6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        table = self.table[:, self.index]
        made: torch.Tensor = self.conv(x) + table[:, :, None, None]
        return made


def test_a_table_looked_up_by_an_index_is_no_constant() -> None:
    check(Biased(), MAP)
