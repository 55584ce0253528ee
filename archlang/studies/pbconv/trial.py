"""One candidate for small kernels: trained briefly, judged by how much the positions of its kernels differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from archlang.compiler import compile as compile_network
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network
from archlang.graph.scores import scores_port
from archlang.kernels import draw_seed
from archlang.layers.chance import kept_generators
from archlang.studies.pbconv.positions import dispersion, equivalent_kernels, maps_by_size
from archlang.train.data.augmentation.augment import augment_both
from archlang.train.data.ordering import order_of
from archlang.train.data.sources import find
from archlang.train.fitting import fit_to
from archlang.train.loop.phasing import named_weights
from archlang.train.loop.stepping import Optimization, Stepper
from archlang.train.losses.objective import objective
from archlang.train.optimization.optimizers import optimizer, set_rate
from archlang.train.optimization.planning import batch_count, batches, derived, ignored_label, plan_of, steps_of
from archlang.train.optimization.scaled_gradients import kernels_of
from archlang.train.training_data import training_data
from archlang.transform import PBConv, apply

POINTS = 20
"""How often the dispersion is taken during a trial."""


@dataclass(frozen=True)
class Trial:
    """One candidate: its small kernels for each size as the language writes them, and what its training showed.

    `scores` holds the dispersion by size after training, `starts` that before it, `each` the scores of every seed; with
    several seeds the first two are means over them. `maps` holds the mean map of eq. 1, `trace` (iteration, dispersion
    by size) pairs, means as well.
    """

    number: int
    kernels: Mapping[str, str]
    scores: Mapping[str, float] = field(default_factory=dict)
    starts: Mapping[str, float] = field(default_factory=dict)
    each: Sequence[Mapping[str, float]] = ()
    maps: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    trace: Sequence[tuple[int, Mapping[str, float]]] = ()
    seconds: float = 0.0
    failed: str = ""


@dataclass(frozen=True)
class Settings:
    """The settings of a search: candidates, iterations each, the seed, how candidates are made, and the number of seeds
    that each is trained from.
    """

    candidates: int = 10
    iterations: int = 100
    seed: int = 0
    types: int | None = None
    rules: str = "full"
    seeds: int = 1

    def training_seed(self, index: int) -> int:
        """The seed of the `index`-th training of every candidate: its weights, order and augmentation."""
        return draw_seed(self.seed, index)


@dataclass(frozen=True)
class _Training:
    """A candidate trained from one seed: the dispersion by size over the iterations, the maps by size at the end."""

    trace: Sequence[tuple[int, Mapping[str, float]]]
    maps: Mapping[str, torch.Tensor]


def boosted(net: Network, kernels: Mapping[str, str]) -> Network:
    """The network with these small kernels; itself where there are none."""
    if not kernels:
        return net
    return apply(net, PBConv(kernels="; ".join(kernels.values())))


def run_trial(net: Network, data: object, trial: Trial, settings: Settings,
              stepped: Callable[[int], None] = lambda done: None) -> Trial:
    """Train a candidate for some iterations as its file says. What goes wrong is told in the trial, not raised.

    `stepped` hears how many iterations are done, over all seeds.
    """
    began = time.perf_counter()
    threads = torch.get_num_threads()
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
    """The trial with means over the trainings from all seeds."""
    trainings = []
    for index in range(settings.seeds):
        before = index * settings.iterations
        trainings.append(_train(net, data, settings, settings.training_seed(index),
                                # `before=before` binds the offset of this turn.
                                lambda done, before=before: stepped(before + done)))  # type: ignore[misc]  # bound now

    traces = zip(*(training.trace for training in trainings), strict=True)
    # Every training takes the dispersion at the same iterations, so the points of all traces lie side by side.
    trace = [(points[0][0], _mean([scores for _, scores in points])) for points in traces]
    maps = {
        size: torch.stack([training.maps[size] for training in trainings]).mean(0).tolist()
        for size in trainings[0].maps
    }
    each = [training.trace[-1][1] for training in trainings]
    return replace(trial, scores=trace[-1][1], starts=trace[0][1], each=each, maps=maps, trace=trace)


def _mean(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of several dispersions, size by size."""
    return {size: sum(one[size] for one in scores) / len(scores) for size in scores[0]}


def _train(net: Network, data: object, settings: Settings, seed: int, stepped: Callable[[int], None]) -> _Training:
    """Train a candidate from one seed."""
    model = compile_network(net, seed=seed)
    trace: list[tuple[int, Mapping[str, float]]] = []
    every = max(1, settings.iterations // POINTS)
    # Dropout draws from torch's own generator: the caller's draws stay as they would have been.
    with kept_generators():
        torch.manual_seed(derived(seed, 0, "model"))
        for number in _steps(net, model, data, settings.iterations, seed):
            if number % every == 0 or number == settings.iterations:
                trace.append((number, _scores(model, net)))
            stepped(number)

    maps = maps_by_size(equivalent_kernels(model, net.graph))
    means = {f"{rows}x{columns}": torch.stack(list(layers.values())).mean(0)
             for (rows, columns), layers in maps.items()}
    return _Training(trace, means)


def _scores(model: torch.nn.Module, net: Network) -> dict[str, float]:
    maps = maps_by_size(equivalent_kernels(model, net.graph))
    return {f"{rows}x{columns}": dispersion(list(layers.values())) for (rows, columns), layers in maps.items()}


def _steps(net: Network, model: torch.nn.Module, data: object, iterations: int, seed: int) -> Iterator[int]:
    """One optimizer step after the other by the file's first phase; gives how many are done, 0 first."""
    plan = plan_of(net)
    split = training_data(net, plan, find(data)).train
    fitted = fit_to(net.graph, split)
    # All steps of the plan train in turn on the same batch, as in the loop proper.
    losses = tuple(loss for step in steps_of(plan) for loss in step.losses)
    stepper = Stepper(model.train(), net.graph, scores_port(net.graph, losses))
    weights, kernels = named_weights(net.graph, model), kernels_of(net.graph)
    stages = [
        Optimization(objective(step.losses, net.graph), optimizer(step.optimizer, weights, kernels))
        for step in steps_of(plan)
    ]

    phase = plan.phases[0]
    # A phase counts epochs, or steps: the schedule goes by the same.
    unit = 1 if phase.steps else batch_count(len(split), plan.batch)
    number = 0
    yield number
    while number < iterations:
        order = torch.Generator().manual_seed(derived(seed, number, "order"))
        chance = torch.Generator().manual_seed(derived(seed, number, "augment"))
        for rows in batches(order_of(split, order), plan.batch):
            samples, label = split.batch(rows)
            images, label = augment_both(fitted.shape_for_training(samples), label, fitted.sized(plan.augment), chance,
                                         ignored_label(plan))
            inputs = fitted.normalise(images)
            for stage in stages:
                set_rate(stage.optimizer, phase.lr, number / unit, phase.length)
                stepper(stage, inputs, label)

            number += 1
            yield number
            # In the middle of an epoch too: a search compares candidates after the same number of iterations.
            if number == iterations:
                return
