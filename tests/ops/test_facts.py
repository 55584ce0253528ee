"""Facts of settings: stated by each that training asks, and true of torch."""

from __future__ import annotations

import inspect

import pytest
import torch

from archlang.ops.catalogue import CATALOGUE, facts_of
from archlang.ops.facts import AverageFacts, LossFacts, OptimizerFacts, ScheduleFacts
from archlang.ops.kinds import TensorKind
from archlang.ops.model import Setting
from archlang.ops.values import Option

KINDS = {"loss": LossFacts, "optimizer": OptimizerFacts, "schedule": ScheduleFacts, "average": AverageFacts}


BESIDE = ("places", "lengths", "log_variance", "factor")
"""Tensors that a loss reads beside its scores and the target."""


def of_role(role: str) -> list[Setting]:
    return [setting for (its_role, _), setting in CATALOGUE.settings.items() if its_role == role]


@pytest.mark.parametrize("role", KINDS)
def test_every_setting_of_a_role_states_its_facts(role: str) -> None:
    assert of_role(role)
    for setting in of_role(role):
        assert isinstance(facts_of(Option(setting.name, role), KINDS[role]), KINDS[role])


def test_facts_of_another_kind_are_a_mistake() -> None:
    with pytest.raises(LookupError, match="states no ScheduleFacts"):
        facts_of(Option("sgd", "optimizer"), ScheduleFacts)


@pytest.mark.parametrize("setting", of_role("optimizer"), ids=lambda s: s.name)
def test_optimisers_are_torchs_and_say_rightly_whether_there_is_a_fused_kernel(setting: Setting) -> None:
    facts = facts_of(Option(setting.name, "optimizer"), OptimizerFacts)
    room, _, name = facts.torch.rpartition(".")
    assert room == "torch.optim"
    kind = getattr(torch.optim, name)
    knows_fused = "fused" in inspect.signature(kind).parameters
    assert knows_fused or not facts.fused
    taken = inspect.signature(kind).parameters
    assert {arg.name for arg in setting.args} - {"groups", "branches"} <= set(taken)


@pytest.mark.parametrize("setting", of_role("loss"), ids=lambda s: s.name)
def test_a_loss_with_a_target_takes_two_tensors_first_scores(setting: Setting) -> None:
    facts = facts_of(Option(setting.name, "loss"), LossFacts)
    tensors = [arg for arg in setting.args if isinstance(arg.kind, TensorKind) and arg.name not in BESIDE]
    if facts.target is not None:
        # Pairs are two embeddings and their label; all others compare scores with a target.
        count = 3 if facts.target == "pairs" else 2
        assert len(tensors) == count and setting.args[:count] == tuple(tensors)
    if facts.vectors:
        assert facts.target is None and not any(arg.name == "label" for arg in tensors)
    if facts.clusters:
        assert len(tensors) == 1
    assert tensors or facts.sites is not None
