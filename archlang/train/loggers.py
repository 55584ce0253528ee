"""Loggers by their names: those of W&B, trackio and MLflow, by their own packages, and those of plug-ins.

A plug-in offers one by an entry point of the group `archlang.loggers`: something that, called without arguments, gives
a `Progress`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.train.data.user_code import words_of
from archlang.train.loop.progress import Beat, Epoch, Outline, Progress

GROUP = "archlang.loggers"


class NumberLogger(Progress, ABC):
    """Hands the settings of a training, and the numbers of its steps and epochs, to what `begin` and `log` name."""

    def __init__(self, package: str) -> None:
        self.package = _package(package)
        self.done = 0

    def start(self, outline: Outline) -> None:
        """Begin a run of the network's name."""
        # Plain numbers and texts: packages send them elsewhere.
        facts = asdict(outline)
        facts.pop("run")
        folder = None
        if outline.run is not None:
            folder = outline.run.folder.name
        self.begin(folder or outline.network, facts)

    def step(self, beat: Beat) -> None:
        """Log the loss, accuracy and rate of a step."""
        self.log(_numbers({"step/loss": beat.loss, "step/accuracy": beat.accuracy, "step/lr": beat.lr}), beat.done)
        self.done = beat.done

    def epoch(self, epoch: Epoch, best: bool) -> None:
        """Log every number of an epoch, at the step that it ends with."""
        row = {f"epoch/{name}": value for name, value in epoch.row().items()}
        self.log(_numbers({**row, "epoch/best": best}), self.done)

    @abstractmethod
    def begin(self, name: str, facts: Mapping[str, Any]) -> None:
        """Begin a run."""

    @abstractmethod
    def log(self, numbers: Mapping[str, float], step: int) -> None:
        """Log some numbers."""


class InitLogger(NumberLogger):
    """A package with `init`, `log` and `finish`: W&B, and trackio, which has the same ones."""

    def begin(self, name: str, facts: Mapping[str, Any]) -> None:
        """Begin a run in the project of the network."""
        self.package.init(project=facts["network"], name=name, config=dict(facts))

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        """Log some numbers."""
        self.package.log(dict(numbers), step=step)

    def end(self) -> None:
        """End the run."""
        self.package.finish()


class MlflowLogger(NumberLogger):
    """MLflow, by its functions over the active run."""

    def begin(self, name: str, facts: Mapping[str, Any]) -> None:
        """Begin a run in the experiment of the network."""
        self.package.set_experiment(facts["network"])
        self.package.start_run(run_name=name)
        self.package.log_params(dict(facts))

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        """Log some numbers."""
        self.package.log_metrics(dict(numbers), step=step)

    def end(self) -> None:
        """End the run."""
        self.package.end_run()


BUILT_IN: Mapping[str, Callable[[], Progress]] = {
    "wandb": lambda: InitLogger("wandb"),
    "trackio": lambda: InitLogger("trackio"),
    "mlflow": lambda: MlflowLogger("mlflow"),
}


def logger(name: str) -> Progress:
    """The logger of a name. Raises `ArchError`: unknown-name, missing-tool, bad-plugin."""
    if name in BUILT_IN:
        return BUILT_IN[name]()

    plugins = {point.name: point for point in entry_points(group=GROUP)}
    shown = one_line(name, 60)
    if name not in plugins:
        known = (*BUILT_IN, *plugins)
        help = (*did_you_mean(name, known), f"there are {', '.join(known)}")
        raise ArchError(error("unknown-name", f"there is no logger `{shown}`", help=help))

    try:
        made = plugins[name].load()()
    except ArchError:
        raise
    except Exception as problem:  # whatever a plug-in does
        raise ArchError(error("bad-plugin", f"the logger `{shown}` failed: {words_of(problem)}")) from None
    if not isinstance(made, Progress):
        raise ArchError(error("bad-plugin", f"the logger `{shown}` is no `Progress`"))
    return made


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        message = f"the package `{name}` is not installed"
        raise ArchError(error("missing-tool", message, help=f"pip install {name}")) from None


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those of some values that are numbers."""
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
