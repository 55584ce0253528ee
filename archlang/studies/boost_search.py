"""The search for small kernels: candidates are trained briefly, and the one whose positions differ most wins."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch

from archlang.compiler import compile as compile_network
from archlang.compiler import loads
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.graph.network import Network
from archlang.kernels import Extent, Window, candidates
from archlang.studies.positions import dispersion, equivalent_kernels, maps_by_size
from archlang.train.augment import augment
from archlang.train.fitting import fit_to
from archlang.train.objective import objective, scores_port
from archlang.train.optim import optimizer, set_rate
from archlang.train.phasing import named_weights
from archlang.train.planning import batch_count, batches, derived, plan_of, steps_of
from archlang.train.sources import find
from archlang.train.stepping import Stage, Stepper
from archlang.transform import PBConv, apply
from archlang.transform.pbconv import sites

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


def sizes_of(net: Network) -> tuple[Extent, ...]:
    """The kernel sizes that can be boosted, in order. Raises ArchError (pass-does-not-apply) where there are none."""
    found = sorted({size for site in sites(net).values() for size in site.sizes})
    if not found:
        raise ArchError(error("pass-does-not-apply", "this network has no convolution with a kernel larger than 1x1"))
    return tuple(found)


def proposals(net: Network, settings: Settings) -> list[Trial]:
    """The candidates of a search: for each kernel size a different one, as far as there are so many."""
    columns: dict[str, list[str]] = {}
    for size in sizes_of(net):
        made = [written(w) for _, w in candidates(size, settings.candidates, settings.seed, settings.types,
                                                  settings.rules)]
        columns[f"{size[0]}x{size[1]}"] = list(islice(cycle(made), settings.candidates))
    return [Trial(i, {size: made[i] for size, made in columns.items()}) for i in range(settings.candidates)]


def written(windows: Sequence[Window]) -> str:
    """Small kernels as the language writes them."""
    return "[" + ", ".join(map(str, windows)) + "]"


def boosted(net: Network, kernels: Mapping[str, str]) -> Network:
    """The network with these small kernels."""
    return apply(net, PBConv(kernels="; ".join(kernels.values())))


# --- one trial -------------------------------------------------------------------------------------------------------


def run_trial(net: Network, data: object, trial: Trial, settings: Settings) -> Trial:
    """Train a candidate for some iterations as its file says. What goes wrong is told in the trial, not raised."""
    began, threads = time.perf_counter(), torch.get_num_threads()
    torch.set_num_threads(1)  # the same numbers, however many candidates run at a time
    try:
        done = _trained(boosted(net, trial.kernels), data, trial, settings)
    except Exception as problem:  # one failing candidate must not stop the rest
        said = str(problem).splitlines() or [type(problem).__name__]
        return replace(trial, failed=one_line(said[0], 200), seconds=time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return replace(done, seconds=time.perf_counter() - began)


def _trained(net: Network, data: object, trial: Trial, settings: Settings) -> Trial:
    model = compile_network(net, seed=settings.seed)
    trace: list[tuple[int, Mapping[str, float]]] = []
    every = max(1, settings.iterations // POINTS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived(settings.seed, 0, "model"))
        for number in _steps(net, model, data, settings):
            if number % every == 0 or number == settings.iterations:
                trace.append((number, _scores(model, net)))
    maps = maps_by_size(equivalent_kernels(model, net.graph))
    means = {f"{r}x{c}": torch.stack(list(m.values())).mean(0).tolist() for (r, c), m in maps.items()}
    return replace(trial, scores=trace[-1][1], maps=means, trace=trace)


def _scores(model: torch.nn.Module, net: Network) -> dict[str, float]:
    maps = maps_by_size(equivalent_kernels(model, net.graph))
    return {f"{r}x{c}": dispersion(list(found.values())) for (r, c), found in maps.items()}


def _steps(net: Network, model: torch.nn.Module, data: object, settings: Settings) -> Iterator[int]:
    """One optimisation step after the other by the file's first phase; gives how many are done, 0 first."""
    plan, found = plan_of(net), find(data)
    fitted = fit_to(net.graph, found.train)
    losses = tuple(loss for step in steps_of(plan) for loss in step.losses)
    stepper = Stepper(model.train(), net.graph, scores_port(net.graph, losses))
    weights = named_weights(net.graph, model)
    stages = [Stage(objective(s.losses, net.graph), optimizer(s.optimizer, weights)) for s in steps_of(plan)]
    phase = plan.phases[0]
    unit = 1 if phase.steps else batch_count(len(found.train), plan.batch)
    number = 0
    yield number
    while number < settings.iterations:
        order, chance = (torch.Generator().manual_seed(derived(settings.seed, number, u)) for u in ("order", "augment"))
        for rows in batches(len(found.train), plan.batch, order):
            samples, label = found.train.batch(rows)
            inputs = fitted.normalise(augment(fitted.shape(samples), plan.augment, chance))
            for stage in stages:
                set_rate(stage.optimizer, phase.lr, number / unit, phase.length)
                stepper(stage, inputs, label)
            number += 1
            yield number
            if number == settings.iterations:
                return


def _remote(text: str, data: str, trial: Trial, settings: Settings) -> Trial:
    return run_trial(loads(text), data, trial, settings)


# --- all trials ------------------------------------------------------------------------------------------------------


def search(net: Network, data: str, settings: Settings, *, jobs: int = 1, journal: Path | None = None,
           resume: bool = False, told: Callable[[Trial], None] = lambda trial: None) -> list[Trial]:
    """Run all candidates, `jobs` at a time in processes of their own; the trials in order, failed ones among them.

    With a `journal` each finished trial is written down at once, and with `resume` those that stand there are not run
    again. Raises ArchError: run-exists, usage (the journal of another search), and what the file or the data lack.
    """
    plan_of(net)
    find(data)
    waiting = proposals(net, settings)
    header = _header(net, data, settings)
    done = {t.number: t for t in (_read(journal, header) if resume and journal is not None else ()) if not t.failed}
    if journal is not None and not done:
        if journal.exists() and not resume:
            raise ArchError(error("run-exists", f"{str(journal)!r} holds a search that was not finished",
                                  help="go on with `--resume`, or remove the file"))
        journal.write_text(header + "\n", encoding="utf-8")
    for trial in _run([t for t in waiting if t.number not in done], net, data, settings, jobs):
        done[trial.number] = trial
        if journal is not None:
            with journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trial)) + "\n")
        told(trial)
    return [done[trial.number] for trial in waiting]


def _run(waiting: Sequence[Trial], net: Network, data: str, settings: Settings, jobs: int) -> Iterator[Trial]:
    if jobs <= 1:
        yield from (run_trial(net, data, trial, settings) for trial in waiting)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        running: dict[Future[Trial], Trial] = {
            pool.submit(_remote, net.text, data, trial, settings): trial for trial in waiting
        }
        for future in as_completed(running):
            try:
                yield future.result()
            except Exception as problem:  # the process itself is gone
                yield replace(running[future], failed=one_line(f"its process ended: {problem}", 200))


def _header(net: Network, data: str, settings: Settings) -> str:
    digest = hashlib.sha256(net.text.encode()).hexdigest()
    return json.dumps({"archlang": 1, "network": digest, "data": data, **asdict(settings)}, sort_keys=True)


def _read(journal: Path, header: str) -> list[Trial]:
    try:
        first, *lines = journal.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    if first != header:
        raise ArchError(error("usage", f"{str(journal)!r} is the journal of another search",
                              help="the network, the data and the options must be the same to go on"))
    found: list[Trial] = []
    for line in lines:
        try:
            values: dict[str, Any] = json.loads(line)
            found.append(Trial(**values))
        except (ValueError, TypeError):
            continue  # a line that was cut off when the search was interrupted
    return found


def ranked(trials: Sequence[Trial], size: str) -> list[Trial]:
    """The trials that succeeded, the largest dispersion of a kernel size first."""
    return sorted((t for t in trials if not t.failed), key=lambda t: -t.scores[size])


def winner(net: Network, trials: Sequence[Trial]) -> Network:
    """The network with the best kernels of each size. Raises ArchError (diverged) where every candidate failed."""
    if all(t.failed for t in trials):
        raise ArchError(error("diverged", f"no candidate could be trained: {trials[0].failed}"))
    return boosted(net, {size: ranked(trials, size)[0].kernels[size] for size in trials[0].kernels})
