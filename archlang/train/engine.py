"""The training of what a file declares: phases of epochs of batches, seeded, logged, saved, continued.

The same seed on the same machine kind, torch version and thread count gives the same weights, bit for bit, whether or
not the training was interrupted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from archlang.compiler import compile as compile_network
from archlang.diagnostics import ArchError, error
from archlang.emit import ArchModule, observing
from archlang.graph.ir import Plan
from archlang.graph.network import Network
from archlang.train.averaging import Average
from archlang.train.board import Board
from archlang.train.checkpoints import restore
from archlang.train.data import Data
from archlang.train.devices import place
from archlang.train.fitting import Fit, fit_to
from archlang.train.identity import differences, environment, identity
from archlang.train.loop import Training
from archlang.train.objective import inner_ports, objective, scores_port
from archlang.train.optim import optimizer
from archlang.train.phasing import named_weights
from archlang.train.planning import batch_count, class_count, labels_of, plan_of, steps_of, stretches
from archlang.train.progress import Progress, Result
from archlang.train.runs import Run, open_run, reopen_run
from archlang.train.sources import find
from archlang.train.stepping import Stage, Stepper
from archlang.train.watch import Watch

Start = Literal["new", "resume", "fork"]


def fit(
    network: Network,
    data: object,
    *,
    epochs: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    run: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    start: Start = "new",
    checkpoint_every: int | None = None,
    tensorboard: bool = False,
) -> Result:
    """Train a network as the `train` of its file says, on `data` (see `sources.find`).

    `epochs` shortens or stretches all phases alike; `seed` stands for the file's. With `run`, a new or empty folder
    gets `network.arch`, `config.json`, `log.csv`, the model files `last.safetensors` and `best.safetensors` (by test
    accuracy, then loss), and a checkpoint after every epoch, and after every `checkpoint_every` steps too; without it
    nothing is written.

    To `resume` a run is to go on from its newest checkpoint: the weights that come out are those of a training that was
    never interrupted. To `fork` it is to go on with another file, seed or data; what differs is told and noted.

    Raises `ArchError`: missing-train, unknown-data, bad-data, run-exists, run-in-use, run-differs, no-checkpoint,
    diverged, missing-tool, unwritable-output, and what compiling raises.
    """
    progress = progress or Progress()
    plan = plan_of(network)
    found = find(data)
    target = place(device)
    if run is None:
        if start != "new" or tensorboard:
            raise ArchError(error("usage", "only a training with a run folder can be continued or shown"))
        training = _prepared(network, plan, found, plan.seed if seed is None else seed, target, epochs)
        return training.go(progress)
    given = _Given(network, plan, found, target, epochs, seed)
    folder = open_run(run) if start == "new" else reopen_run(run)
    try:
        training = _begun(given, folder) if start == "new" else _continued(given, folder, start, progress)
        training.every = checkpoint_every
        training.board = Board(folder.folder, len(training.history)) if tensorboard else None
        return training.go(progress)
    finally:
        folder.close()


@dataclass(frozen=True)
class _Given:
    """What a training was asked for."""

    network: Network
    plan: Plan
    data: Data
    device: torch.device
    epochs: int | None
    seed: int | None


def _begun(given: _Given, run: Run) -> Training:
    """A new training in a run folder."""
    seed = given.plan.seed if given.seed is None else given.seed
    training = _prepared(given.network, given.plan, given.data, seed, given.device, given.epochs)
    training.run = run
    training.watch = Watch(training.model, given.network.graph)
    training.identity = identity(given.network, given.data, seed, given.epochs)
    training.environment = environment(given.device)
    return training


def _continued(given: _Given, run: Run, start: Start, progress: Progress) -> Training:
    """The training of a run folder, as its newest checkpoint has it."""
    tensors, facts = run.newest(progress.note)
    before = facts["identity"]
    given = replace(
        given, seed=before["seed"] if given.seed is None else given.seed,
        epochs=before["epochs"] if given.epochs is None else given.epochs,
    )
    training = _begun(given, run)
    _compare(facts, training, start, progress)
    anew = restore(tensors, facts["counters"], training.model, training.stages, training.stepper, training.average)
    if anew:
        progress.note(f"begun anew: {', '.join(anew)}")
    training.forks = facts["forks"]
    if start == "fork":
        training.forks = [*training.forks, {"step": facts["total"], "from": before}]
    training.resume(facts)
    return training


def _compare(facts: dict[str, Any], training: Training, start: Start, progress: Progress) -> None:
    """Refuse to resume another training; say what differs where that is allowed."""
    different = differences(facts["identity"], training.identity)
    if different and start == "resume":
        message = f"this is not the training that was begun here: {', '.join(different)} differ"
        message = message if len(different) > 1 else f"{message}s"
        raise ArchError(error("run-differs", message, help="`--fork` goes on from its weights nevertheless"))
    if different:
        progress.note(f"forked; what differs: {', '.join(different)}")
    was, now = facts["environment"], training.environment
    others = [f"{key} (was {was.get(key)}, is {now[key]})" for key in now if was.get(key) != now[key]]
    if others:
        progress.note(f"last bits may differ from an uninterrupted training's: {', '.join(others)}")


def _prepared(network: Network, plan: Plan, data: Data, seed: int, device: torch.device, epochs: int | None
              ) -> Training:
    graph = network.graph
    losses = tuple(loss for step in steps_of(plan) for loss in step.losses)
    scores = scores_port(graph, losses)
    goals = [objective(step.losses, graph) for step in steps_of(plan)]
    labels = labels_of(plan, data.classes, class_count(graph, plan, graph.type(scores).dims))
    fitted = fit_to(graph, data.train)
    model = _model(network, plan, seed, fitted, labels).to(device)
    weights = named_weights(graph, model)
    for goal in goals:
        goal.state.to(device)
    stages = [
        Stage(goal, optimizer(step.optimizer, weights), _scaler(plan, device), step.name)
        for goal, step in zip(goals, steps_of(plan), strict=True)
    ]
    ports = inner_ports(losses, graph)
    seen = observing(model, graph, ports, _parallel(plan)) if ports else model
    stepper = Stepper(seen, graph, scores, ports, plan.clip, plan.precision)
    per_epoch = batch_count(len(data.train), plan.batch)
    average = Average(plan.average, model) if plan.average is not None else None
    return Training(network, plan, data, seed, device, fitted, model, losses, stages, stepper,
                    stretches(plan.phases, epochs, per_epoch), average)


def _model(network: Network, plan: Plan, seed: int, fitted: Fit, labels: tuple[str, ...] | None) -> ArchModule:
    model = compile_network(network, seed=seed, parallel=_parallel(plan))
    assert isinstance(model, ArchModule)  # the public signature promises less
    model.archlang = replace(model.archlang, labels=labels, mean=fitted.mean, std=fitted.std)
    return model


def _scaler(plan: Plan, device: torch.device) -> torch.amp.GradScaler | None:
    return torch.amp.GradScaler(device.type) if plan.precision == "float16" else None


def _parallel(plan: Plan) -> Literal["auto", "loop"]:
    """How parallel parts run: batch norms that rest or are measured anew must be called one by one."""
    resting = any(phase.only is not None or phase.freeze for phase in plan.phases)
    return "loop" if resting or (plan.average is not None and plan.average.name == "swa") else "auto"
