"""The figures of trainings, read from the logs of their run folders."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line

USUAL = ("train_loss", "test_loss", "validation_loss", "train_accuracy", "test_accuracy", "validation_accuracy")
"""Figures that are drawn where none are asked for."""


@dataclass(frozen=True)
class TrainingLog:
    """A run's `log.csv`: its folder, the number of each epoch, and its columns of numbers (None: no figure there)."""

    folder: str
    epochs: tuple[int, ...]
    figures: dict[str, list[float | None]]

    def course(self, name: str) -> list[tuple[float, float]]:
        """The epochs that have a figure, and the figure; none for a figure that the run has not."""
        values = self.figures.get(name, [])
        return [(epoch, value) for epoch, value in zip(self.epochs, values, strict=False) if value is not None]


def log_of(folder: str) -> TrainingLog:
    """Read the log of a run folder. Raises `ArchError` (unreadable-file)."""
    path = Path(folder) / "log.csv"
    shown = one_line(str(path), 200)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError) as problem:
        said = (getattr(problem, "strerror", None) or str(problem)).lower()
        raise ArchError(error("unreadable-file", f"cannot read `{shown}`: {said}",
                              help="`archlang train` leaves it in the folder of each run")) from None

    try:
        epochs = tuple(int(row["epoch"]) for row in rows)
    except (KeyError, TypeError, ValueError):
        raise ArchError(error("unreadable-file", f"`{shown}` is no log of a training")) from None
    if not rows:
        raise ArchError(error("unreadable-file", f"`{shown}` has no epoch yet"))

    figures = {}
    for name in rows[0]:
        values = [_number(row[name]) for row in rows]
        # Columns of words, such as the phase, have no curve.
        if name != "epoch" and any(value is not None for value in values):
            figures[name] = values
    return TrainingLog(folder, epochs, figures)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def shared(logs: Sequence[TrainingLog], wanted: Sequence[str]) -> tuple[str, ...]:
    """The figures to show: those wanted, else the usual ones that some run has. Raises `ArchError` (unknown-name)."""
    known = list(dict.fromkeys(name for log in logs for name in log.figures))
    for name in wanted:
        if name not in known:
            help = [*did_you_mean(name, known), f"there are {', '.join(known)}"]
            raise ArchError(error("unknown-name", f"no run has a figure `{one_line(name, 80)}`", help=help))
    return tuple(wanted) or tuple(name for name in USUAL if name in known)
