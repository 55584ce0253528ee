"""Ways of drawing weights, and whether numbers look drawn so: an initialiser is measured, or not named at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import erf, sqrt

import torch
from torch import Tensor
from torch.nn.init import _calculate_fan_in_and_fan_out, calculate_gain

from archlang.importing.steps import Initial, Word

MEASURED = 200_000
"""Numbers of a tensor that its moments are read off: they tell a deviation to 0.2 %."""

MOST = 8_000
"""Numbers of a tensor that its distribution is read off."""

SURE = 4.5
"""Standard errors that a mean or a variance may differ by: one tensor of 150,000 differs by more."""

FAR = 2.6
"""The largest distance of two distributions, times the root of the count: one of 370,000 is larger (Kolmogorov)."""

CUT = 1 - 2 * 0.022750131948179212
"""The share of a normal distribution within two deviations."""

CUT_VARIANCE = 0.7737413035499233
"""The variance of a normal distribution of variance 1 that is cut at two deviations."""


@dataclass(frozen=True)
class Rule:
    """A way of drawing: the initialiser, the form of its distribution, and how wide that is for a weight's sizes.

    Forms are `normal`, `uniform` (its width is the bound) and `cut`, a normal one without what is beyond two
    deviations. `initial` is None for the way in which a layer starts anyway.
    """

    initial: Initial | None
    form: str
    width: Callable[[tuple[int, ...]], float] = field(compare=False)
    said: bool = False  # whether the file says the width, which follows from no sizes


@dataclass(frozen=True, eq=False)
class DrawStatistics:
    """The numbers of a weight as statistics: how many were looked at, their moments, and a part of them in order."""

    shape: tuple[int, ...]
    count: int
    mean: float
    variance: float
    fourth: float  # the mean fourth power of what differs from the mean, over the square of the variance
    most: float  # the largest absolute number
    ordered: Tensor

    @property
    def constant(self) -> float | None:
        """The one number that all are; None where they differ."""
        if self.ordered.numel() and self.ordered[0] == self.ordered[-1] and self.variance == 0:
            return float(self.ordered[0])
        return None


def drawn(value: Tensor) -> DrawStatistics:
    """The statistics of a tensor of any sizes: of large ones, of a part that is spread over them evenly."""
    numbers = value.detach().flatten()
    part = _without_strays(numbers[:: -(-numbers.numel() // MEASURED)].double())
    squares, mean = torch.var_mean(part, correction=0)
    variance = float(squares)
    least, most = (float(end) for end in part.aminmax())
    # Rounding leaves a trace where all numbers are the same.
    if least == most and bool((numbers == numbers[0]).all()):
        variance = 0.0

    fourth = 0.0
    if variance:
        fourth = float((part - mean).square_().square_().mean()) / variance**2
    return DrawStatistics(
        tuple(value.shape), part.numel(), float(mean), variance, fourth, max(-least, most),
        part[:: max(1, part.numel() // MOST)].sort().values,
    )


def _without_strays(part: Tensor) -> Tensor:
    """Numbers without the few that lie where no draw of so many comes to."""
    # `torch.nn.init.trunc_normal_` with bounds of a hundred deviations puts one number in 2^24 onto a bound.
    if len(part) < FEW:
        return part
    bound = STRAY * float(part.std())
    least, most = (float(end) for end in part.aminmax())
    # Most weights hold no stray: nothing is copied for them.
    if max(-least, most) <= bound:
        return part
    near = part[part.abs() <= bound]
    if 0 < len(part) - len(near) <= 1 + len(part) // 100_000:
        return near
    return part


FEW = 100
"""Numbers that are too few for one of them to be astray."""

STRAY = 8.0
"""Deviations beyond which a number is none of its neighbours'."""


def fits(numbers: DrawStatistics, form: str, width: float) -> bool:
    """Tell whether numbers look drawn from a distribution of this form and width around 0."""
    count = numbers.count
    if width <= 0 or numbers.constant is not None:
        return False
    # An even distribution ends at its bound, a cut one at two deviations: no number is beyond, and some come close.
    if form != "normal":
        bound, near = width, SHORT_OF["uniform"]
        if form == "cut":
            bound, near = 2 * width, SHORT_OF["cut"]
        if not bound * (1 - near / count) <= numbers.most <= bound * (1 + 1e-6):
            return False

    variance = width**2 * VARIANCE[form]
    if abs(numbers.mean) > SURE * sqrt(variance / count):
        return False
    if abs(numbers.variance / variance - 1) > SURE * sqrt((KURTOSIS[form] - 1) / count):
        return False
    if abs(numbers.fourth - KURTOSIS[form]) > TAILS * sqrt(1 / count):
        return False
    return _distance(numbers.ordered, form, width) <= FAR / sqrt(len(numbers.ordered))


VARIANCE = {"normal": 1.0, "uniform": 1 / 3, "cut": CUT_VARIANCE}
"""The variance of each form of width 1."""

TAILS = 6 * sqrt(24)
"""How far a fourth moment may be off, times the root of the count: six standard errors of a normal one's."""

KURTOSIS = {"normal": 3.0, "uniform": 1.8, "cut": 2.366}
"""The fourth moment over the square of the variance, which also says how far a measured variance may be off."""

SHORT_OF = {"uniform": 15.0, "cut": 80.0}
"""How far, over the count, the largest number may lie below the bound: one tensor of a million has it lower."""


def _distance(ordered: Tensor, form: str, width: float) -> float:
    """The largest distance between the shares of numbers below each of them, found and expected."""
    scaled = ordered / width
    normal = (1 + torch.special.erf(scaled / sqrt(2))) / 2
    expected = {
        "normal": normal, "uniform": (scaled + 1) / 2, "cut": (normal - (1 - erf(sqrt(2))) / 2) / CUT,
    }[form].clamp(0, 1)
    count = len(ordered)
    places = torch.arange(count, dtype=torch.float64)
    return float(torch.maximum((places + 1) / count - expected, expected - places / count).max())


def alike(one: DrawStatistics, other: DrawStatistics) -> bool:
    """Tell whether two tensors look drawn in the same way: from one distribution, or of one number."""
    if one.constant is not None or other.constant is not None:
        return one.constant == other.constant
    scale = sqrt(max(one.variance, other.variance))
    if abs(one.mean - other.mean) > SURE * scale * sqrt(1 / one.count + 1 / other.count):
        return False
    # As if both were normal: of the forms here a normal one's variance is known the least.
    low, high = sorted((one.variance, other.variance))
    if high / low - 1 > SURE * sqrt(2 / one.count + 2 / other.count):
        return False

    if abs(one.fourth - other.fourth) > TAILS * sqrt(1 / one.count + 1 / other.count):
        return False
    both = torch.cat([one.ordered, other.ordered]).sort().values
    shares = [torch.searchsorted(part.ordered, both, right=True) / len(part.ordered) for part in (one, other)]
    distance = float((shares[0] - shares[1]).abs().max())
    return distance <= FAR * sqrt(1 / len(one.ordered) + 1 / len(other.ordered))


# --- the initialisers of the language --------------------------------------------------------------------------------


def _fan(mode: str, factor: float) -> Callable[[tuple[int, ...]], float]:
    """The width `factor / sqrt(fan)` of a weight of these sizes."""
    def width(shape: tuple[int, ...]) -> float:
        entering, leaving = _calculate_fan_in_and_fan_out(torch.empty(shape, device="meta"))
        return factor / sqrt({"fan_in": entering, "fan_out": leaving, "both": (entering + leaving) / 2}[mode])

    return width


def _kaiming() -> Iterator[Rule]:
    for mode in ("fan_in", "fan_out"):
        args: tuple[tuple[str, Word], ...] = ()
        if mode != "fan_in":
            args = (("mode", Word(mode)),)
        for kind in ("relu", "linear"):
            gain, said = calculate_gain(kind), args
            if kind != "relu":
                said = (*args, ("nonlinearity", Word(kind)))
            yield Rule(Initial("kaiming_normal", said), "normal", _fan(mode, gain))
            yield Rule(Initial("kaiming_uniform", said), "uniform", _fan(mode, sqrt(3) * gain))


RULES: tuple[Rule, ...] = (
    *_kaiming(),
    Rule(Initial("xavier_normal"), "normal", _fan("both", 1.0)),
    Rule(Initial("xavier_uniform"), "uniform", _fan("both", sqrt(3))),
    # 1 / sqrt(features that leave), as the heads of some networks have it.
    Rule(Initial("kaiming_uniform", (
        ("mode", Word("fan_out")), ("nonlinearity", Word("leaky_relu")), ("slope", sqrt(5)),
    )), "uniform", _fan("fan_out", 1.0)),
)
"""The initialisers whose width follows from a weight's sizes."""

TORCH = Rule(None, "uniform", _fan("fan_in", 1.0))
"""The start of torch's own convolutions and dense maps: even within `1 / sqrt(fan in)`."""

PLAIN: dict[str, Rule] = {
    "embedding": Rule(None, "normal", lambda shape: 1.0), "parameter": Rule(None, "cut", lambda shape: 0.02),
}
"""The start of what does not start as a dense map does."""


def by_sizes(op: str, numbers: DrawStatistics) -> list[Rule]:
    """The rules that these numbers of an operation's weight look drawn by, its own start among them."""
    rules = [PLAIN.get(op, TORCH)]
    # A tensor of the file's own has no side where anything enters.
    if op != "parameter":
        rules += RULES
    if len(numbers.shape) < 2:
        rules = [rule for rule in rules if op in PLAIN]
    return [rule for rule in rules if fits(numbers, rule.form, rule.width(numbers.shape))]


def by_number(numbers: DrawStatistics) -> list[Rule]:
    """The rules with a width of one digit, or of two for what ends at a bound, that these numbers look drawn by."""
    deviation = sqrt(numbers.variance)
    found = [
        Rule(Initial("normal", (("std", width),)), "normal", _always(width), said=True)
        for width in _short(deviation, 1)
    ]
    for width in _short(numbers.most, 2):
        found.append(Rule(Initial("uniform", (("low", -width), ("high", width))), "uniform", _always(width), said=True))
    for width in _short(numbers.most / 2, 2):
        found.append(Rule(Initial("truncated_normal", (("std", width),)), "cut", _always(width), said=True))
    return [rule for rule in found if fits(numbers, rule.form, rule.width(numbers.shape))]


def _always(width: float) -> Callable[[tuple[int, ...]], float]:
    return lambda shape: width


def _short(number: float, digits: int) -> set[float]:
    """A number as a person would write it, in up to so many digits."""
    if number <= 0:
        return set()
    return {float(f"{number:.{count}g}") for count in range(1, digits + 1)}
