"""Scales of axes: from numbers to places, with ticks at round numbers, at powers of ten, or at names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FEW, MANY = 3, 8
"""Fewer ticks than this on a logarithmic axis say too little; more touch each other."""


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`: what stands beside it with its unit, and its ticks (a number and its text)."""

    low: float
    high: float
    label: str = ""
    ticks: tuple[tuple[float, str], ...] = ()
    logarithmic: bool = False
    named: bool = False

    def share(self, value: float) -> float:
        """The place of a number, 0 at the low end and 1 at the high end."""
        if self.logarithmic:
            first, last = math.log10(self.low), math.log10(self.high)
            return (math.log10(value) - first) / (last - first)
        return (value - self.low) / (self.high - self.low)


def linear(values: Iterable[float], label: str = "", low: float | None = None, high: float | None = None,
           room: float = 0.05, percent: bool = False, whole: bool = False) -> Scale:
    """A scale over numbers, with room at ends that are not given; numbers that are not finite do not count.

    With `percent`, shares from 0 to 1 have ticks in per cent; with `whole`, ticks are at whole numbers alone.

    >>> [text for _, text in linear([0.0, 1.0], low=0.0, high=1.0).ticks]
    ['0', '0.2', '0.4', '0.6', '0.8', '1']
    """
    finite = [v for v in values if math.isfinite(v)]
    least, most = min(finite, default=0.0), max(finite, default=1.0)
    # Room goes by the whole axis: one from 0 needs more above than the numbers' own range tells.
    ends = [least, most]
    if low is not None:
        ends[0] = low
    if high is not None:
        ends[1] = high
    extent = ends[1] - ends[0]
    around = extent * room
    if not extent > 0:
        around = abs(most) * room or 0.5
    if low is None:
        low = least - around
    if high is None:
        high = most + around
    # Bounds that were given may lie on one another.
    if not high > low:
        high = low + 1.0

    ticks = []
    for value in round_numbers(low, high):
        if whole and value != int(value):
            continue
        text = f"{value:g}"
        if percent:
            text = f"{100 * value:g} %"
        ticks.append((value, text.replace("-", "−")))
    return Scale(low, high, label, tuple(ticks))


def logarithmic(values: Iterable[float], label: str = "") -> Scale:
    """A scale of the logarithm of numbers above 0, over a factor of two at least.

    >>> [text for _, text in logarithmic([1e3, 1e6]).ticks]
    ['1 k', '10 k', '100 k', '1 M']
    """
    logs = [math.log10(v) for v in values]
    first, last = min(logs, default=0.0), max(logs, default=1.0)
    room = (last - first) * 0.08
    # Numbers that are nearly one must look so.
    missing = max(0.0, math.log10(2) - (last - first + 2 * room)) / 2
    first, last = first - room - missing, last + room + missing

    ticks = tuple((value, short(value)) for value in _powers(first, last))
    return Scale(10.0**first, 10.0**last, label, ticks, logarithmic=True)


def names(texts: Sequence[str], label: str = "") -> Scale:
    """A scale of names, one unit each; a name stands in the middle of its unit.

    >>> names(["a", "b"]).ticks
    ((0.5, 'a'), (1.5, 'b'))
    """
    ticks = tuple((i + 0.5, text) for i, text in enumerate(texts))
    return Scale(0.0, max(float(len(texts)), 1.0), label, ticks, named=True)


def bounds(low: float, high: float, label: str = "") -> Scale:
    """A scale that has ticks at its ends alone, with three digits."""
    ticks = tuple((end, f"{end:.3g}".replace("-", "−")) for end in (low, high))
    if not high > low:
        return Scale(low, low + 1.0, label, ticks[:1])
    return Scale(low, high, label, ticks)


def round_numbers(low: float, high: float) -> list[float]:
    """Four to ten round numbers between two bounds.

    >>> round_numbers(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((1 * power, 2 * power, 5 * power, 10 * power), key=lambda s: abs(s - rough))

    # A hair more than the ends: a bound that is a round number has its tick.
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def _powers(first: float, last: float) -> list[float]:
    """Powers of ten, with twice and five times of each, between two logarithms."""
    found = []
    for power in range(math.floor(first), math.ceil(last) + 1):
        found += [m * 10.0**power for m in (1, 2, 5) if first <= math.log10(m * 10.0**power) <= last]
    # Numbers that are nearly one lie between two of them.
    if len(found) < FEW:
        return round_numbers(10.0**first, 10.0**last)
    # With three numbers a decade over many decades, they would touch each other.
    if len(found) > MANY:
        found = [value for value in found if f"{value:e}".startswith("1")]
    return found


def short(value: float) -> str:
    """Write a number with the letter of its thousands.

    >>> short(1500), short(2e6), short(12)
    ('1.5 k', '2 M', '12')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:g}"
