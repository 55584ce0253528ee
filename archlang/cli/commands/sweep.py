"""`archlang sweep FILE --data NAME --trials N`: dials and settings that are best on samples held back."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archlang.cli.files import ending, open_network, write
from archlang.cli.options import data, device, formats, reading, refuse, searched_settings, seed
from archlang.cli.progress import many
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics import ArchError

if TYPE_CHECKING:
    from archlang.comparison.ranges import Searched
    from archlang.comparison.search import SearchDesign, SearchTrial, Sweep
    from archlang.elaborate.network import Network

SHOWN = 10
"""Proposals that are listed, the best ones."""


@click.command("sweep", short_help="Search dials and settings.")
@click.argument("file", metavar="FILE")
@data
@click.option("--trials", type=click.IntRange(1, 10**6), default=20, show_default=True, metavar="N",
              help="How many proposals are tried, those of an earlier call and of other processes counted.")
@searched_settings
@click.option("--figure", metavar="NAME", default="loss", show_default=True,
              help="What is to be best: loss, accuracy, or a metric that the file names.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Train each proposal from the seeds 0 to N - 1; their mean counts.")
@click.option("--epochs", type=click.IntRange(1, 10**6), metavar="N", help="Epochs of each (default: the file's).")
@seed
@click.option("--run", "folder", metavar="FOLDER", help="Where to keep the search (default: studies/sweep-NAME).")
@click.option("--storage", metavar="URL",
              help="A database that optuna opens, such as postgresql://..., for many machines (default: a journal in "
                   "the folder).")
@click.option("--csv", "table_file", metavar="FILE.csv", help="Where to write a line for each trial.")
@device
@formats("human", "json")
@reading
@click.pass_obj
@slow("searching")
def command(session: Session, file: str, data: str, trials: int, settings: Mapping[str, str], figure: str, seeds: int,
            epochs: int | None, seed: int, folder: str | None, storage: str | None, table_file: str | None,
            device: str, dials: Mapping[str, str]) -> None:
    """Search the dials and the settings of `train` that FILE does best with.

    -p width=4..64 gives a dial a range, --set optimizer.lr=1e-4..0.1:log a setting one by its logarithm, and
    -p by=mean,max a choice. Each proposal is judged on the validation part of the data, or on a fifth of the training
    part that is held back; the test part is not looked at. The same command goes on with a search, and in several
    processes works at it together.
    """
    ending(table_file, ".csv")
    design = _design(session, file, dials, settings, data, seeds, epochs, figure, device, seed)
    from archlang.comparison.search import Sweep
    from archlang.ops import catalogue_with
    from archlang.train.data.sources import find

    where = Path(folder or f"studies/sweep-{Path(file).stem}")
    # The data first: a mistake must not leave a folder behind.
    found = find(data)
    work = Sweep(design, found, where, catalogue_with(session.plugins), storage)

    def told(trial: SearchTrial) -> None:
        session.note(_line(trial, design.figure))
        session.line(len(work.trials()), trials)

    session.note(f"{many(trials, 'trial')}, {len(work.trials())} done; the search is kept in {where}")
    try:
        work.work(trials, told)
    except KeyboardInterrupt:
        session.note("what was done is kept; the same command goes on with it")
        raise
    _tell(session, work, file, data, table_file)


def _design(session: Session, file: str, asked: Mapping[str, str], settings: Mapping[str, str], data: str, seeds: int,
            epochs: int | None, figure: str, device: str, seed: int) -> SearchDesign:
    """Check what is searched, before anything is trained."""
    from archlang.comparison.ranges import searched

    of_dials = {name: searched(name, text) for name, text in asked.items()}
    of_settings = {name: searched(name, text) for name, text in settings.items()}
    if not of_dials and not of_settings:
        raise refuse("nothing to search: give a range, as in `-p width=4..64` or `--set optimizer.lr=1e-4..0.1:log`")
    both = sorted(set(of_dials) & set(of_settings))
    if both:
        raise refuse(f"`{both[0]}` is given as a dial and as a setting: one name stands for one of them")

    from archlang.comparison.search import SearchDesign
    from archlang.comparison.table import require_figure
    from archlang.train.optimization.planning import plan_of
    from archlang.train.processes.devices import place

    network = open_network(session, file, {})
    tried = _tried(session, file, of_dials, of_settings)
    plan_of(tried)
    place(device)
    require_figure(figure, [tried])
    return SearchDesign(network.text, of_dials, of_settings, data, figure, tuple(range(seeds)), epochs, device, seed)


def _tried(session: Session, file: str, dials: Mapping[str, Searched], settings: Mapping[str, Searched]) -> Network:
    """The network with the last value of each, or the first: a name that is none is told before anything is trained.

    Raises `ArchError` where it takes neither.
    """
    try:
        return open_network(session, file, *({name: space.ends[1] for name, space in asked.items()}
                                             for asked in (dials, settings)))
    except ArchError:
        # One value may be wrong where others are right: heads do not divide every width.
        return open_network(session, file, *({name: space.ends[0] for name, space in asked.items()}
                                             for asked in (dials, settings)))


def _line(trial: SearchTrial, figure: str) -> str:
    """A trial in words."""
    given = ", ".join(f"{name}={value}" for name, value in trial.given.items())
    if trial.value is None:
        return f"trial {trial.number}: {given}: failed ({trial.reason})"
    return f"trial {trial.number}: {given}: {figure} {trial.value:.4f}"


def _tell(session: Session, work: Sweep, file: str, data: str, table_file: str | None) -> None:
    """The best trials, and what trains the first of them on all that there is to train on."""
    ranked, design = work.ranked(), work.design
    names = [*design.dials, *design.settings]
    if table_file is not None:
        write(session, table_file, _as_csv(work.trials(), names, design.figure).encode())
    if table_file == "-":  # standard output holds that, and nothing else
        return
    if session.format == "json":
        session.document({
            "figure": design.figure,
            "trials": [asdict(trial) for trial in work.trials()], "best": [trial.number for trial in ranked[:SHOWN]],
        })
        return

    failed = [trial for trial in work.trials() if trial.value is None]
    if not ranked:
        session.data(f"no trial has a {design.figure}: {many(len(failed), 'trial')} failed")
        return
    session.data(_as_text(ranked[:SHOWN], names, design.figure))
    if failed:
        session.data(f"{many(len(failed), 'trial')} failed, the last with {failed[-1].reason}")
    best = ranked[0].given
    words = ["archlang", "train", file, "--data", data]
    words += [word for name in design.dials for word in ("-p", f"{name}={best[name]}")]
    words += [word for name in design.settings for word in ("--set", f"{name}={best[name]}")]
    session.data(f"train the best on all samples: {shlex.join(words)}")


def _as_text(trials: Sequence[SearchTrial], names: Sequence[str], figure: str) -> str:
    rows = [("trial", figure, *names)]
    rows += [(str(t.number), f"{t.value:.4f}", *(t.given[name] for name in names)) for t in trials]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _as_csv(trials: Sequence[SearchTrial], names: Sequence[str], figure: str) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["trial", figure, *names, "reason"])
    for trial in trials:
        # Python's csv writes nothing for None, and every digit of a number.
        lines.writerow([trial.number, trial.value, *(trial.given.get(name, "") for name in names), trial.reason])
    return text.getvalue()
