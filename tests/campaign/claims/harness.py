"""What every claim's campaign shares: trainings from several seeds in a study's folder, tables, pictures, verdicts.

A campaign that was interrupted goes on where it was: its trainings lie in a study's folder, as `archlang study` leaves
them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import fx

from archlang.artefact import load_model
from archlang.comparison.design import Job, StudyArm, StudyDesign, arm_of
from archlang.comparison.journal import Journal
from archlang.comparison.statistics import Interval, interval, paired_t
from archlang.comparison.table import StudyTable, tabulate
from archlang.comparison.working import RUNS, work
from archlang.elaborate.network import configured, load
from archlang.views.canvas.scales import linear
from archlang.views.canvas.shapes import Disc, Lettering, Page, Pen, Polyline, Rectangle, Shape
from archlang.views.canvas.svg import svg_of
from archlang.views.palette import FRAME, QUIET, hue

ROOT = Path(__file__).parents[3]
SPECS = ROOT / "specs"
IMAGES = ROOT / "docs" / "images"

LEFT, WIDTH, ROW, TOP = 280.0, 380.0, 24.0, 16.0
"""Places in the picture of intervals, in points."""


@dataclass(frozen=True)
class Claim:
    """The settings of a campaign: data, number of seeds, epochs of each training, and the folder of its trainings."""

    name: str
    data: str
    seeds: int
    epochs: int
    run: Path


def settings(name: str, about: str | None, data: str, epochs: int, seeds: int = 5) -> Claim:
    """Settings from the command line, with a claim's defaults; torch computes on one thread from here on."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=data)
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--run", type=Path, default=Path("build", "claims", name), help="the folder of its trainings")
    given = parser.parse_args()
    torch.set_num_threads(1)
    return Claim(name, given.data, given.seeds, given.epochs, given.run)


def arm(name: str, spec: str, changes: Mapping[str, str] | None = None, **dials: object) -> StudyArm:
    """A row: a spec by its name under `specs`, with dials; `changes` are settings of its `train` by their names."""
    written = {dial: str(value).lower() for dial, value in dials.items()}
    return arm_of(name, configured(load(SPECS / f"{spec}.arch", written), changes or {}))


@dataclass(frozen=True)
class Trained:
    """A study that is done: its journal and its table."""

    journal: Journal
    table: StudyTable

    def model(self, row: int, seed: int) -> fx.GraphModule:
        """The trained model of a row and a seed."""
        return load_model(self.folder(row, seed) / "last.safetensors")

    def folder(self, row: int, seed: int) -> Path:
        """What the training of a row and a seed left."""
        return self.journal.folder / RUNS / Job(row, seed).key

    def values(self, row: int) -> list[float]:
        """The figure of a row, by seed."""
        found = self.table.rows[row].values
        return [found[seed] for seed in self.table.design.seeds if seed in found]


def trained(claim: Claim, arms: Sequence[StudyArm], part: str = "") -> Trained:
    """Train every row from every seed, one after the other, and go on with what is there."""
    began = time.process_time()
    design = StudyDesign(tuple(arms), claim.data, tuple(range(claim.seeds)), claim.epochs, device="cpu")
    journal = Journal.joined(claim.run / part, design)
    count = work(journal)

    done = Trained(journal, tabulate(design, journal.standing()))
    seconds = time.process_time() - began
    print(f"{count} trainings, {seconds:.0f} s of processor time", file=sys.stderr, flush=True)
    return done


def table(head: str, rows: Iterable[str]) -> None:
    """Print a table in Markdown, each row as soon as it is known."""
    print("\n".join(["", head, "|---" + "|--:" * (head.count("|") - 2) + "|"]), flush=True)
    for row in rows:
        print(row, flush=True)


def accuracies(done: Trained) -> None:
    """Print accuracies with their intervals, and every further row beside the first, by seed."""
    found = done.table
    table("| | parameters | accuracy, % | deviation | 95 % interval |", (
        f"| {row.arm.name} | {row.arm.parameters:,} | {cells(row.interval)} |" for row in found.rows if row.interval))
    table(f"| beside {found.rows[0].arm.name} | points | 95 % interval | p | corrected (Holm) |", (
        f"| {one.second.name} | {100 * one.by_seed.difference.mean:+.2f} | {ends(one.by_seed.difference)} | "
        f"{chance(one.by_seed.p)} | {chance(one.corrected)} |" for one in found.beside if one.by_seed))


def cells(found: Interval) -> str:
    """Mean, deviation and interval of shares, in per cent."""
    low, high = 100 * found.low, 100 * found.high
    return f"{100 * found.mean:.2f} | {100 * found.deviation:.2f} | {low:.2f} to {high:.2f}"


def ends(found: Interval) -> str:
    """The interval of a difference of shares, in points."""
    return f"{100 * found.low:+.2f} to {100 * found.high:+.2f}"


def chance(p: float | None) -> str:
    """A p-value, or a dash where there is none."""
    if p is None:
        return "-"
    return f"{p:.2g}"


def verdict(difference: Interval, margin: float = 0.0) -> str:
    """What an interval of a difference says of "at least as good, to a margin", or with none of "better".

    >>> verdict(interval([1.0, 2.0, 3.0, 2.0])), verdict(interval([-3.0, 0.0, 3.0]))
    ('holds', 'not resolved')
    """
    if difference.low > -margin:
        return "holds"
    if difference.high < -margin:
        return "does not hold"
    return "not resolved"


def judged(what: str, better: Sequence[float], worse: Sequence[float], margin: float = 0.0) -> None:
    """Print one comparison in pairs of seeds, with its verdict; figures are shares, the margin too."""
    found = paired_t(worse, better)
    asked = "better"
    if margin:
        asked = f"not worse by {100 * margin:g} points"
    print(f"- {what}: {100 * found.difference.mean:+.2f} points ({ends(found.difference)}, p = {chance(found.p)}), "
          f"{asked}: {verdict(found.difference, margin)}", flush=True)


def forest(rows: Mapping[str, Interval], across: str) -> Page:
    """Means with their intervals as a picture, a line for each row; figures as they are."""
    scale = linear([end for found in rows.values() for end in (found.low, found.high)], across)
    below = TOP + ROW * len(rows)

    def x(value: float) -> float:
        return LEFT + WIDTH * scale.share(value)

    shapes: list[Shape] = [Rectangle(LEFT, TOP, WIDTH, below - TOP, pen=Pen(FRAME))]
    for value, text in scale.ticks:
        shapes.append(Polyline(((x(value), TOP), (x(value), below)), Pen(FRAME, 0.5)))
        shapes.append(Lettering(x(value), below + 15, text, colour=QUIET, anchor="middle"))

    for number, (name, found) in enumerate(rows.items()):
        y = TOP + ROW * (number + 0.5)
        shapes.append(Lettering(LEFT - 8, y + 4, name, anchor="end"))
        shapes.append(Polyline(((x(found.low), y), (x(found.high), y)), Pen(hue(0), 2.0)))
        shapes.append(Disc(x(found.mean), y, 4.0, 4.0, hue(0)))
    shapes.append(Lettering(LEFT + WIDTH / 2, below + 32, across, anchor="middle"))
    return Page(LEFT + WIDTH + 30, below + 44, tuple(shapes))


def in_percent(values: Sequence[float]) -> Interval:
    """The interval of shares, in per cent."""
    return interval([100 * value for value in values])


def picture(name: str, page: Page) -> None:
    """Write a picture of `docs/claims.md`."""
    (IMAGES / f"claims-{name}.svg").write_text(svg_of(page), encoding="utf-8")
    print(f"docs/images/claims-{name}.svg", file=sys.stderr)
