"""The networks of table 4.2 by their parameters, and what their files declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.diagnostics import ArchError
from archlang.elaborate import load, loads
from archlang.train.optimization.planning import plan_of, steps_of

SPECS = Path(__file__).parents[2] / "specs" / "clustering"


@pytest.mark.parametrize(("name", "count"), [
    ("mnist", 771_520), ("cifar10", 1_307_776), ("cifar100", 1_471_616), ("stl10", 2_692_224), ("two_d", 1_472),
])
def test_parameters(name: str, count: int) -> None:
    assert load(SPECS / f"{name}.arch").parameters == count


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100", "stl10", "digits"])
def test_two_steps_with_two_optimisers(name: str) -> None:
    em, consistency = steps_of(plan_of(load(SPECS / f"{name}.arch")))
    assert [loss.option.name for loss in (*em.losses, *consistency.losses)] == ["mixture_em", "agreement"]
    rates = em.optimizer.args["lr"], consistency.optimizer.args["lr"]
    assert rates == ((5e-5, 1e-4) if name != "digits" else (3e-4, 6e-4))
    assert em.losses[0].option.args["standardized"] is True


NET = """archlang 1
network N {
  input x: [4]
  maps = x -> fork(2) -> each { linear(6) -> relu } -> route(cross_connection(hidden = 4)) -> mean
  scores = maps -> linear(3)
  one = maps -> linear(1)
  output scores
  output one = one
}
train { loss = LOSS; optimizer = adam(lr = 1e-3); phase all { epochs = 1 } }
"""


def test_gates_are_sites() -> None:
    plan = loads(NET.replace("LOSS", "cross_entropy(scores, label) + 0.01 * mixture_em(gamma = 5)")).graph.plan
    assert plan is not None and [site.name for site in plan.losses[1].sites] == ["maps.route"]


@pytest.mark.parametrize(("loss", "said"), [
    ("mixture_em(one)", "reads a vector of two clusters or more, this is [1]"),
    ("mixture_em(scores, of = \"maps\")", "`of` and `over` pick gates"),
    ("mixture_em(augmented = true)", "`augmented` goes with scores"),
    ("mixture_em(of = \"mapz\")", "has no site `mapz`"),
    ("mixture_em(scores, gamma = 0)", "a number greater than 0"),
    ("agreement()", "needs its argument `scores`"),
])
def test_what_is_refused(loss: str, said: str) -> None:
    with pytest.raises(ArchError) as caught:
        loads(NET.replace("LOSS", loss))
    assert said in str(caught.value)


def test_a_network_without_gates() -> None:
    text = 'archlang 1\nnetwork N { input x: [4]\n y = x -> linear(3)\n output y }\n' + NET[NET.index("train"):]
    with pytest.raises(ArchError, match="the network has none"):
        loads(text.replace("LOSS", "mixture_em()"))
