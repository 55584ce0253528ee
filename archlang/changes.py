"""Changes between two texts, as patches show them, in time that grows with their length alone.

Python's `difflib` takes long for many lines that repeat. Here nothing moves from one place to another, so a line is
looked for only a little further on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WINDOW = 64
"""Lines ahead in which two texts may come together again."""

AROUND = 3
"""Lines shown before and behind a change."""


@dataclass(frozen=True)
class Replaced:
    """Lines `start` to `end` of the old text that became lines `new_start` to `new_end` of the new one, from 0."""

    start: int
    end: int
    new_start: int
    new_end: int


def unified(old: Sequence[str], new: Sequence[str], old_name: str, new_name: str) -> list[str]:
    """Return the lines of a patch that makes the new text of the old one; none where they are equal.

    >>> unified(["a", "b", "c"], ["a", "B", "c"], "x", "y")
    ['--- x', '+++ y', '@@ -1,3 +1,3 @@', ' a', '-b', '+B', ' c']
    """
    lines: list[str] = []
    for group in _groups(list(changes(old, new))):
        if not lines:
            lines += [f"--- {old_name}", f"+++ {new_name}"]
        lines += _hunk(group, old, new)
    return lines


def changes(old: Sequence[str], new: Sequence[str]) -> Iterator[Replaced]:
    """Yield the changes from the first line to the last."""
    at, new_at = 0, 0
    while at < len(old) or new_at < len(new):
        if at < len(old) and new_at < len(new) and old[at] == new[new_at]:
            at, new_at = at + 1, new_at + 1
            continue

        start, new_start = at, new_at
        while at < len(old) or new_at < len(new):
            meeting = _meeting(old, new, at, new_at)
            if meeting is not None:
                at, new_at = meeting
                break
            # Nothing alike is near: these lines are other ones.
            at, new_at = min(at + WINDOW, len(old)), min(new_at + WINDOW, len(new))
        yield Replaced(start, at, new_start, new_at)


def _meeting(old: Sequence[str], new: Sequence[str], at: int, new_at: int) -> tuple[int, int] | None:
    """Return the nearest pair of equal lines from two places on, or None where none is near."""
    ahead: dict[str, int] = {}
    for offset, line in enumerate(new[new_at : new_at + WINDOW]):
        ahead.setdefault(line, offset)

    nearest: tuple[int, int] | None = None
    for offset, line in enumerate(old[at : at + WINDOW]):
        if nearest is not None and offset >= sum(nearest):
            break
        further = ahead.get(line)
        if further is not None and (nearest is None or offset + further < sum(nearest)):
            nearest = offset, further
    if nearest is None:
        return None
    return at + nearest[0], new_at + nearest[1]


def _groups(found: Sequence[Replaced]) -> list[list[Replaced]]:
    """Put changes together whose surroundings touch."""
    groups: list[list[Replaced]] = []
    for change in found:
        if groups and change.start - groups[-1][-1].end <= 2 * AROUND:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _hunk(group: Sequence[Replaced], old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Return the lines of some changes with those around them."""
    first, last = group[0], group[-1]
    # As many lines before and behind a change are the same in both.
    before, behind = min(AROUND, first.start), min(AROUND, len(old) - last.end)
    ranges = [_range(first.start - before, last.end + behind), _range(first.new_start - before, last.new_end + behind)]

    lines = [f"@@ -{ranges[0]} +{ranges[1]} @@"]
    at = first.start - before
    for change in group:
        lines += [f" {line}" for line in old[at : change.start]]
        lines += [f"-{line}" for line in old[change.start : change.end]]
        lines += [f"+{line}" for line in new[change.new_start : change.new_end]]
        at = change.end
    lines += [f" {line}" for line in old[at : last.end + behind]]
    return lines


def _range(start: int, end: int) -> str:
    """Return a range of lines as patches write it; that of no line stands behind the one before."""
    if end - start == 1:
        return f"{start + 1}"
    if start == end:
        return f"{start},0"
    return f"{start + 1},{end - start}"
