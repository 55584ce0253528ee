"""The stage that a row makes of a call, without the arguments that have no counterpart here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from archlang.dataclass import dataclass
from archlang.elaborate.habits.habit import CallReading, Habit
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import Argument, Expr

MOST = 12
"""Arguments of a call that is tried without some of them."""


@dataclass(frozen=True)
class WrittenCall:
    """A stage as it is written here, None if a row makes none; `dropped` are the arguments that it does without."""

    text: str | None
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entering:
    """The tensor that flows into a call.

    `rank` is its axes, without the batch, None if that is not known; `source` is its text, empty if it has none;
    `text_of` gives the texts of values beside it.
    """

    rank: int | None
    source: str
    text_of: Callable[[Expr], str]


def written(row: Habit, arguments: Sequence[Argument], entering: Entering) -> WrittenCall:
    """Write a stage from all arguments of a call, or else from as many as the row has words for.

    Args:
        row: the function or layer that was called.
        arguments: what it was given, without the tensor that flows in.
        entering: that tensor.
    """
    text = _whole(row, arguments, entering)
    if text is not None or not row.here or len(arguments) > MOST:
        return WrittenCall(text)

    for dropped in _choices(row, arguments):
        rest = [argument for argument in arguments if argument not in dropped]
        text = _whole(row, rest, entering)
        if text is not None:
            return WrittenCall(text, tuple(argument.name or print_flat(argument.value) for argument in dropped))
    return WrittenCall(None)


def _whole(row: Habit, arguments: Sequence[Argument], entering: Entering) -> str | None:
    reading = CallReading(row.parameters, arguments, entering.rank, entering.text_of, entering.source)
    if row.parameters and not reading.fits:
        return None
    return row.write(reading)


def _choices(row: Habit, arguments: Sequence[Argument]) -> Iterator[list[Argument]]:
    """The arguments to leave out, fewest first: names that the row does not know, then one more that has a name."""
    unknown = [one for one in arguments if one.name is not None and one.name not in row.parameters]
    if unknown:
        yield unknown
    named = [one for one in arguments if one.name is not None and one not in unknown]
    for one in named:
        yield [*unknown, one]
    if len(named) > 1:
        yield [*unknown, *named]

    # By place a row may be given more than it knows.
    if len(arguments) > len(unknown) + len(named) > 0 or (arguments and not row.parameters):
        yield list(arguments)
