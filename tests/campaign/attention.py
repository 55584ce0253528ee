"""Attention over layers on digits: `python -m tests.campaign.attention --seeds 5 --epochs 8 --images docs/images`.

Every kind is trained from its spec with several seeds. Printed are a table of accuracies, where the attention stands at
the start, after a tenth and at the end, and the gradients that reach the first layer; drawn is the attention over time,
the mean over the seeds. Expected (Bird 2022, section 4) is a shift to the lowest layer first, then to higher ones.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev

import torch

from archlang.elaborate import load
from archlang.train import fit
from archlang.views.canvas.svg import svg_of
from archlang.views.chart import Course, strips

SPECS = Path(__file__).parents[2] / "specs" / "layer_attention"
ROWS = {
    "plain": ("digits_plain", None),
    "residual_mix": ("digits_residual", None),
    "mean": ("digits", "mean"),
    "innate_static": ("digits", "innate_static(32)"),
    "static_vector": ("digits", "static_vector"),
    "static_vector_faster": ("digits_shift", None),
    "self_attention": ("digits", "self_attention(heads = 4)"),
    "recurrent": ("digits", "recurrent(32)"),
}
"""What is trained: the spec, and the dial `by` where it has one."""

Numbers = list[list[float]]


@dataclass
class Row:
    """One kind: accuracies, and the tables that its trainings left, by seed."""

    name: str
    accuracy: list[float] = field(default_factory=list)
    attention: list[Numbers] = field(default_factory=list)
    gradients: list[Numbers] = field(default_factory=list)
    betas: list[Numbers] = field(default_factory=list)

    def line(self) -> str:
        """Its row of the table of accuracies."""
        spread = stdev(self.accuracy) if len(self.accuracy) > 1 else 0.0
        each = ", ".join(f"{100 * a:.1f}" for a in self.accuracy)
        return f"| {self.name} | {100 * mean(self.accuracy):.2f} ± {100 * spread:.2f} | {each} |"

    def course(self) -> str | None:
        """Attention at the start, after a tenth, at the end, and its centre, counted in layers from 1."""
        if not self.attention or self.name == "mean":
            return None
        rows = averaged(self.attention)
        moments = [rows[0], rows[len(rows) // 10], rows[-1]]
        shown = " | ".join(" ".join(f"{a:.3f}" for a in row) for row in moments)
        return f"| {self.name} | {shown} | {' → '.join(f'{centre(row):.2f}' for row in moments)} |"

    def shift(self) -> str | None:
        """Whether the lowest layer gained first, and whether the centre rose afterwards, counted over the seeds."""
        if not self.attention or self.name == "mean":
            return None
        early = [max(r[0] for r in rows[: len(rows) // 3]) - rows[0][0] for rows in self.attention]
        low = [min(centre(r) for r in rows) for rows in self.attention]
        gained = sum(e > 0.005 for e in early)
        rose = sum(centre(rows[-1]) > centre(rows[0]) + 0.05 for rows in self.attention)
        dipped = sum(b < centre(rows[0]) - 0.05 for b, rows in zip(low, self.attention, strict=True))
        return f"| {self.name} | {gained} | {dipped} | {rose} |"

    def dilution(self) -> str:
        """Gradient norms by layer over the first tenth of the training, as shares of the last layer's."""
        rows = averaged(self.gradients)
        start = rows[: max(1, len(rows) // 10)]
        norms = [mean(column) for column in zip(*start, strict=True)]
        return f"| {self.name} | {' '.join(f'{n / norms[-1]:.2f}' for n in norms)} |"


def centre(row: Sequence[float]) -> float:
    """The mean layer, weighted by attention."""
    return sum((i + 1) * a for i, a in enumerate(row)) / sum(row)


def averaged(runs: Sequence[Numbers]) -> Numbers:
    """The mean over runs, step by step."""
    return [[mean(values) for values in zip(*rows, strict=True)] for rows in zip(*runs, strict=True)]


def numbers(path: Path) -> Numbers:
    """The rows of a table without epoch and step."""
    with path.open(newline="") as file:
        return [[float(v) for v in row[2:]] for row in list(csv.reader(file))[1:]]


def trained(name: str, seeds: int, epochs: int, folder: Path) -> Row:
    """All trainings of one kind."""
    spec, by = ROWS[name]
    net, row = load(SPECS / f"{spec}.arch", {"by": by} if by else {}), Row(name)
    for seed in range(seeds):
        run = folder / f"{name}-{seed}"
        done = fit(net, "digits", epochs=epochs, seed=seed, device="cpu", run=run)
        row.accuracy.append(done.history[-1].test_accuracy or 0.0)
        for table in ("attention", "gradients", "betas"):
            if (run / f"{table}.csv").exists():
                getattr(row, table).append(numbers(run / f"{table}.csv"))
        print(f"{name} seed {seed}: {100 * row.accuracy[-1]:.2f} %", file=sys.stderr, flush=True)
    return row


def drawn(row: Row, images: Path) -> None:
    """The mean attention over time, as a picture."""
    images.mkdir(parents=True, exist_ok=True)
    for what, runs in (("attention", row.attention), ("betas", row.betas)):
        if runs and row.name != "mean":
            rows = averaged(runs)
            names = tuple(f"{'layer' if what == 'attention' else 'mix'} {i + 1}" for i in range(len(rows[0])))
            course = Course(f"{what}: {row.name}, digits, mean of {len(runs)} seeds", names, rows)
            (images / f"{what}-{row.name}.svg").write_text(svg_of(strips(course)))


def main(arguments: list[str] | None = None) -> int:
    """Train, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--kinds", nargs="*", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--images", type=Path, help="a folder for the pictures")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        rows = [trained(name, options.seeds, options.epochs, Path(folder)) for name in options.kinds]
    tables = (
        ("| kind | accuracy, % | by seed |", [row.line() for row in rows]),
        ("| kind | attention by layer: start | after a tenth | end | centre |", [row.course() for row in rows]),
        ("| kind | seeds: lowest gains early | centre dips | centre ends higher |", [row.shift() for row in rows]),
        ("| kind | gradient norm by layer over the last layer's, first tenth |", [row.dilution() for row in rows]),
    )
    for head, lines in tables:
        print("\n".join(["", head, "|" + " --- |" * (head.count("|") - 1), *(line for line in lines if line)]))
    for row in rows:
        if row.betas:
            print(f"\nbetas of {row.name}: {' '.join(f'{b:.3f}' for b in averaged(row.betas)[-1])}")
        if options.images:
            drawn(row, options.images)
    print(f"\n{time.process_time() - begun:.0f} s of processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
