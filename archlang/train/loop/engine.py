"""The training of what a file declares: phases of epochs of batches, seeded, logged, saved, continued.

The same seed on the same machine kind, torch version and thread count gives the same weights, bit for bit, whether or
not the training was interrupted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from archlang.compiler import compile as compile_network
from archlang.diagnostics import ArchError, error
from archlang.elaborate.network import Network
from archlang.emit import ArchModule, observing
from archlang.graph.ir import Port
from archlang.graph.plan import Plan
from archlang.layers.synced import synced
from archlang.train.data.sources import find
from archlang.train.data.splits import Data
from archlang.train.fitting import Fit, fit_to
from archlang.train.kept.board import Board
from archlang.train.kept.checkpoints import restore
from archlang.train.kept.identity import differences, environment, identity
from archlang.train.kept.runs import Run, open_run, reopen_run
from archlang.train.loop.phasing import named_weights
from archlang.train.loop.progress import Progress, Result
from archlang.train.loop.stepping import Optimization, Stepper
from archlang.train.loop.training import Training
from archlang.train.loop.watch import TrainingWatch
from archlang.train.losses.objective import inner_ports, objective, scores_port
from archlang.train.optimization.averaging import Average
from archlang.train.optimization.optimizers import optimizer
from archlang.train.optimization.planning import batch_count, class_count, labels_of, plan_of, steps_of, stretches
from archlang.train.processes.devices import place
from archlang.train.processes.sharding import Sharding, check, divide
from archlang.train.processes.world import World, joined
from archlang.train.training_data import training_data

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
    sharding: Sharding = "auto",
) -> Result:
    """Train a network as the `train` of its file says, on `data` (see `sources.find`).

    `epochs` shortens or stretches all phases alike; `seed` stands for the file's. With `run`, a new or empty folder
    gets `network.arch`, `config.json`, `log.csv`, the model files `last.safetensors` and `best.safetensors` (by test
    accuracy, then loss), and a checkpoint after every epoch, and after every `checkpoint_every` steps too; without it
    nothing is written.

    To `resume` a run is to go on from its newest checkpoint: the weights that come out are those of a training that was
    never interrupted. To `fork` it is to go on with another file, seed or data; what differs is told and noted.

    Under `torchrun` each process calls it: batches are shared out among them, the first one alone writes and is told of
    progress. `sharding` says whether each keeps the weights whole (`ddp`, as `auto`) or a part of them (`fsdp`).

    Raises `ArchError`: missing-train, unknown-data, bad-data, run-exists, run-in-use, run-differs, no-checkpoint,
    diverged, missing-tool, unwritable-output, process-lost, and what compiling raises.
    """
    plan = plan_of(network)
    with joined(device) as world:
        progress = (progress if world.is_first else None) or Progress()
        ready = training_data(network, plan, find(data))
        given = _Given(network, plan, ready, place(device, world.local), epochs, seed, world, sharding)
        if run is None:
            if start != "new" or tensorboard:
                raise ArchError(error("usage", "only a training with a run folder can be continued or shown"))
            return _prepared(given).go(progress)
        folder = _folder(run, start, world)
        try:
            training = _begun(given, folder) if start == "new" else _continued(given, folder, start, progress)
            training.every = checkpoint_every
            if tensorboard and world.is_first:
                training.board = Board(folder.folder, len(training.history))
            return training.go(progress)
        finally:
            folder.close()


def _folder(run: str | os.PathLike[str], start: Start, world: World) -> Run:
    """The run's folder, which the first process opens for all."""
    if not world.is_first:
        return Run(Path(run))
    return open_run(run) if start == "new" else reopen_run(run)


@dataclass(frozen=True)
class _Given:
    """What a training was asked for."""

    network: Network
    plan: Plan
    data: Data
    device: torch.device
    epochs: int | None
    asked: int | None
    world: World
    sharding: Sharding

    @property
    def seed(self) -> int:
        """The seed that was asked for, else the file's."""
        return self.plan.seed if self.asked is None else self.asked


def _begun(given: _Given, run: Run) -> Training:
    """A new training in a run folder."""
    training = _prepared(given)
    training.run = run
    training.watch = TrainingWatch(training.model, given.network.graph)
    training.identity = identity(given.network, given.data, given.seed, given.epochs)
    training.environment = environment(given.device, given.world.size)
    return training


def _continued(given: _Given, run: Run, start: Start, progress: Progress) -> Training:
    """The training of a run folder, as its newest checkpoint has it."""
    tensors, facts = given.world.same(run.newest(progress.note) if given.world.is_first else None) or ({}, {})
    before = facts["identity"]
    given = replace(
        given, asked=before["seed"] if given.asked is None else given.asked,
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


def _prepared(given: _Given) -> Training:
    graph, plan, device, world = given.network.graph, given.plan, given.device, given.world
    losses = tuple(loss for step in steps_of(plan) for loss in step.losses)
    scores = scores_port(graph, losses)
    goals = [objective(step.losses, graph) for step in steps_of(plan)]
    fitted = world.same(fit_to(graph, given.data.train))
    ports = inner_ports(losses, graph)
    model = _model(given, fitted, scores)
    check(given.sharding, world, plan, model)
    if world.size > 1:
        synced(model)
    seen = observing(model, graph, ports, _parallel(plan, world)) if ports else model
    undivided = None
    if given.sharding == "fsdp":
        undivided = _model(given, fitted, scores)
        divide(seen, device, world)
    weights = named_weights(graph, model)
    for goal in goals:
        goal.state.to(device)
    stages = [
        Optimization(goal, optimizer(step.optimizer, weights), _scaler(plan, device), step.name)
        for goal, step in zip(goals, steps_of(plan), strict=True)
    ]
    stepper = Stepper(seen, graph, scores, ports, plan.clip, plan.precision, world, undivided is not None)
    per_epoch = batch_count(len(given.data.train), plan.batch)
    average = Average(plan.average, model) if plan.average is not None else None
    return Training(given.network, plan, given.data, given.seed, device, fitted, model, losses, stages, stepper,
                    stretches(plan.phases, given.epochs, per_epoch), average, world, undivided)


def _model(given: _Given, fitted: Fit, scores: Port) -> ArchModule:
    plan, graph, classes = given.plan, given.network.graph, given.data.classes
    labels = labels_of(plan, classes, class_count(graph, plan, graph.type(scores).dims))
    model = compile_network(given.network, seed=given.seed, parallel=_parallel(plan, given.world))
    assert isinstance(model, ArchModule)  # the public signature promises less
    model.archlang = replace(model.archlang, labels=labels, mean=fitted.mean, std=fitted.std,
                             image=fitted.image)
    return model.to(given.device)


def _scaler(plan: Plan, device: torch.device) -> torch.amp.GradScaler | None:
    return torch.amp.GradScaler(device.type) if plan.precision == "float16" else None


def _parallel(plan: Plan, world: World) -> Literal["auto", "loop"]:
    """How parallel parts run: batch norms that rest, are measured anew or are exchanged must be called one by one."""
    if world.size > 1:
        return "loop"
    resting = any(phase.only is not None or phase.freeze for phase in plan.phases)
    return "loop" if resting or (plan.average is not None and plan.average.name == "swa") else "auto"
