"""Options in a data set's name: `mnist5k:train=1000,rotated,seed=3`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archlang.diagnostics import did_you_mean
from archlang.diagnostics.text import one_line
from archlang.train.problems import unknown_data


@dataclass(frozen=True)
class DataOption:
    """An option of a data set: a whole number, or one of some words.

    default   its value where it is not named; None where that means without it
    bare      its value where it is named alone, as in `rotated`; None where it wants one
    low, high the bounds of a number
    words     the words that may stand, for an option that is no number
    """

    name: str
    default: int | str | None = None
    bare: int | str | None = None
    low: int = 0
    high: int = 2**31 - 1
    words: tuple[str, ...] = ()

    def value(self, text: str | None) -> int | str:
        """The value of a text, None being the option alone. Raises `ArchError` (unknown-data)."""
        if text is None and self.bare is not None:
            return self.bare
        if self.words:
            if text in self.words:
                return text
            raise unknown_data(f"the option `{self.name}` is one of {', '.join(self.words)}, not {_said(text)}")

        # Nineteen digits would be read, and are no number of anything here.
        if text is None or not (text.isascii() and text.isdigit() and len(text) < 12):
            raise unknown_data(f"the option `{self.name}` wants a whole number, not {_said(text)}",
                               help=f"such as `{self.name}={max(self.low, 1)}`")
        if not self.low <= int(text) <= self.high:
            raise unknown_data(f"the option `{self.name}` lies from {self.low} to {self.high}, not at {int(text)}")
        return int(text)


Values = Mapping[str, int | str | None]
"""A value for every option of a data set."""


def read_options(name: str, text: str, known: tuple[DataOption, ...]) -> dict[str, int | str | None]:
    """The options of `NAME:text`, those that are not named by their defaults.

    >>> read_options("x", "rotated,seed=3", (DataOption("rotated", bare=180), DataOption("seed", default=0)))
    {'rotated': 180, 'seed': 3}

    Raises `ArchError` (unknown-data) for an option that the data does not have, one that is named twice, and a value
    that it does not take.
    """
    table = {option.name: option for option in known}
    values = {option.name: option.default for option in known}
    named: set[str] = set()

    # In the order in which they were typed, so that the first mistake is told.
    for word, value in _words(text):
        if word not in table:
            hints = (*did_you_mean(word, table), f"`{name}` has the options {', '.join(table)}")
            raise unknown_data(f"`{name}` has no option `{one_line(word, 40)}`", help=hints)
        if word in named:
            raise unknown_data(f"the option `{word}` is given twice")
        named.add(word)
        values[word] = table[word].value(value)

    return values


def number(values: Values, name: str) -> int:
    """The whole number of an option that always has one."""
    value = values[name]
    assert isinstance(value, int)
    return value


def _words(text: str) -> Iterator[tuple[str, str | None]]:
    # `digits:` is `digits`.
    if not text:
        return
    for part in text.split(","):
        word, equals, value = part.partition("=")
        # `rotated=` is no number, and not `rotated` alone either.
        if equals:
            yield word.strip(), value.strip()
        else:
            yield word.strip(), None


def _said(text: str | None) -> str:
    if text is None:
        return "alone"
    return f"`{one_line(text, 40)}`"
