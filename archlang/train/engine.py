"""The training of what a file declares: phases of epochs of batches, seeded, logged, saved.

The same seed on the same machine kind, torch version and thread count gives the same weights, bit for bit.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from archlang.artefact.replay import dials_of
from archlang.artefact.saving import save
from archlang.compiler import compile as compile_network
from archlang.emit import ArchModule, observing
from archlang.graph.ir import Loss, Plan
from archlang.graph.network import Network
from archlang.train.data import Data
from archlang.train.devices import place
from archlang.train.evaluation import measure
from archlang.train.fitting import Fit, fit_to
from archlang.train.objective import inner_ports, objective, scores_port
from archlang.train.optim import base_rate, optimizer
from archlang.train.planning import (
    Stretch,
    batch_count,
    batches,
    class_count,
    derived,
    labels_of,
    plan_of,
    steps_of,
    stretches,
)
from archlang.train.progress import Beat, Epoch, Outline, Progress, Result
from archlang.train.runs import Run, open_run
from archlang.train.schedule import rate
from archlang.train.sources import find
from archlang.train.stepping import Outcome, Stage, Stepper, diverged, finite
from archlang.train.views import Views
from archlang.train.watch import Watch


def fit(
    network: Network,
    data: object,
    *,
    epochs: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    run: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Train a network as the `train` of its file says, on `data` (see `sources.find`).

    `epochs` shortens or stretches all phases alike; `seed` stands for the file's. With `run`, a new or empty folder
    gets `config.json`, `log.csv` and the model files `last.safetensors` and `best.safetensors` (by test accuracy, then
    loss); without it nothing is written. Interrupted, it leaves whole files of the last finished epoch.

    Raises `ArchError`: missing-train, unknown-data, bad-data, run-exists, diverged, and what compiling raises.
    """
    plan = plan_of(network)
    found = find(data)
    stages = stretches(plan.phases, epochs)
    target = place(device)
    training = _prepare(network, plan, found, plan.seed if seed is None else seed, target)
    if run is not None:
        training.run = open_run(run)
        training.watch = Watch(training.model, network.graph)
    return training.go(stages, progress or Progress())


def _prepare(network: Network, plan: Plan, data: Data, seed: int, device: torch.device) -> _Training:
    graph = network.graph
    losses = tuple(loss for step in steps_of(plan) for loss in step.losses)
    scores = scores_port(graph, losses)
    goals = [objective(step.losses, graph) for step in steps_of(plan)]
    labels = labels_of(plan, data.classes, class_count(graph, plan, graph.type(scores).dims))
    fitted = fit_to(graph, data.train)
    model = compile_network(network, seed=seed)
    assert isinstance(model, ArchModule)  # the public signature promises less
    model.archlang = replace(model.archlang, labels=labels, mean=fitted.mean, std=fitted.std)
    model.to(device)
    for goal in goals:
        goal.state.to(device)
    stages = [
        Stage(goal, optimizer(step.optimizer, model.parameters()), base_rate(step.optimizer))
        for goal, step in zip(goals, steps_of(plan), strict=True)
    ]
    ports = inner_ports(losses, graph)
    stepper = Stepper(observing(model, graph, ports) if ports else model, graph, scores, ports)
    return _Training(network, plan, data, seed, device, fitted, model, losses, stages, stepper)


@dataclass
class _Training:
    network: Network
    plan: Plan
    data: Data
    seed: int
    device: torch.device
    fit: Fit
    model: ArchModule
    losses: tuple[Loss, ...]
    stages: list[Stage]
    stepper: Stepper
    run: Run | None = None
    watch: Watch | None = None

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return batch_count(len(self.data.train), self.plan.batch)

    def go(self, stretches: tuple[Stretch, ...], progress: Progress) -> Result:
        """All epochs of all phases."""
        outline = self._outline(sum(stretch.epochs for stretch in stretches))
        if self.run is not None:
            self.run.write_config(self._facts(outline))
        progress.start(outline)
        history: list[Epoch] = []
        best: Epoch | None = None
        for stretch in stretches:
            for number in range(stretch.epochs):
                epoch = self._epoch(stretch, number, len(history), progress)
                history.append(epoch)
                is_best = epoch.better_than(best)
                best = epoch if is_best else best
                self._keep(epoch, is_best)
                progress.epoch(epoch, is_best)
        assert best is not None  # there is at least one epoch
        if self.run is not None and self.watch is not None:
            self.watch.close(self.run.folder)
        return Result(self.model.eval(), tuple(history), best, self.seed, self.run)

    def _epoch(self, stretch: Stretch, number: int, passed: int, progress: Progress) -> Epoch:
        """Epoch `number` of a phase, after `passed` epochs in all, both from 0."""
        began, skipped = time.perf_counter(), self.stepper.skipped
        tally = _Tally()
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(derived(self.seed, passed, "model"))
            self.stepper.model.train()
            for step, (views, label) in enumerate(self._batches(passed)):
                at = stretch.at(number * self.steps + step, self.steps)
                done = self._step(stretch, at, views, label, tally)
                if self.watch is not None:
                    self.watch.note(passed + 1, step + 1, done)
                progress.step(Beat(passed + 1, step + 1, tally.loss, tally.accuracy, tally.lr))
        if not finite(self.model):
            raise diverged("weights are no numbers any more")
        goal, split, labels = self.stages[0].goal, self.data.test, self.model.archlang.labels
        found = measure(self.stepper.model.eval(), self.network.graph, goal, self.losses, split, self.fit, labels)
        return Epoch(
            passed + 1, stretch.phase.name, tally.first_lr, tally.loss, tally.accuracy, found.loss, found.accuracy,
            self.stepper.skipped - skipped, time.perf_counter() - began, tally.parts,
        )

    def _batches(self, epoch: int) -> Iterator[tuple[Views, torch.Tensor]]:
        order, chance = (torch.Generator().manual_seed(derived(self.seed, epoch, u)) for u in ("order", "augment"))
        for rows in batches(len(self.data.train), self.plan.batch, order):
            samples, label = self.data.train.batch(rows)
            shaped = self.fit.shape(samples.to(self.device))
            yield Views(shaped, self.fit, self.plan.augment, chance), label.to(self.device)

    def _step(self, stretch: Stretch, at: float, views: Views, label: torch.Tensor, tally: _Tally) -> bool:
        """Whether the last of the optimisation steps on a batch was done."""
        outcome = None
        for index, stage in enumerate(self.stages):
            lr = rate(stretch.phase.lr, stage.base, at, stretch.phase.epochs)
            main, second = views.of(stage.goal.views)
            outcome = self.stepper(stage, main, label, lr, second)
            if index == 0:
                tally.add(outcome, len(label), lr)
        return outcome is not None

    def _keep(self, epoch: Epoch, is_best: bool) -> None:
        if self.run is None:
            return
        was = self.model.training
        self.run.append(epoch.row())
        if self.watch is not None:
            self.watch.keep(self.run.folder)
        save(self.model, self.run.last)
        if is_best:
            save(self.model, self.run.best)
        self.model.train(was)

    def _outline(self, epochs: int) -> Outline:
        return Outline(
            self.network.name, self.data.name, epochs, self.steps, len(self.data.train), len(self.data.test),
            str(self.device), self.seed, self.run,
        )

    def _facts(self, outline: Outline) -> dict[str, object]:
        return {
            "network": outline.network,
            "text": self.network.text,
            "dials": dials_of(self.network),
            "data": outline.data,
            "epochs": outline.epochs,
            "batch": self.plan.batch,
            "seed": outline.seed,
            "device": outline.device,
            "threads": torch.get_num_threads(),
            "mean": self.fit.mean,
            "std": self.fit.std,
            "versions": {"torch": str(torch.__version__), "python": platform.python_version()},
        }


class _Tally:
    """Means over an epoch so far; skipped steps do not count."""

    def __init__(self) -> None:
        self.samples, self.sum, self.correct, self.lr = 0, 0.0, 0, 0.0
        self.first_lr = float("nan")
        self.is_classes = False
        self.sums: dict[str, float] = {}

    def add(self, outcome: Outcome | None, samples: int, lr: float) -> None:
        """Count a step."""
        self.lr = lr
        self.first_lr = lr if self.first_lr != self.first_lr else self.first_lr
        if outcome is None:
            return
        self.samples += samples
        self.sum += outcome.loss * samples
        self.is_classes = outcome.correct is not None
        self.correct += outcome.correct or 0
        for name, value in outcome.parts.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * samples

    @property
    def loss(self) -> float:
        return self.sum / self.samples if self.samples else float("nan")

    @property
    def accuracy(self) -> float | None:
        return self.correct / self.samples if self.is_classes and self.samples else None

    @property
    def parts(self) -> dict[str, float]:
        return {name: value / self.samples for name, value in self.sums.items()} if self.samples else {}
