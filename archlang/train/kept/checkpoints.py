"""The state of a training as tensors and facts, and back: weights, optimisers, losses, averages, counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archlang.diagnostics import ArchError, error
from archlang.train.kept.sharded import read_shards, shapes_of
from archlang.train.loop.stepping import Optimization, Stepper
from archlang.train.optimization.averaging import Average
from archlang.train.processes.sharding import full, like
from archlang.train.processes.spreading import SpreadExperts

State = Mapping[str, torch.Tensor]


def gather(model: nn.Module, stages: Sequence[Optimization], average: Average | None,
           spread: SpreadExperts | None = None) -> dict[str, torch.Tensor]:
    """Every tensor that a training needs to go on, whole; every process must ask for them."""
    tensors = {name: full(value) for name, value in held_here(model, stages, average).items()}
    if spread is not None:
        return spread.gathered(tensors)
    return tensors


def held_here(model: nn.Module, stages: Sequence[Optimization], average: Average | None) -> dict[str, torch.Tensor]:
    """The same as it lies on this process: parts of divided tensors, none of experts elsewhere."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items() if not value.is_meta}
    for number, stage in enumerate(stages):
        tensors |= {f"loss.{number}.{name}": value for name, value in stage.goal.state.state_dict().items()}
        # torch numbers the weights of an optimiser through all its groups.
        for slot, values in stage.optimizer.state_dict()["state"].items():
            for key, value in values.items():
                if isinstance(value, torch.Tensor):
                    tensors[f"optimizer.{number}.{slot}.{key}"] = value

    if average is not None:
        tensors |= {f"average.{name}": value for name, value in average.state().items()}
    return tensors


def from_shards(path: Path, model: nn.Module, stages: Sequence[Optimization]) -> dict[str, torch.Tensor]:
    """Tensors of a checkpoint in shards by the names of `gather`, of each what lies here; every process must ask.

    Of what lies elsewhere there are shapes alone, so that `restore` can compare all of them.
    """
    shapes = shapes_of(path)
    wanted: dict[str, torch.Tensor] = {}
    for name, shape in shapes.items():
        pattern = _pattern(name, model.state_dict(keep_vars=True), stages)
        if pattern is None or pattern.shape != shape.shape:
            wanted[name] = torch.empty_like(shape, device="cpu")
        elif not pattern.is_meta:
            wanted[name] = torch.empty_like(pattern.detach(), dtype=shape.dtype)

    read_shards(path, wanted)
    return {**shapes, **wanted}


def _pattern(name: str, weights: State, stages: Sequence[Optimization]) -> torch.Tensor | None:
    """The weight that a tensor of a checkpoint belongs to, which lies where it does; None where there is none."""
    kind, _, rest = name.partition(".")
    if kind in ("model", "average"):
        return weights.get(rest)
    if kind != "optimizer":
        return None

    number, slot = (int(part) for part in rest.split(".")[:2])
    if number >= len(stages) or slot >= len(stages[number].weights):
        return None
    weight: torch.Tensor = stages[number].weights[slot]
    return weight


def counters(stepper: Stepper, stages: Sequence[Optimization], average: Average | None) -> dict[str, Any]:
    """The rest of the state, which is no tensors: counts, and the scales of losses in float16."""
    averaged = 0
    if average is not None:
        averaged = average.count
    return {
        "skipped": stepper.skipped,
        "in_a_row": stepper.in_a_row,
        "averaged": averaged,
        "scalers": [stage.scaler and stage.scaler.state_dict() for stage in stages],
        "optimizers": [_kind(stage) for stage in stages],
    }


def restore(tensors: State, facts: Mapping[str, Any], model: nn.Module, stages: Sequence[Optimization],
            stepper: Stepper, average: Average | None) -> list[str]:
    """Put a state back; the parts of it that do not fit any more and begin anew are returned, in words.

    Arguments:
        tensors: what `gather` gave.
        facts: what `counters` gave.

    Raises `ArchError` (run-differs) where the weights are those of another network.
    """
    # Nothing is put back before it is sure that the weights fit.
    weights = _under("model", tensors)
    if _shapes(weights) != _shapes(model.state_dict()):
        raise ArchError(error("run-differs", "the checkpoint's weights are not those of this network"))
    for name, value in model.state_dict().items():
        # Of experts on other processes there are shapes alone.
        if not value.is_meta:
            value.copy_(like(weights[name], value))

    anew = []
    for number, stage in enumerate(stages):
        anew += _restore_stage(number, stage, tensors, facts)
    # Ten bad steps in a row end a training, interrupted or not.
    stepper.skipped, stepper.in_a_row = facts["skipped"], facts["in_a_row"]

    if average is not None:
        state = _under("average", tensors)
        if state.keys() >= set(average.names):
            average.restore(state, facts["averaged"])
        else:
            anew.append("the average")
    return anew


def _restore_stage(number: int, stage: Optimization, tensors: State, facts: Mapping[str, Any]) -> list[str]:
    """Put back the optimiser, the loss and the scale of a stage; what begins anew is returned."""
    anew = []
    kinds, scalers = facts["optimizers"], facts["scalers"]
    if number < len(kinds) and kinds[number] == _kind(stage):
        _restore_optimizer(stage, _under(f"optimizer.{number}", tensors))
    else:
        anew.append(f"optimizer {number + 1}")

    remembered = _under(f"loss.{number}", tensors)
    if _shapes(remembered) == _shapes(stage.goal.state.state_dict()):
        stage.goal.state.load_state_dict(remembered)
    else:
        anew.append(f"what loss {number + 1} remembers")

    if stage.scaler is not None and number < len(scalers) and scalers[number]:
        stage.scaler.load_state_dict(scalers[number])
    return anew


def _restore_optimizer(stage: Optimization, state: State) -> None:
    slots: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in state.items():
        slot, _, key = name.partition(".")
        weight = stage.weights[int(slot)]
        if weight.is_meta:  # it is an expert's, which another process holds
            continue
        # Momenta are divided as their weight is; a count of steps is whole everywhere.
        if value.shape == weight.shape:
            value = like(value, weight)
        slots.setdefault(int(slot), {})[key] = value

    # Groups and their rates are those of the file: only what the optimiser remembers is taken from the checkpoint.
    optimizer = stage.optimizer
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})


def _kind(stage: Optimization) -> list[Any]:
    """The optimiser's name and the shapes of what it moves: where these agree, its state fits."""
    return [type(stage.optimizer).__name__, [list(weight.shape) for weight in stage.weights]]


def _under(prefix: str, tensors: State) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(f"{prefix}.")}


def _shapes(tensors: State) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}
