"""A search over dials and settings: optuna proposes, a training judges on samples that it was not trained on.

The test part is never looked at. What is proposed is judged on the validation part of the data, or, where it has none,
on a fifth of the training part that is held back.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from archlang.atomic import unwritable
from archlang.comparison.ranges import Searched, SearchRange
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network, configured, loads
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import MetricFacts
from archlang.ops.model import Catalogue
from archlang.train import evaluate, fit
from archlang.train.data.splits import TEST_SHARE, Data, Split
from archlang.train.data.windows import Windows

if TYPE_CHECKING:
    import optuna

JOURNAL, RUNS = "search.journal", "trials"

DESIGN, FIGURES, REASON = "design", "figures", "reason"
"""Names under which optuna keeps what archlang writes beside its own."""


@dataclass(frozen=True)
class SearchDesign:
    """A search.

    text      the network, as text that needs no other file
    dials     what is searched of its dials, by name
    settings  what is searched of its `train { }`, by name
    data      the data, by name
    figure    what is to be best: accuracy, loss, or a metric that the file names
    seeds     the seeds that each proposal is trained from; their mean counts
    epochs    epochs of each training; None as the file says
    device    where it is computed
    seed      of the proposals, and of what is held back
    """

    text: str
    dials: Mapping[str, Searched]
    settings: Mapping[str, Searched]
    data: str
    figure: str
    seeds: tuple[int, ...] = (0,)
    epochs: int | None = None
    device: str = "auto"
    seed: int = 0

    def as_text(self) -> str:
        """Everything that decides on a result, as text: two that search together must have the same."""
        return json.dumps({name: repr(value) for name, value in vars(self).items()}, sort_keys=True)


@dataclass(frozen=True)
class SearchTrial:
    """A proposal: its number, what it gave each name, and its figure; `reason` is why it has none."""

    number: int
    given: Mapping[str, str]
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Subset:
    """Some samples of a split, by their numbers there."""

    split: Split
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples by index, as the whole split gives them."""
        return self.split.batch([self.rows[i] for i in indices])


def judged_apart(data: Data, seed: int) -> Data:
    """Data whose test part is what proposals are judged on: the validation part, or a fifth of the training part."""
    if data.validation is not None:
        return replace(data, test=data.validation, validation=None)

    # Text is cut in two: windows drawn from all over would show the rest of what was learned.
    if isinstance(data.train, Windows):
        cut = len(data.train.tokens) - round(TEST_SHARE * len(data.train.tokens))
        return replace(data, train=Windows(data.train.tokens[:cut]), test=Windows(data.train.tokens[cut:]))

    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed)).tolist()
    held = max(1, round(TEST_SHARE * len(order)))
    train, judged = Subset(data.train, tuple(sorted(order[held:]))), Subset(data.train, tuple(sorted(order[:held])))
    return replace(data, train=train, test=judged)


def is_higher_better(network: Network, figure: str) -> bool:
    """Tell whether more of a figure is better."""
    if figure in ("accuracy", "loss"):
        return figure == "accuracy"
    if network.graph.plan is None:
        return True
    named = (metric for metric in network.graph.plan.metrics if str(metric) == figure)
    return next((facts_of(metric, MetricFacts).higher for metric in named), True)


class Sweep:
    """A search in a folder, which any number of processes may work at.

    Raises `ArchError`: missing-tool without optuna, run-differs where the folder holds another search, usage for a
    storage that cannot be opened, unwritable-output.
    """

    def __init__(self, design: SearchDesign, data: Data, folder: Path, catalogue: Catalogue,
                 storage: str | None = None) -> None:
        self.design, self.folder, self.catalogue = design, folder, catalogue
        self.data = judged_apart(data, design.seed)
        self.study = _opened(design, self._network({}, {}), folder, storage)

    def work(self, trials: int, told: Callable[[SearchTrial], None]) -> None:
        """Try proposals until there are so many with an end, those of others counted; `told` hears of each."""
        while len(self.trials()) < trials:
            told(self._try())

    def trials(self) -> list[SearchTrial]:
        """Every proposal that has an end, in the order in which they were made."""
        from optuna.trial import TrialState

        ended = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL))
        return [found for found in map(_read, ended) if found.reason != "interrupted"]

    def ranked(self) -> list[SearchTrial]:
        """Proposals that have a figure, the best first; of equal ones the earlier."""
        found = [(trial.value, trial) for trial in self.trials() if trial.value is not None]
        # Sorting keeps the order of what is equal, so that the earlier stays in front.
        found.sort(key=lambda pair: pair[0], reverse=is_higher_better(self._network({}, {}), self.design.figure))
        return [trial for _, trial in found]

    def _try(self) -> SearchTrial:
        from optuna.trial import TrialState

        trial = self.study.ask()
        # Begun anew for each proposal: a search that is gone on with proposes what it would have.
        self.study.sampler = _sampler(self.design.seed, trial.number)
        dials = {name: _proposed(trial, name, space) for name, space in self.design.dials.items()}
        settings = {name: _proposed(trial, name, space) for name, space in self.design.settings.items()}
        trial.set_user_attr("given", {**dials, **settings})

        try:
            value = self._judged(trial.number, dials, settings)
        except KeyboardInterrupt:
            trial.set_user_attr(REASON, "interrupted")
            self.study.tell(trial, state=TrialState.FAIL)
            raise
        except ArchError as problem:
            # A width that heads do not divide, a rate that diverges: the search goes on without it.
            first = problem.diagnostics[0]
            trial.set_user_attr(REASON, f"{first.name}: {one_line(first.message, 200)}")
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, value)
        return next(found for found in self.trials() if found.number == trial.number)

    def _judged(self, number: int, dials: Mapping[str, str], settings: Mapping[str, str]) -> float:
        """The mean of a proposal's figure over the seeds. Raises ArchError."""
        network = self._network(dials, settings)
        values = []
        for seed in self.design.seeds:
            run = self.folder / RUNS / f"{number}-{seed}"
            found = fit(network, self.data, run=run, seed=seed, epochs=self.design.epochs, device=self.design.device)
            seen = evaluate(found.model, self.data, device=self.design.device)
            figures = {"loss": seen.loss, "accuracy": seen.accuracy, **seen.metrics}
            value = figures.get(self.design.figure)
            if value is None or not math.isfinite(value):
                raise ArchError(error("diverged", f"it has no {self.design.figure} that is a number"))
            values.append(float(value))
        return sum(values) / len(values)

    def _network(self, dials: Mapping[str, str], settings: Mapping[str, str]) -> Network:
        return configured(loads(self.design.text, dials, catalogue=self.catalogue), settings)


def _proposed(trial: optuna.Trial, name: str, space: Searched) -> str:
    """A value as it is written in a file."""
    if not isinstance(space, SearchRange):
        return str(trial.suggest_categorical(name, space.values))
    if space.whole:
        return str(trial.suggest_int(name, int(space.low), int(space.high), log=space.log))
    # Six digits tell any two rates apart, and can be typed again.
    return f"{trial.suggest_float(name, space.low, space.high, log=space.log):.6g}"


def _read(trial: optuna.trial.FrozenTrial) -> SearchTrial:
    return SearchTrial(trial.number, trial.user_attrs.get("given", {}), trial.value, trial.user_attrs.get(REASON, ""))


def _sampler(seed: int, number: int) -> optuna.samplers.BaseSampler:
    """The sampler of one proposal."""
    from optuna.samplers import TPESampler

    # Mixed: the first numbers that neighbouring seeds draw lie close together.
    mixed = hashlib.sha256(f"{seed} {number}".encode()).digest()[:4]
    return TPESampler(seed=int.from_bytes(mixed))


def _opened(design: SearchDesign, network: Network, folder: Path, storage: str | None) -> optuna.Study:
    with _loaded():
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

    # Its own lines would stand between ours.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise unwritable(folder, problem) from None

    kept: Any = storage
    if storage is None:
        kept = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    direction: Literal["minimize", "maximize"] = "minimize"
    if is_higher_better(network, design.figure):
        direction = "maximize"
    try:
        study = optuna.create_study(storage=kept, study_name="archlang", direction=direction,
                                    sampler=_sampler(design.seed, 0), load_if_exists=True)
    except Exception as problem:  # what a database says is its driver's own
        where, why = one_line(storage or str(folder), 120), one_line(str(problem), 200)
        raise ArchError(error("usage", f"the storage `{where}` cannot be opened: {why}")) from None

    known = study.user_attrs.get(DESIGN)
    if known is None:
        study.set_user_attr(DESIGN, design.as_text())
    elif known != design.as_text():
        differs = [name for name, value in json.loads(known).items() if json.loads(design.as_text()).get(name) != value]
        raise ArchError(error("run-differs", f"the folder holds another search: {', '.join(differs)} differ",
                              help="name another with --run"))
    return study


@contextmanager
def _loaded() -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise ArchError(error("missing-tool", "a search needs optuna, which is not installed",
                              help='pip install "archlang[search]"')) from None
