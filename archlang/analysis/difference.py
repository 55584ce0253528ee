"""Differences as text for people, one line each: `+` added, `-` removed, `~` changed, `>` renamed or rewired."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.analysis.diff import Change, Diff, Sum
from archlang.analysis.report import Count
from archlang.analysis.table import grouped
from archlang.ops.values import show

SIGNS = {"added": "+", "removed": "-", "changed": "~", "renamed": ">", "rewired": ">"}


def describe(found: Diff) -> str:
    """All differences, then the counts of both networks side by side."""
    names = found.before if found.before == found.after else f"{found.before} -> {found.after}"
    if found.same:
        return f"{names}: no difference\n"
    settings = [
        f"~ {s.kind} {s.name}: {_value(s.before)} -> {_value(s.after)}" for s in found.settings
    ]
    return "\n".join([names, "", *settings, *map(_change, found.changes), "", *_sums(found), ""])


def _value(value: object) -> str:
    return "none" if value is None else value if isinstance(value, str) else show(value)


def _change(change: Change) -> str:
    what = change.name if change.kind == "operation" else f"{change.name} ({_operations(change.ops)})"
    match change.what:
        case "added": detail = f": {change.after}" if change.after else ""
        case "removed": detail = f": {change.before}" if change.before else ""
        case "changed": detail = f": {change.before} -> {change.after}"
        case "renamed": detail = f": was {change.before}"
        case "rewired": detail = f": reads {change.after}, read {change.before}"
    more = f"  [{_signed(change.parameters)} parameters]" if change.parameters != 0 else ""
    return f"{SIGNS[change.what]} {what}{detail}{more}"


def _operations(number: int) -> str:
    return f"{number} operation{'s' if number != 1 else ''}"


def _signed(number: Count) -> str:
    return f"{number:+,}" if isinstance(number, int) else number


def _sums(found: Diff) -> Iterator[str]:
    rows = [
        ("parameters", found.parameters),
        ("buffers", found.buffers),
        ("FLOPs", found.flops),
        ("activation bytes", found.activation_bytes),
    ]
    widths = [max(len(grouped(getattr(total, side))) for _, total in rows) for side in ("before", "after")]
    for name, total in rows:
        before, after = grouped(total.before).rjust(widths[0]), grouped(total.after).rjust(widths[1])
        yield f"{name:<17} {before} -> {after}{_change_of(total)}"


def _change_of(total: Sum) -> str:
    if not isinstance(total.before, int) or not isinstance(total.after, int) or total.before == total.after:
        return "  (same)" if total.before == total.after else ""
    more = total.after - total.before
    return f"  ({more:+,}, {100 * more / total.before:+.1f} %)" if total.before else f"  ({more:+,})"
