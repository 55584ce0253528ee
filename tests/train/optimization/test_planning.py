"""Phases, batches, seeds, optimisers."""

import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.graph.plan import Phase, Plan
from archlang.ops.values import Option, Weighted
from archlang.train.losses.classes import labels_of
from archlang.train.optimization.optimizers import base_rate, optimizer, set_rate
from archlang.train.optimization.planning import batch_count, batches, derived, stretches


@pytest.mark.parametrize("count", range(2, 30))
@pytest.mark.parametrize("size", [1, 2, 4, 7, 64])
def test_batches_hold_everything_once_and_none_is_alone(count: int, size: int) -> None:
    order = torch.randperm(count, generator=torch.Generator().manual_seed(3)).tolist()
    found = list(batches(order, size))
    assert [i for rows in found for i in rows] == order
    assert len(found) == batch_count(count, size)
    if size > 1:
        assert min(map(len, found)) > 1
    assert max(map(len, found)) <= size + 1


def test_epochs_are_shared_among_phases() -> None:
    phases = [Phase("a", 150), Phase("b", 100), Phase("c", 1)]
    for epochs in (1, 2, 3, 7, 251, 500):
        assert sum(s.rounds for s in stretches(phases, epochs, 7)) == epochs
    assert [(s.phase.name, s.batches) for s in stretches(phases, 1, 7)] == [("a", 7)]


def test_a_phase_of_steps_ends_within_a_pass_over_the_data() -> None:
    phases = [Phase("a", 2), Phase("b", 0, steps=25)]
    whole, short = stretches(phases, None, 10)
    assert (whole.batches, whole.rounds, short.batches, short.rounds) == (20, 2, 25, 3)
    assert [short.size(number) for number in range(3)] == [10, 10, 5]
    assert [short.at(step) for step in (0, 7, 24)] == [0.0, 7.0, 24.0]
    assert [s.batches for s in stretches(phases, 9, 10)] == [40, 50]


def test_a_shortened_phase_draws_its_whole_curve() -> None:
    (stretch,) = stretches([Phase("a", 100)], 4, 5)
    assert [stretch.at(step) for step in (0, 10, 19)] == [0.0, 50.0, 95.0]


def test_no_epochs_is_a_usage_error() -> None:
    with pytest.raises(ArchError) as caught:
        stretches([Phase("a", 3)], 0, 5)
    assert caught.value.status == 2


def test_seeds_of_uses_differ() -> None:
    assert len({derived(s, e, u) for s in range(5) for e in range(5) for u in ("order", "augment", "model")}) == 75


def test_labels() -> None:
    plan = Plan((), None, ())
    assert labels_of(plan, ("a", "b"), 3) == ("a", "b")
    assert labels_of(Plan((), None, (), labels=("x", "y", "z")), ("a", "b"), 3) == ("x", "y", "z")
    assert labels_of(plan, None, 3) is None
    for wrong in (("a", "b", "c", "d"), ("a", ""), ("a", "\x1b[31m"), ("a", "x" * 300)):
        with pytest.raises(ArchError) as caught:
            labels_of(plan, wrong, 3)
        assert caught.value.diagnostics[0].name == "bad-data"


@pytest.mark.parametrize(("name", "args"), [
    ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}),
    ("adam", {"betas": (0.8, 0.9), "eps": 1e-7, "weight_decay": 0.1}),
    ("adamw", {"betas": (0.8, 0.9), "eps": 1e-7, "weight_decay": 0.1}),
    ("rmsprop", {"alpha": 0.9, "eps": 1e-7, "weight_decay": 0.0, "momentum": 0.5}),
])
def test_optimisers_get_all_their_arguments(name: str, args: dict[str, object]) -> None:
    option = Option(name, "optimizer", {"lr": 0.25, **args})
    made = optimizer(option, [torch.nn.Parameter(torch.ones(2))])
    assert type(made).__name__.lower() == name and type(made).__module__.startswith("torch.optim")
    assert {key: made.defaults[key] for key in args} == args
    assert made.defaults["lr"] == base_rate(option) == 0.25
    half = Weighted(((0.5, Option("constant", "schedule")),))
    assert set_rate(made, half, 0, 1) == made.param_groups[0]["lr"] == 0.125


def test_arguments_that_torch_refuses() -> None:
    with pytest.raises(ArchError) as caught:
        optimizer(Option("sgd", "optimizer", {"lr": 0.1, "nesterov": True}), [torch.nn.Parameter(torch.ones(2))])
    assert caught.value.diagnostics[0].name == "bad-phase"


def test_an_unknown_optimiser() -> None:
    with pytest.raises(LookupError, match="lion"):
        optimizer(Option("lion", "optimizer", {"lr": 0.1}), [])
