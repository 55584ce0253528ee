"""The position search for any torch model: candidates are trained by a function of the user's, and ranked."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import cycle, islice

import torch
from torch import nn

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.kernels import Extent, Window, candidates
from archlang.layers.chance import kept_generators
from archlang.studies.pbconv.boosting import boost, boostable
from archlang.studies.pbconv.equivalent import model_kernels, model_scores, named
from archlang.studies.pbconv.modules import Gamma
from archlang.studies.pbconv.positions import maps_by_size
from archlang.studies.pbconv.search import ranked, written
from archlang.studies.pbconv.trial import POINTS, Trial

Step = Callable[[nn.Module], Iterable[object]]
"""Trains a model: given it, something to iterate over, each turn of which is one step."""

Kernels = Mapping[Extent, tuple[Window, ...]]


@dataclass(frozen=True, eq=False)
class Search:
    """The result of a search.

    Args:
        trials: every candidate with its scores, in order; those that failed say why.
        kernels: the small kernels of the best candidate, for each kernel size.
        model: a copy of the model that was given, boosted with them and not trained yet.
    """

    trials: tuple[Trial, ...]
    kernels: Kernels
    model: nn.Module = field(repr=False)


def search(
    model: nn.Module, step: Step, candidates: int = 10, *, iterations: int = 100, seed: int = 0,
    types: int | None = None, rules: str = "full", gamma: Gamma = "one",
    device: str | torch.device | None = None,
) -> Search:
    """Search small kernels for the convolutions of any torch model.

    Each candidate is boosted, trained, and judged by the dispersion of its positions: the standard deviation, over the
    positions, of the mean map of eq. 1 (PBConv, section 4.3), taken over the layers of one kernel size. Each size gets
    the candidate with the largest.

    Args:
        model: any module that torch.fx traces, or a graph; it stays as it is.
        step: called with each candidate in training mode; each turn of what it gives is one step of training. A
            generator function makes an optimiser first, then yields after every step.
        candidates: how many are tried.
        iterations: the steps that each is trained for.
        seed: the seed of candidates, of their new weights, and of torch's own generator while they train.
        types: the number of shapes in a candidate; one to three if None.
        rules: how small kernels are placed, as for `pbconv`.
        gamma: what the norms of new branches start with; `one` lets them begin as they fall.
        device: where candidates are trained; where the model is, if None.

    Raises `ArchError`: pass-does-not-apply (nothing to boost), out-of-range, not-traceable, diverged (every candidate
    failed).
    """
    if candidates < 1 or iterations < 1:
        raise ArchError(error("out-of-range", "a search has at least one candidate and one iteration"))

    proposed = _proposals(model, candidates, seed, types, rules)
    trials = []
    for number, kernels in enumerate(proposed):
        trial = Trial(number, {named(size): written(windows) for size, windows in kernels.items()})
        trials.append(_tried(model, step, trial, kernels, iterations, seed, gamma, device))

    fine = [trial for trial in trials if not trial.failed]
    if not fine:
        raise ArchError(error("diverged", f"no candidate could be trained: {trials[0].failed}"))
    best = {size: proposed[ranked(trials, named(size))[0].number][size] for size in proposed[0]}
    return Search(tuple(trials), best, _boosted(model, best, seed, gamma, device))


def _proposals(model: nn.Module, count: int, seed: int, types: int | None, rules: str) -> list[Kernels]:
    """The candidates: for each kernel size of the model a different one, as far as there are so many."""
    sizes = sorted({_size(model.get_submodule(name)) for name in boostable(model)})
    if not sizes:
        # `boost` names every convolution that it would leave, and why.
        boost(model)

    columns: dict[Extent, list[tuple[Window, ...]]] = {}
    for size in sizes:
        try:
            found = [windows for _, windows in candidates(size, count, seed, types, rules)]
        except ValueError as problem:
            raise ArchError(error("out-of-range", f"{problem}, so `types` cannot be {types}")) from None
        # A small kernel has few candidates: they come round again, beside others of the larger sizes.
        columns[size] = list(islice(cycle(found), count))
    return [{size: found[i] for size, found in columns.items()} for i in range(count)]


def _size(conv: nn.Module) -> Extent:
    """Rows and columns of a convolution's kernel; a line has one row."""
    *rows, columns = conv.kernel_size  # type: ignore[misc]  # a convolution has one
    return (rows or [1])[0], columns


def _boosted(
    model: nn.Module, kernels: Kernels, seed: int, gamma: Gamma, device: str | torch.device | None
) -> nn.Module:
    """A boosted copy on a device, its new weights drawn by the seed alone."""
    with kept_generators():
        torch.manual_seed(seed)
        made = boost(copy.deepcopy(model), kernels=kernels, gamma=gamma)
    if device is not None:
        made = made.to(device)
    return made


def _tried(
    model: nn.Module, step: Step, trial: Trial, kernels: Kernels, iterations: int, seed: int, gamma: Gamma,
    device: str | torch.device | None,
) -> Trial:
    """Train a candidate. What goes wrong in the user's function is told in the trial, not raised."""
    began = time.perf_counter()
    made = _boosted(model, kernels, seed, gamma, device).train()
    trace = [(0, model_scores(made))]
    every = max(1, iterations // POINTS)

    done = 0
    # Dropout and augmentation draw from torch's own generator: the caller's draws stay as they would have been.
    with kept_generators():
        torch.manual_seed(seed)
        try:
            for done, _ in enumerate(islice(step(made), iterations), 1):
                if done % every == 0 or done == iterations:
                    trace.append((done, model_scores(made)))
        except ArchError:
            raise
        except Exception as problem:  # one failing candidate must not stop the rest
            said = str(problem).splitlines() or [type(problem).__name__]
            return replace(trial, failed=one_line(said[0], 200), seconds=time.perf_counter() - began)

    seconds = time.perf_counter() - began
    # Candidates are compared after the same number of steps, or not at all.
    if done < iterations:
        return replace(trial, failed=f"`step` gave {done} steps of {iterations}", seconds=seconds)
    scores = trace[-1][1]
    if not all(score == score and abs(score) != float("inf") for score in scores.values()):
        return replace(trial, failed="its kernels are not finite any more", seconds=seconds)

    means = {named(size): torch.stack(list(layers.values())).mean(0).tolist()
             for size, layers in maps_by_size(model_kernels(made)).items()}
    return replace(trial, scores=scores, starts=trace[0][1], each=(scores,), maps=means, trace=trace, seconds=seconds)
