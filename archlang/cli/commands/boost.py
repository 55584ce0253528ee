"""`archlang boost FILE --data NAME -o out.arch`: a search for position-boosted convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import PLOTS, deliver, ending, open_network, write, write_page
from archlang.cli.options import data, formats, output, reading, refuse
from archlang.cli.session import Session
from archlang.kernels import RULES

if TYPE_CHECKING:
    from archlang.studies.pbconv.trial import Trial
    from archlang.views.canvas.shapes import Page


@click.command("boost", short_help="Search for position-boosted convolutions.")
@click.argument("file", metavar="FILE")
@data
@click.option("--candidates", type=click.IntRange(1, 1000), default=10, metavar="N", help="Candidates (default: 10).")
@click.option("--iterations", type=click.IntRange(1, 10**7), default=100, metavar="N",
              help="Training steps of each candidate (default: 100).")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, metavar="J",
              help="Candidates at a time, each in a process (default: 1).")
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, metavar="N", help="The search's seed (default: 0).")
@click.option("--seeds", type=click.IntRange(1, 100), default=1, metavar="N",
              help="Trainings of each candidate, from different weights; its score is their mean (default: 1).")
@click.option("--types", type=click.IntRange(1, 48), metavar="T", help="Shapes in each candidate (default: 1-3).")
@click.option("--rules", type=click.Choice(RULES), default="full", help="How small kernels are placed (default: full).")
@click.option("--resume", is_flag=True, help="Go on with a search that was interrupted.")
@click.option("--plot", metavar="FILE", help="Where to draw the maps of positions and their dispersion.")
@output("Where to write the winner (default: standard output).")
@formats("human", "json")
@reading
@click.pass_obj
def command(session: Session, file: str, data: str, candidates: int, iterations: int, jobs: int, seed: int,
            seeds: int, types: int | None, rules: str, resume: bool, plot: str | None, output: str | None,
            dials: Mapping[str, str]) -> None:
    """Train candidates for small kernels briefly, rank them by the dispersion of their positions, write the winner.

    While it runs, what is finished stands in OUT.journal.jsonl beside the output; `--resume` goes on from there. The
    ranking goes to standard output, or to standard error where the winner does not go to a file.
    """
    # All that is typed wrong is said before an hour of search, and before torch is imported.
    kept = output not in (None, "-")
    if resume and not kept:
        raise refuse("`--resume` needs the `-o` of the search that was interrupted: its journal stands beside that")
    ending(output, ".arch")
    ending(plot, *PLOTS)
    if plot == "-" and not kept:
        raise refuse("standard output takes the winner or the picture, not both", ("`-o NAME.arch`",))

    network = open_network(session, file, dials)
    from archlang.cli.searching import watching
    from archlang.studies.pbconv.search import search, winner
    from archlang.studies.pbconv.trial import Settings

    settings = Settings(candidates, iterations, seed, types, rules, seeds)
    journal = None
    if kept:
        journal = Path(f"{output}.journal.jsonl")
    with watching() as audience:
        trials = search(network, data, settings, jobs=jobs, journal=journal, resume=resume, audience=audience)

    best = winner(network, trials)
    if plot is not None:
        write_page(session, plot, _plot(trials))
    if plot == "-":
        write(session, str(output), best.listing.encode())
    else:
        deliver(session, output, best.listing.encode(), {"sizes": _as_json(trials)})

    # Standard output may hold something else already: the winner, the picture or the document.
    is_free = kept and plot != "-" and session.format != "json"
    for line in ranking(trials):
        if is_free:
            session.data(line)
        else:
            session.note(line)
    # Only now: a search whose result could not be written can still go on.
    if journal is not None:
        journal.unlink(missing_ok=True)


def ranking(trials: Sequence[Trial]) -> list[str]:
    """The candidates by their score, for each kernel size: that before training beside it, and their small kernels."""
    from archlang.cli.progress import many
    from archlang.studies.pbconv.search import agreement, ranked, spread

    lines = []
    for size in trials[0].kernels:
        lines.append(f"{size} kernels by the dispersion of their positions")
        for place, trial in enumerate(ranked(trials, size), 1):
            score = f"{trial.scores[size]:.4f}"
            deviation = spread(trial, size)
            if deviation is not None:  # of a single seed there is none
                score += f" ± {deviation:.4f}"
            branches = many(trial.kernels[size].count(" at "), "small kernel")
            lines.append(f"  {place:>3}  {score}  (before training {trial.starts[size]:.4f})  "
                         f"candidate {trial.number + 1}, {branches}: {trial.kernels[size]}")

        correlation = agreement(trials, size)
        if correlation is not None:
            lines.append(f"  scores before and after training: correlation {correlation:+.2f}")

    for trial in trials:
        if trial.failed:
            lines.append(f"  candidate {trial.number + 1} failed: {trial.failed}")
    return lines


def _as_json(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """The candidates by their score, for each kernel size, as data."""
    from archlang.studies.pbconv.search import agreement, ranked, spread

    return [
        {
            "size": size,
            "correlation": agreement(trials, size),
            "candidates": [
                {"number": trial.number + 1, "score": trial.scores[size], "deviation": spread(trial, size),
                 "before": trial.starts[size], "kernels": trial.kernels[size]}
                for trial in ranked(trials, size)
            ],
        }
        for size in trials[0].kernels
    ]


def _plot(trials: Sequence[Trial]) -> Page:
    from archlang.views.heatmap import Curve, Map, heatmaps

    maps, curves = [], []
    for trial in trials:
        if trial.failed:
            continue
        for size, rows in trial.maps.items():
            maps.append(Map(f"{trial.number + 1}: {size}, {trial.scores[size]:.3f}", rows))
        for size in trial.kernels:
            points = [(step, scores[size]) for step, scores in trial.trace]
            curves.append(Curve(f"candidate {trial.number + 1}, {size}", points))
    return heatmaps(maps, curves)
