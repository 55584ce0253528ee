"""One candidate for small kernels: trained briefly, judged by how much the positions of its kernels differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from archlang.compiler import compile as compile_network
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network
from archlang.studies.pbconv.positions import dispersion, equivalent_kernels, maps_by_size
from archlang.train.data.augmentation.augment import augment_both
from archlang.train.data.sources import find
from archlang.train.fitting import fit_to
from archlang.train.loop.phasing import named_weights
from archlang.train.loop.stepping import Optimization, Stepper
from archlang.train.losses.objective import objective, scores_port
from archlang.train.optimization.optimizers import optimizer, set_rate
from archlang.train.optimization.planning import batch_count, batches, derived, plan_of, steps_of
from archlang.train.training_data import training_data
from archlang.transform import PBConv, apply

POINTS = 20
"""How often the dispersion is taken during a trial."""


@dataclass(frozen=True)
class Trial:
    """One candidate: its small kernels for each size as the language writes them, and what its training showed.

    `scores` holds the dispersion by size, `maps` the mean map of eq. 1, `trace` (iteration, dispersion by size) pairs.
    """

    number: int
    kernels: Mapping[str, str]
    scores: Mapping[str, float] = field(default_factory=dict)
    maps: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    trace: Sequence[tuple[int, Mapping[str, float]]] = ()
    seconds: float = 0.0
    failed: str = ""


@dataclass(frozen=True)
class Settings:
    """What is searched: candidates, iterations each, the seed, and how candidates are made."""

    candidates: int = 10
    iterations: int = 100
    seed: int = 0
    types: int | None = None
    rules: str = "full"


def boosted(net: Network, kernels: Mapping[str, str]) -> Network:
    """The network with these small kernels; itself where there are none."""
    return apply(net, PBConv(kernels="; ".join(kernels.values()))) if kernels else net


def run_trial(net: Network, data: object, trial: Trial, settings: Settings,
              stepped: Callable[[int], None] = lambda done: None) -> Trial:
    """Train a candidate for some iterations as its file says. What goes wrong is told in the trial, not raised.

    `stepped` hears how many iterations are done.
    """
    began, threads = time.perf_counter(), torch.get_num_threads()
    torch.set_num_threads(1)  # the same numbers, however many candidates run at a time
    try:
        done = _trained(boosted(net, trial.kernels), data, trial, settings, stepped)
    except Exception as problem:  # one failing candidate must not stop the rest
        said = str(problem).splitlines() or [type(problem).__name__]
        return replace(trial, failed=one_line(said[0], 200), seconds=time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return replace(done, seconds=time.perf_counter() - began)


def _trained(net: Network, data: object, trial: Trial, settings: Settings,
             stepped: Callable[[int], None]) -> Trial:
    model = compile_network(net, seed=settings.seed)
    trace: list[tuple[int, Mapping[str, float]]] = []
    every = max(1, settings.iterations // POINTS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived(settings.seed, 0, "model"))
        for number in _steps(net, model, data, settings):
            if number % every == 0 or number == settings.iterations:
                trace.append((number, _scores(model, net)))
            stepped(number)
    maps = maps_by_size(equivalent_kernels(model, net.graph))
    means = {f"{r}x{c}": torch.stack(list(m.values())).mean(0).tolist() for (r, c), m in maps.items()}
    return replace(trial, scores=trace[-1][1], maps=means, trace=trace)


def _scores(model: torch.nn.Module, net: Network) -> dict[str, float]:
    maps = maps_by_size(equivalent_kernels(model, net.graph))
    return {f"{r}x{c}": dispersion(list(found.values())) for (r, c), found in maps.items()}


def _steps(net: Network, model: torch.nn.Module, data: object, settings: Settings) -> Iterator[int]:
    """One optimisation step after the other by the file's first phase; gives how many are done, 0 first."""
    plan = plan_of(net)
    found = training_data(net, plan, find(data))
    fitted = fit_to(net.graph, found.train)
    losses = tuple(loss for step in steps_of(plan) for loss in step.losses)
    stepper = Stepper(model.train(), net.graph, scores_port(net.graph, losses))
    weights = named_weights(net.graph, model)
    stages = [Optimization(objective(s.losses, net.graph), optimizer(s.optimizer, weights)) for s in steps_of(plan)]
    phase = plan.phases[0]
    unit = 1 if phase.steps else batch_count(len(found.train), plan.batch)
    number = 0
    yield number
    while number < settings.iterations:
        order, chance = (torch.Generator().manual_seed(derived(settings.seed, number, u)) for u in ("order", "augment"))
        for rows in batches(len(found.train), plan.batch, order):
            samples, label = found.train.batch(rows)
            images, label = augment_both(fitted.shape(samples), label, plan.augment, chance)
            inputs = fitted.normalise(images)
            for stage in stages:
                set_rate(stage.optimizer, phase.lr, number / unit, phase.length)
                stepper(stage, inputs, label)
            number += 1
            yield number
            if number == settings.iterations:
                return
