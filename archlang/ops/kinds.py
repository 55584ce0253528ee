"""Kinds of arguments: what may stand there, and what becomes of it. `accept` checks a value or raises `Fault`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import isfinite

from archlang.dataclass import dataclass
from archlang.diagnostics import did_you_mean
from archlang.ops.values import CodeValue, Extents, Option, Placed, Size, Weighted, show
from archlang.shapes import LARGEST, Poly


class Fault(Exception):
    """A wrong use of an operation; `elaborate` adds the place and makes a diagnostic of it.

    `argument` names the argument at fault, `input` the index of the input tensor; with neither it is the whole stage.
    """

    def __init__(
        self,
        name: str,
        message: str,
        *,
        argument: str | None = None,
        input: int | None = None,
        label: str = "",
        help: str | Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.name, self.message, self.argument, self.input, self.label = name, message, argument, input, label
        if isinstance(help, str):
            help = (help,)
        self.help = tuple(help)


class Kind(ABC):
    """Base of all kinds. `words` are the bare words that mean something here; `role` that of the settings it takes."""

    words: tuple[str, ...] = ()
    role: str | None = None
    stages = False  # whether a stage may stand there

    @property
    @abstractmethod
    def text(self) -> str:
        """In words, for messages and help: `a whole number of at least 1`."""

    @abstractmethod
    def accept(self, value: object) -> object:
        """The value as the operation gets it. Raises `Fault` (wrong-kind, out-of-range, unknown-word)."""

    def wrong(self, value: object) -> Fault:
        """The fault of a value of another kind."""
        return Fault("wrong-kind", f"{self.text} is wanted here, this is {describe(value)}")


def describe(value: object) -> str:
    """Name the kind of a value in words, for messages.

    >>> describe(3), describe(Size((3, 3))), describe("x"), describe([1])
    ('the number 3', 'the size 3x3', 'the text "x"', 'a list')
    """
    match value:
        # Subclasses first: in Python a bool is an int, and a size is a tuple.
        case bool():
            return f"`{show(value)}`"

        case int() | float():
            return f"the number {show(value)}"
        case Size():
            return f"the size {value}"
        case Extents():
            return f"the symbolic size {value}"
        # Cut short: a message stays a message, whatever a file holds.
        case str():
            return f"the text {show(value[:40])}"
        case list() | tuple():
            return "a list"
        case Option():
            return f"the {value.role} `{value.name}`"
        case Poly():
            return f"the symbolic size {value}"
        case Placed():
            return f"the placed size {value}"
        case Weighted():
            return "a weighted sum"
        case _:
            return str(getattr(value, "described", "something else"))


@dataclass(frozen=True)
class Int(Kind):
    """A whole number from `low` to `high`."""

    low: int | None = 1
    high: int | None = None

    @property
    def text(self) -> str:
        return "a whole number" + _range(self.low, self.high)

    def accept(self, value: object) -> int:
        # A size such as `H // 2` is a whole number, but one that is known only with the input.
        if isinstance(value, Poly):
            raise Fault("symbolic-parameters", f"a number must be known here, {value} is symbolic")
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(value)
        _within(value, self.low, self.high, self.text)
        return value


HUGE, TINY = 1e30, 1e-30
"""Sizes of numbers that float32, in which networks compute, still holds together with their inverses."""


@dataclass(frozen=True)
class Real(Kind):
    """A number from `low` to `high`; with `above`, greater than `low`. It is 0 or of a size from `TINY` to `HUGE`."""

    low: float | None = None
    high: float | None = None
    above: bool = False

    @property
    def text(self) -> str:
        if self.above:
            text = f"a number greater than {show(self.low)}"
            if self.high:
                text += f", at most {show(self.high)}"
            return text
        return "a number" + _range(self.low, self.high)

    def accept(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong(value)

        # Before the range: a comparison with nan is False, so that nan would pass every bound.
        if not isfinite(value):
            raise Fault("out-of-range", f"{self.text} is wanted here, this is not finite")
        _within(value, self.low, self.high, self.text)
        # 1e-40 would be 0 in the network, and 1e40 infinity, neither of which was written.
        if value and not TINY <= abs(value) <= HUGE:
            message = f"networks compute in float32: a number here is 0 or of a size from {TINY} to {HUGE}"
            raise Fault("out-of-range", f"{message}, this is {show(value)}")
        if self.above and value == self.low:
            raise Fault("out-of-range", f"{self.text} is wanted here, this is {show(value)}")
        return value


@dataclass(frozen=True)
class Flag(Kind):
    """`true` or `false`."""

    text = "`true` or `false`"

    def accept(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(value)
        return value


@dataclass(frozen=True)
class Words(Kind):
    """One of some bare words."""

    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return "one of " + ", ".join(f"`{word}`" for word in self.words)

    def accept(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.wrong(value)
        # Cut short in the message: the word may be a whole file.
        if value not in self.words:
            raise Fault("unknown-word", f"`{value[:40]}` is not {self.text}", help=did_you_mean(value, self.words))
        return value


@dataclass(frozen=True)
class String(Kind):
    """A text in quotes."""

    text = "a text in quotes"

    def accept(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.wrong(value)
        return value


@dataclass(frozen=True)
class SizeOf(Kind):
    """A size of `rank` numbers, each from `low` to `high`; a single number counts for all."""

    rank: int = 2
    low: int = 1
    high: int = LARGEST

    @property
    def text(self) -> str:
        if self.rank == 1:
            return "a whole number" + _range(self.low, None)
        return "a size such as " + "x".join(["3"] * self.rank)

    def accept(self, value: object) -> Size:
        if isinstance(value, Poly | Extents):
            # How many weights there are, and where windows lie, must not depend on a sample.
            raise Fault("symbolic-parameters", f"a size must be known in numbers here, {value} is symbolic")
        # In Python a bool is an int, and `true` is no size.
        if isinstance(value, int) and not isinstance(value, bool):
            value = Size((value,) * self.rank)
        if not isinstance(value, Size) or len(value) != self.rank:
            raise self.wrong(value)
        for number in value:
            _within(number, self.low, None, f"a size with numbers of at least {self.low}")
            _within(number, None, self.high, f"a size with numbers of at most {self.high}")
        return value


@dataclass(frozen=True)
class ListKind(Kind):
    """A list of `low` to `high` values of one kind."""

    item: Kind
    low: int = 1
    high: int | None = None

    @property
    def text(self) -> str:
        return f"a list, each item {self.item.text}"

    def accept(self, value: object) -> tuple[object, ...]:
        # A size is a tuple, too: 3x3 is no list of two numbers.
        if isinstance(value, Size) or not isinstance(value, (list, tuple)):
            raise self.wrong(value)
        _within(len(value), self.low, self.high, "a list" + _range(self.low, self.high, " items"))
        return tuple(self.item.accept(v) for v in value)

    @property
    def words(self) -> tuple[str, ...]:  # type: ignore[override]  # a list's bare words are its items'
        return self.item.words

    @property
    def role(self) -> str | None:  # type: ignore[override]
        return self.item.role


@dataclass(frozen=True)
class OneOf(Kind):
    """Whatever one of several kinds accepts, tried in order."""

    kinds: tuple[Kind, ...]

    @property
    def text(self) -> str:
        return " or ".join(kind.text for kind in self.kinds)

    def accept(self, value: object) -> object:
        faults = []
        for kind in self.kinds:
            try:
                return kind.accept(value)
            except Fault as fault:
                faults.append(fault)

        # A kind that knows the value and finds it out of range says more than all that do not know it.
        raise next((fault for fault in faults if fault.name != "wrong-kind"), self.wrong(value))

    @property
    def words(self) -> tuple[str, ...]:  # type: ignore[override]
        # Two kinds may share words: an axis, or a list of axes.
        return tuple(dict.fromkeys(word for kind in self.kinds for word in kind.words))

    @property
    def role(self) -> str | None:  # type: ignore[override]
        return next((kind.role for kind in self.kinds if kind.role), None)

    @property
    def stages(self) -> bool:  # type: ignore[override]
        return any(kind.stages for kind in self.kinds)


@dataclass(frozen=True)
class SettingKind(Kind):
    """A setting of a role, such as `cross_connection(hidden = 16)` where a router is wanted."""

    role: str

    @property
    def text(self) -> str:
        if self.role[0] in "aeiou":
            return f"an {self.role}"
        if self.role.endswith("s"):
            return f"a choice of {self.role}"
        return f"a {self.role}"

    def accept(self, value: object) -> Option:
        if not isinstance(value, Option) or value.role != self.role:
            raise self.wrong(value)
        return value


@dataclass(frozen=True)
class SumKind(Kind):
    """A weighted sum of settings of a role: a loss, or a schedule with a factor."""

    role: str

    @property
    def text(self) -> str:
        return f"a {self.role} or a weighted sum of such"

    def accept(self, value: object) -> Weighted:
        # A single term is a sum of one, so that losses and schedules read one form.
        if isinstance(value, Option):
            value = Weighted(((1.0, value),))
        if not isinstance(value, Weighted) or any(option.role != self.role for _, option in value.terms):
            raise self.wrong(value)
        return value


@dataclass(frozen=True)
class StageKind(Kind):
    """A stage: `relu`, `conv(3x3, 64) -> batch_norm`, a block. The evaluator hands it over as it is."""

    text = "a stage"
    stages = True

    def accept(self, value: object) -> object:
        if not getattr(value, "is_stage", False):
            raise self.wrong(value)
        return value


@dataclass(frozen=True)
class TensorKind(Kind):
    """A further input tensor; `many` takes any number of them (at least `low`), and stands last."""

    many: bool = False
    low: int = 1

    text = "a tensor"

    def accept(self, value: object) -> object:
        # A tensor is an input of the call, not one of its arguments: its type is the shape rule's to check.
        return value


@dataclass(frozen=True)
class CodeKind(Kind):
    """A branch code: the name of a `code`, or `words("110", "011")`."""

    text = "a code"

    def accept(self, value: object) -> CodeValue:
        if not isinstance(value, CodeValue):
            raise self.wrong(value)
        return value


@dataclass(frozen=True)
class PlacedSize(Kind):
    """A size with a place: `3x1 at (1, 2)`."""

    text = "a size with its place, such as `3x1 at (1, 2)`"

    def accept(self, value: object) -> Placed:
        if not isinstance(value, Placed):
            raise self.wrong(value)
        return value


def _range(low: float | None, high: float | None, unit: str = "") -> str:
    """A range in words, as it follows `a number`; nothing where it has no bounds."""
    if low is not None and high is not None:
        return f" from {show(low)} to {show(high)}{unit}"
    if low is not None:
        return f" of at least {show(low)}{unit}"
    if high is not None:
        return f" of at most {show(high)}{unit}"
    return ""


def _within(value: float, low: float | None, high: float | None, text: str) -> None:
    """Raise `Fault` (out-of-range) for a number outside of a range; `text` says what is wanted."""
    if (low is not None and value < low) or (high is not None and value > high):
        raise Fault("out-of-range", f"{text} is wanted here, this is {show(value)}")
