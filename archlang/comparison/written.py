"""The table of a comparison written down: for people, as CSV, as a document, as a picture."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any, Literal

from archlang.comparison.table import Beside, StudyRow, StudyTable
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.views.canvas.shapes import Page
from archlang.views.tradeoff import Dot, tradeoff

Cost = Literal["parameters", "flops"]


def as_text(table: StudyTable) -> str:
    """The table for people: figures that are shares in per cent."""
    wide = max(len(row.arm.name) for row in table.rows)
    scale, unit = _scale(table)
    of = f"on {one_line(table.design.data, 80)}, of the {table.design.kept} model of each training"
    lines = [f"{table.figure}{unit} {of}",
             f"{'':{wide}}  parameters       FLOPs  seeds     mean  deviation  95 % interval"]

    for row in table.rows:
        counts = f"{row.arm.parameters:>10,}  {_count(row.arm.flops):>10}  {len(row.values):>5}"
        lines.append(f"{row.arm.name:{wide}}  {counts}  {_spread(row, scale)}")
    lines += _failures(table)
    lines += [line for one in table.beside for line in _compared(one, scale, unit)]
    return "\n".join(lines)


def _spread(row: StudyRow, scale: float) -> str:
    """Mean, deviation and interval in their columns, as far as there are seeds for them."""
    middle, deviation, ends = "-", "-", "-"
    if len(row.values) == 1:
        middle = f"{scale * next(iter(row.values.values())):.2f}"
    if row.interval is not None:
        middle, deviation = f"{scale * row.interval.mean:.2f}", f"{scale * row.interval.deviation:.2f}"
        ends = f"{scale * row.interval.low:.2f} to {scale * row.interval.high:.2f}"
    return f"{middle:>7}  {deviation:>9}  {ends}"


def _failures(table: StudyTable) -> list[str]:
    lines = []
    for row in table.rows:
        lines += [f"{row.arm.name}, seed {seed}: failed, and left out ({said})" for seed, said in row.failed.items()]
        if row.missing:
            lines.append(f"{row.arm.name}: not done yet: seeds {', '.join(map(str, row.missing))}")
    return lines


def _compared(one: Beside, scale: float, unit: str) -> list[str]:
    lines = [f"{one.second.name} beside {one.first.name}"]
    if one.by_seed is None:
        lines.append("  by seed: no test, which needs two seeds of both")
    else:
        found = one.by_seed.difference
        # Of two percentages the difference is told in points: per cent would read as a share of the first.
        points = unit.replace(" %", " points")
        ends = f"{scale * found.low:+.2f} to {scale * found.high:+.2f}"
        line = f"  by seed: {scale * found.mean:+.2f}{points} ({ends}), paired t over {found.count} seeds"
        if one.by_seed.p is None:
            line += ", all differences the same"
        else:
            line += f", p = {one.by_seed.p:.2g}"
        # With one row beside the first there is nothing to correct.
        if one.corrected is not None and one.corrected != one.by_seed.p:
            line += f", {one.corrected:.2g} corrected (Holm)"
        lines.append(line)

    for seed, found_here in one.by_sample.items():
        alone = f"{found_here.only_second} right here alone, {found_here.only_first} there alone"
        lines.append(f"  by sample, seed {seed}: {alone}, McNemar p = {found_here.p:.2g}")
    return lines


def _scale(table: StudyTable) -> tuple[float, str]:
    """Accuracies are told in per cent; all other figures as they are."""
    if table.figure == "accuracy" or table.figure.startswith("top_k"):
        return 100.0, " %"
    return 1.0, ""


def _count(number: int | None) -> str:
    if number is None:
        return "-"
    return f"{number / 1e6:.1f} M"


def as_csv(table: StudyTable) -> str:
    """A line for each training: arm, parameters, FLOPs, seed, figure, value (empty where it failed), reason."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "parameters", "flops", "seed", "figure", "value", "failed"])
    for row in table.rows:
        for seed in table.design.seeds:
            # A line of a training that nobody has done would read as one that failed.
            if seed in row.missing:
                continue
            writer.writerow([row.arm.name, row.arm.parameters, row.arm.flops, seed, table.figure,
                             row.values.get(seed, ""), row.failed.get(seed, "")])
    return text.getvalue()


def as_json(table: StudyTable) -> dict[str, Any]:
    """Everything as a document."""
    # Keys of JSON are texts, seeds too.
    rows = []
    for row in table.rows:
        spread = None
        if row.interval is not None:
            spread = asdict(row.interval)
        rows.append({
            "name": row.arm.name, "parameters": row.arm.parameters, "flops": row.arm.flops,
            "values": {str(seed): value for seed, value in row.values.items()}, "interval": spread,
            "failed": {str(seed): said for seed, said in row.failed.items()}, "missing": list(row.missing),
            "seconds": row.seconds,
        })
    beside = []
    for one in table.beside:
        by_seed = None
        if one.by_seed is not None:
            by_seed = {**asdict(one.by_seed), "corrected": one.corrected}
        by_sample = {str(seed): asdict(found) for seed, found in one.by_sample.items()}
        names = {"first": one.first.name, "second": one.second.name}
        beside.append({**names, "by_seed": by_seed, "by_sample": by_sample})
    head = {"data": table.design.data, "kept": table.design.kept, "figure": table.figure}
    return {**head, "rows": rows, "beside": beside}


def picture(table: StudyTable, over: Cost, groups: list[int]) -> Page:
    """The figure over parameters or FLOPs, a dot for each arm with its interval (as in Tissera 2023, figure 3.6).

    `groups` gives each arm a group, which has a colour. Raises `ArchError` (usage) where an arm's FLOPs are not known.
    """
    scale, unit = _scale(table)
    dots = []
    for row, group in zip(table.rows, groups, strict=True):
        # A logarithmic axis has no place for 0, nor for what is not known.
        cost = row.arm.parameters
        if over == "flops":
            cost = row.arm.flops or 0
        if not cost:
            raise ArchError(error("usage", f"`{one_line(row.arm.name, 80)}` has no {over} that an axis could have",
                                  help="`--over` takes `parameters` or `flops`"))
        if not row.values:
            continue  # all of its seeds failed, which the table says
        low = high = None
        if row.interval is not None:
            low, high = scale * row.interval.low, scale * row.interval.high
        middle = scale * sum(row.values.values()) / len(row.values)
        dots.append(Dot(row.arm.name, cost, middle, low, high, group))

    named = {"parameters": "parameters", "flops": "FLOPs of a sample"}
    return tradeoff(dots, named[over], f"{table.figure}{unit}")
