"""A training made ready: the model compiled for the data, its optimisers, its average."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from archlang.compiler import compile as compile_network
from archlang.diagnostics import ArchError, error
from archlang.emit import ArchModule, observing
from archlang.graph.ir import Port
from archlang.graph.scores import scores_port
from archlang.layers.synced import synced
from archlang.train.fitting import Fit
from archlang.train.inputs import fit_of_data, taking_rows
from archlang.train.loop.batches import BatchTrainer
from archlang.train.loop.compiling import compiled
from archlang.train.loop.phasing import named_weights
from archlang.train.loop.stepping import Optimization, Stepper
from archlang.train.loop.task import TrainingTask
from archlang.train.loop.trained import TrainedModel
from archlang.train.loop.training import Training
from archlang.train.losses.classes import class_count, labels_of
from archlang.train.losses.objective import Objective, inner_ports, objective
from archlang.train.optimization.averaging import Average
from archlang.train.optimization.optimizers import optimizer
from archlang.train.optimization.planning import steps_of
from archlang.train.optimization.scaled_gradients import kernels_of
from archlang.train.processes.sharding import check, divide
from archlang.train.processes.spreading import SpreadExperts, check_device, check_spread, spread_experts


def prepared(task: TrainingTask) -> Training:
    """The training of a task, before its first step.

    Raises `ArchError`: bad-data, bad-phase, not-available, usage, and what compiling raises.
    """
    graph, plan, world = task.network.graph, task.plan, task.world
    scores = scores_port(graph, task.losses)
    goals = [objective(step.losses, graph) for step in steps_of(plan)]
    # Sums over samples may differ in their last bits between machines.
    fit = world.broadcast(fit_of_data(graph, task.data.train, task.data.input_places))

    model = _compiled(task, fit, scores)
    check(task.sharding, world, plan, model)
    if plan.accumulate > 1 and world.size > 1:
        message = "`accumulate` is for one process: several calculate parts of a batch at the same time"
        raise ArchError(error("not-available", message, help="leave it out, or start one process"))

    ports = inner_ports(task.losses, graph)
    if task.sharding == "experts":
        check_spread(world, graph, plan, model, ports)
        check_device(task.device, world)
    if world.size > 1:
        synced(model)  # batch norms see the statistics of the whole batch

    observed, undivided = model, None  # what is saved and returned has its weights in one piece
    if ports:
        observed = observing(model, graph, ports, task.parallel)
    if task.sharding in ("fsdp", "experts"):
        undivided = partial(_compiled, task, fit, scores)

    spread: SpreadExperts | None = None
    if task.sharding == "fsdp":
        divide(observed, task.device, world)
    elif task.sharding == "experts":
        spread = spread_experts(model, graph, world, ports)
        observed = spread.module

    stages = _stages(task, model, goals)

    whole = taking_rows(observed, fit.places)
    quick = None
    if task.backend is not None:
        quick = compiled(whole, task.backend, task.device, task.sharding)
    stepper = Stepper(whole, graph, scores, ports, plan.clip, plan.precision, world, task.sharding == "fsdp",
                      plan.accumulate, task.data.label_places, spread, quick)
    average = None
    if plan.average is not None:
        average = Average(plan.average, model)
    trained = TrainedModel(task, model, fit, average, undivided, spread)
    return Training(task, trained, BatchTrainer(task, trained, stages, stepper))


def _stages(task: TrainingTask, model: ArchModule, goals: list[Objective]) -> list[Optimization]:
    """The optimisation steps of the plan: each objective with its optimiser."""
    weights, kernels = named_weights(task.network.graph, model), kernels_of(task.network.graph)
    stages = []

    for goal, step in zip(goals, steps_of(task.plan), strict=True):
        # Losses are modules too where they remember something.
        goal.state.to(task.device)
        scaler = None
        if task.plan.precision == "float16":
            scaler = torch.amp.GradScaler(task.device.type)
        stages.append(Optimization(goal, optimizer(step.optimizer, weights, kernels), scaler, step.name))
    return stages


def _compiled(task: TrainingTask, fit: Fit, scores: Port) -> ArchModule:
    """The compiled network with its class names and its normalisation, on the device."""
    count = class_count(task.network.graph, task.losses, scores)
    labels = labels_of(task.plan, task.data.classes, count)
    model = compile_network(task.network, seed=task.seed, parallel=task.parallel)
    assert isinstance(model, ArchModule)  # the public signature promises less

    if task.init is not None:
        task.init(model)
    model.archlang = replace(model.archlang, labels=labels, mean=fit.mean, std=fit.std, image=fit.image)
    return model.to(task.device)
