"""What every rewriting promises, tested on every pass of the catalogue and every subject."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from archlang import rewrite
from archlang.diagnostics import ArchError
from archlang.passes.catalogue import PASSES
from archlang.rewrite import FusionReport, Merge, Rewriting, verify
from tests.rewrite.subjects import FOLDS, FOLDS_WITH_EXAMPLE, KEPT, conv, randomised

SUBJECTS = {name: found[:2] for name, found in {**FOLDS, **FOLDS_WITH_EXAMPLE, **KEPT}.items()}


KINDS = [kind for kind in map(PASSES.find, PASSES.names) if kind is not None and issubclass(kind, Rewriting)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", SUBJECTS)
def test_same_numbers_same_door_and_nothing_left_to_do(kind, name):
    make, shape = SUBJECTS[name]
    model = randomised(make())
    x = torch.randn(*shape, dtype=torch.float64)
    once = kind()(model, [x])
    assert verify(model, once.module, [x]).check().tolerance == 1e-10
    again = kind()(once.module, [x])
    assert not again.report and again.module.code == once.module.code
    assert list(again.module.state_dict()) == list(once.module.state_dict())


@dataclass(frozen=True)
class Lying(Rewriting):
    """Claims work on every run."""

    name = "lying"

    def requires(self, subject):
        return []

    def run(self, module):
        return FusionReport((Merge(("a", "b"), "b", "b", "b"),))


@dataclass(frozen=True)
class Wrong(Lying):
    """Changes a weight."""

    def run(self, module):
        module.get_submodule("0").weight.data[1] += 1
        return FusionReport()


@dataclass(frozen=True)
class Greedy(Lying):
    """Takes the output away."""

    def run(self, module):
        (last,) = (n for n in module.graph.nodes if n.op == "output")
        last.args = ((last.args[0], last.args[0]),)
        return FusionReport()


@pytest.mark.parametrize(("kind", "says"), [(Lying, "second run"), (Greedy, "goes in or comes out")])
def test_the_base_class_finds_broken_promises(kind, says):
    with pytest.raises(ArchError, match=says):
        kind()(randomised(conv(4, 6, 3)))


@pytest.mark.parametrize("inputs", [None, [torch.ones(2, 4, 8, 8, dtype=torch.float64)]])
def test_the_base_class_finds_other_numbers(inputs):
    with pytest.raises(ArchError, match="not-equal"):
        Wrong()(randomised(conv(4, 6, 3)), inputs)


def test_verify_sees_a_difference():
    model, x = randomised(conv(4, 6, 3)), torch.randn(2, 4, 8, 8, dtype=torch.float64)
    wrong = rewrite.fuse(model)
    with torch.no_grad():
        wrong.get_submodule("0").bias[1] += 1e-8
    found = verify(model, wrong, [x])
    assert not found.equal and found.error == pytest.approx(1e-8, rel=1e-3)
    with pytest.raises(ArchError, match="not-equal") as caught:
        found.check()
    assert caught.value.status == 3
    with torch.no_grad():
        wrong.get_submodule("0").bias[1] = float("nan")
    assert not verify(model, wrong, [x]).equal
    with pytest.raises(ArchError, match="differ in shape"):
        verify(model, nn.Identity(), [x])


def test_verify_excuses_rounding_to_float32():
    model = randomised(conv(4, 6, 3)).float()
    x = torch.randn(2, 4, 8, 8)
    assert verify(model, rewrite.fuse(model), [x]).check().tolerance == 1e-5
