"""The search for small kernels: candidates are trained briefly, and the one whose positions differ most wins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import cycle, islice
from pathlib import Path
from statistics import stdev
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.elaborate.network import Network
from archlang.kernels import Extent, Window, candidates
from archlang.studies.pbconv.trial import Settings, Trial, boosted, run_trial
from archlang.studies.pbconv.workers import in_processes
from archlang.train.data.sources import find
from archlang.train.optimization.planning import plan_of
from archlang.transform.pbconv import sites


class Audience:
    """Is told of a search; this one keeps it to itself."""

    def start(self, settings: Settings, sizes: Sequence[str], done: int) -> None:
        """It begins, for kernels of these sizes; so many candidates are done already."""

    def step(self, trial: Trial, done: int) -> None:
        """A candidate has done so many iterations."""

    def trial(self, trial: Trial) -> None:
        """A candidate is finished, or has failed."""


def sizes_of(net: Network) -> tuple[Extent, ...]:
    """The kernel sizes that can be boosted, in order. Raises ArchError (pass-does-not-apply) where there are none."""
    found = sorted({size for site in sites(net).values() for size in site.sizes})
    if not found:
        raise ArchError(error("pass-does-not-apply", "this network has no convolution with a kernel larger than 1x1"))
    return tuple(found)


def proposals(net: Network, settings: Settings) -> list[Trial]:
    """The candidates of a search: for each kernel size a different one, as far as there are so many.

    Raises ArchError: pass-does-not-apply, out-of-range (more types than there are smaller shapes).
    """
    columns: dict[str, list[str]] = {}
    for size in sizes_of(net):
        try:
            found = list(candidates(size, settings.candidates, settings.seed, settings.types, settings.rules))
        except ValueError as problem:
            raise ArchError(error("out-of-range", f"{problem}, so `types` cannot be {settings.types}")) from None
        texts = [written(windows) for _, windows in found]
        # A small kernel has few candidates: they come round again, beside others of the larger sizes.
        columns[f"{size[0]}x{size[1]}"] = list(islice(cycle(texts), settings.candidates))

    return [Trial(i, {size: texts[i] for size, texts in columns.items()}) for i in range(settings.candidates)]


def written(windows: Sequence[Window]) -> str:
    """Small kernels as the language writes them."""
    return "[" + ", ".join(map(str, windows)) + "]"


def search(net: Network, data: str, settings: Settings, *, jobs: int = 1, journal: Path | None = None,
           resume: bool = False, audience: Audience | None = None) -> list[Trial]:
    """Run all candidates, `jobs` at a time in processes of their own; the trials in order, failed ones among them.

    With a `journal` each finished trial is written down at once, and with `resume` those that stand there are not run
    again. Raises ArchError: run-exists, usage (the journal of another search), and what the file or the data lack.
    """
    # Both raise what the file or the data lack, before processes are started and a journal is begun.
    plan_of(net)
    find(data)

    waiting, told = proposals(net, settings), audience or Audience()
    done: dict[int, Trial] = {}
    if journal is not None:
        done = _begun(journal, _header(net, data, settings), resume)
    told.start(settings, tuple(waiting[0].kernels), len(done))

    for trial in _run([t for t in waiting if t.number not in done], net, data, settings, jobs, told):
        done[trial.number] = trial
        if journal is not None:
            with journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trial)) + "\n")
        told.trial(trial)

    return [done[trial.number] for trial in waiting]


def _run(waiting: Sequence[Trial], net: Network, data: str, settings: Settings, jobs: int,
         told: Audience) -> Iterator[Trial]:
    if jobs > 1:
        yield from in_processes(net.text, data, waiting, settings, min(jobs, len(waiting)), told.step)
        return
    for trial in waiting:
        yield run_trial(net, data, trial, settings, lambda done, trial=trial: told.step(trial, done))  # type: ignore[misc]  # bound now


# --- the journal -----------------------------------------------------------------------------------------------------


def _begun(journal: Path, header: str, resume: bool) -> dict[int, Trial]:
    """Read the candidates of a journal, without the failed ones; it is written anew without what was cut off."""
    # A failed trial is run again: what stopped it (memory, a killed process) may be gone.
    read = _read(journal, header) if resume else []
    done = {trial.number: trial for trial in read if not trial.failed}
    if journal.exists() and not resume:
        raise ArchError(error("run-exists", f"{str(journal)!r} holds a search that was not finished",
                              help="go on with `--resume`, or remove the file"))

    lines = [header, *(json.dumps(asdict(trial)) for trial in done.values())]
    # Beside it, then put in its place: an interruption here must not cost the trials that are written down.
    fresh = journal.with_name(f"{journal.name}.new")
    try:
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        fresh.replace(journal)
    except OSError as problem:
        raise ArchError(error("unwritable-output", f"{str(journal)!r} cannot be written: {problem.strerror}")) from None

    return done


def _header(net: Network, data: str, settings: Settings) -> str:
    # The text with its imports inside: a change in an imported file is another search too.
    digest = hashlib.sha256(net.text.encode()).hexdigest()
    return json.dumps({"archlang": 1, "network": digest, "data": data, **asdict(settings)}, sort_keys=True)


def _read(journal: Path, header: str) -> list[Trial]:
    try:
        first, *lines = journal.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        # No file, or one without a first line: nothing to go on from.
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


def agreement(trials: Sequence[Trial], size: str) -> float | None:
    """The correlation (Pearson) of the dispersions of a size before and after training; None for less than three
    candidates, or where either is the same for all.
    """
    fine = [trial for trial in trials if not trial.failed]
    # Through two points there is always a line.
    if len(fine) < 3:
        return None
    pairs = torch.tensor([[trial.starts[size], trial.scores[size]] for trial in fine], dtype=torch.float64).t()

    # Equal values have no deviation to divide by.
    if bool((pairs.std(1) == 0).any()):
        return None
    return float(torch.corrcoef(pairs)[0, 1])


def spread(trial: Trial, size: str) -> float | None:
    """The deviation of a dispersion over the seeds of a trial; None for one seed."""
    if len(trial.each) < 2:
        return None
    return stdev(scores[size] for scores in trial.each)


def ranked(trials: Sequence[Trial], size: str) -> list[Trial]:
    """The trials that succeeded, the largest dispersion of a kernel size first."""
    return sorted((t for t in trials if not t.failed), key=lambda t: -t.scores[size])


def winner(net: Network, trials: Sequence[Trial]) -> Network:
    """The network with the best kernels of each size. Raises ArchError (diverged) where every candidate failed."""
    if all(t.failed for t in trials):
        raise ArchError(error("diverged", f"no candidate could be trained: {trials[0].failed}"))
    return boosted(net, {size: ranked(trials, size)[0].kernels[size] for size in trials[0].kernels})
