"""Differences as text for people, one line each: `+` added, `-` removed, `~` changed, `>` renamed or rewired."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.analysis.diff import Change, CountChange, Diff
from archlang.analysis.report import Count
from archlang.analysis.table import aligned, grouped
from archlang.ops.values import show
from archlang.wording import counted

SIGNS = {"added": "+", "removed": "-", "changed": "~", "renamed": ">", "rewired": ">"}


def describe(diff: Diff) -> str:
    """All differences, then the counts of both networks side by side."""
    names = diff.before
    if diff.before != diff.after:
        names = f"{diff.before} -> {diff.after}"
    # One line, which a script can look for; the table of counts would be twice the same.
    if diff.same:
        return f"{names}: no difference\n"

    table = []
    if diff.operations:
        table = ["", *_operations(diff)]
    settings = [f"~ {s.kind} {s.name}: {_value(s.before)} -> {_value(s.after)}" for s in diff.settings]
    return "\n".join([names, "", *settings, *map(_change, diff.changes), *table, "", *_counts(diff), ""])


def _value(value: object) -> str:
    """A setting's value; text stands without quotes."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    return show(value)


def _change(change: Change) -> str:
    """The line of a change of structure."""
    name = change.name
    if change.kind == "block":
        name = f"{change.name} ({counted(change.ops, 'operation')})"

    return f"{SIGNS[change.what]} {name}{_detail(change)}{_more_parameters(change.parameters)}"


def _detail(change: Change) -> str:
    """The calls, names or inputs of a change; a block that is added or removed has none."""
    match change.what:
        case "changed":
            return f": {change.before} -> {change.after}"
        case "renamed":
            return f": was {change.before}"
        case "rewired":
            return f": reads {change.after}, read {change.before}"

    text = change.after or change.before
    if text is None:
        return ""
    return f": {text}"


def _more_parameters(number: Count) -> str:
    """The change in parameters, with its sign; nothing for none."""
    if number == 0:
        return ""
    # A symbolic difference has signs of its own inside.
    if isinstance(number, int):
        return f"  [{number:+,} parameters]"
    return f"  [{number} parameters]"


def _operations(diff: Diff) -> list[str]:
    """A row for each operation that either network has other uses of."""
    rows: list[tuple[str, ...]] = [("operation", "uses", "parameters", "FLOPs")]
    for one in diff.operations:
        rows.append((one.name, *(_beside(change) for change in (one.uses, one.parameters, one.flops))))
    return aligned(rows, left=1).splitlines()


def _beside(change: CountChange) -> str:
    """Both numbers; one where they are equal."""
    if change.before == change.after:
        return grouped(change.before)
    return f"{grouped(change.before)} -> {grouped(change.after)}"


def _counts(diff: Diff) -> Iterator[str]:
    """The counts of both networks, aligned."""
    rows = [
        ("parameters", diff.parameters),
        ("buffers", diff.buffers),
        ("FLOPs", diff.flops),
        ("activation bytes", diff.activation_bytes),
    ]
    before_width = max(len(grouped(change.before)) for _, change in rows)
    after_width = max(len(grouped(change.after)) for _, change in rows)

    for name, change in rows:
        before, after = grouped(change.before).rjust(before_width), grouped(change.after).rjust(after_width)
        yield f"{name:<17} {before} -> {after}{_relative(change)}"


def _relative(change: CountChange) -> str:
    """The difference of two counts, also in per cent; nothing where one is symbolic."""
    if change.before == change.after:
        return "  (same)"
    if not isinstance(change.before, int) or not isinstance(change.after, int):
        return ""

    more = change.after - change.before
    if change.before == 0:  # of nothing there is no share
        return f"  ({more:+,})"
    return f"  ({more:+,}, {100 * more / change.before:+.1f} %)"
