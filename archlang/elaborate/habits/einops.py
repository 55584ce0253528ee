"""Patterns of einops, whose letters are axes: the batch stands first and is never written here."""

from __future__ import annotations

import re

from archlang.elaborate.habits.axes import AXES
from archlang.elaborate.habits.habit import CallReading, Habit
from archlang.elaborate.habits.writing import stage

_LETTERS = (*"bchwndtpkij", "h1", "w1", "p1", "p2", "s1", "s2", "heads")
"""Sizes that a pattern is given by name."""


def _rearranged(call: CallReading) -> str | None:
    pattern = call.word("pattern")
    if pattern is None or pattern.count("->") != 1:
        return None
    before, after = (_groups(side) for side in pattern.split("->"))

    # Both sides begin with the batch, which stays what it is.
    if before[:1] != after[:1] or len(before[:1]) != 1 or len(before[0]) != 1:
        return None
    return _plain(call, before[1:], after[1:])


def _groups(side: str) -> list[tuple[str, ...]]:
    """The axes of one side, those in parentheses together: `b (h w) c` is (b,), (h, w), (c,)."""
    found = re.findall(r"\(([^()]*)\)|(\w+)", side)
    return [tuple(inner.split()) if inner else (single,) for inner, single in found]


def _plain(call: CallReading, before: list[tuple[str, ...]], after: list[tuple[str, ...]]) -> str | None:
    """The stage that does the same; None for patterns that take more than one."""
    single = all(len(group) == 1 for group in before)
    # A map c h w, from which a sequence or a vector is made, or the axes of anything in another order.
    if single and len(before) == 3 and after == [before[1] + before[2], before[0]]:
        return "to_sequence"
    if single and after == [tuple(name for group in before for name in group)]:
        return "flatten"
    if single and sorted(before) == sorted(after) and len(before) in AXES:
        words = [AXES[len(before)][before.index(group)] for group in after]
        return stage("permute", [f"[{', '.join(words)}]"], {})

    if len(before) == 2 and len(before[0]) == 2 and after == [before[1], *((name,) for name in before[0])]:
        rows, columns = (call.text(name) for name in before[0])
        return stage("to_map", [rows or "...", columns or "..."], {})
    return None


EINOPS: tuple[Habit, ...] = (
    Habit("einops", ("rearrange", "Rearrange"), ("pattern", *_LETTERS), _rearranged, "permute([axes])", (
        ('x -> rearrange("b c h w -> b (h w) c")', "to_sequence"),
        ('x -> rearrange("b c h w -> b h w c")', "permute([height, width, channels])"),
        ('x -> rearrange("b c h w -> b (c h w)")', "flatten"),
    ), note="axes have names; `to_sequence` and `to_map` turn maps into sequences and back, `reshape` does the rest"),
)
