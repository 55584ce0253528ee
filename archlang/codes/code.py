"""A branch code: one word of 0 and 1 for each class, a symbol for each branch.

>>> code = Code(("1100", "0011", "1010"))
>>> code.distance, code.columns, code.histogram
(2, (2, 1, 2, 1), {2: 2, 4: 1})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import combinations

from archlang.codes.bounds import Bound, bounds, table_bounds
from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.diagnostics.text import one_line


@dataclass(frozen=True)
class Code:
    """Words of one length, a word a class; `names`, where given, are the classes' names, all different.

    Raises ArchError (bad-code) for fewer than two words, words of different lengths, empty ones, and other symbols
    than 0 and 1. Equal words are kept and reported by `duplicates`; `contract.faults` refuses them.
    """

    words: tuple[str, ...]
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        problems = faults_of_words(self.words) or faults_of_names(self.names, len(self.words))
        if problems:
            raise ArchError(problems)

    @property
    def classes(self) -> int:
        """The number of words."""
        return len(self.words)

    @property
    def branches(self) -> int:
        """The length of a word."""
        return len(self.words[0])

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """The ones in each word: the number of branches active for a class."""
        return tuple(word.count("1") for word in self.words)

    @cached_property
    def active(self) -> int | None:
        """The weight of every word; None if they differ."""
        if len(set(self.weights)) > 1:
            return None
        return self.weights[0]

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """The ones in each column: the number of classes a branch works for."""
        return tuple(column.count("1") for column in zip(*self.words, strict=True))

    @cached_property
    def histogram(self) -> dict[int, int]:
        """The number of pairs of words at each Hamming distance, nearest first."""
        numbers = [int(word, 2) for word in self.words]
        counts = Counter((a ^ b).bit_count() for i, a in enumerate(numbers) for b in numbers[i + 1 :])
        return dict(sorted(counts.items()))

    @cached_property
    def distance(self) -> int:
        """The minimum Hamming distance of two words."""
        return min(self.histogram)

    @cached_property
    def duplicates(self) -> tuple[tuple[int, ...], ...]:
        """Groups of classes (from 0) that share a word."""
        classes_of: dict[str, list[int]] = {}
        for i, word in enumerate(self.words):
            classes_of.setdefault(word, []).append(i)

        return tuple(tuple(group) for group in classes_of.values() if len(group) > 1)

    @cached_property
    def balanced(self) -> bool:
        """True if the columns are as equal as they can be: all equal, or one apart where the ones do not divide."""
        # One apart is as even as it gets only if the ones do not divide by the branches.
        spread = max(self.columns) - min(self.columns)
        return spread == 0 or (spread == 1 and sum(self.columns) % self.branches != 0)

    @cached_property
    def bounds(self) -> tuple[Bound, ...]:
        """Upper bounds on the minimum distance of any code of these sizes, the sharpest first."""
        # The sharper bounds are of words of one weight that all differ.
        if self.active is None or self.duplicates:
            return table_bounds(self.columns, self.classes)
        return bounds(self.classes, self.branches, self.active)

    @property
    def optimal(self) -> bool:
        """True if the bounds forbid any larger minimum distance; a False may also mean that the bounds are weak."""
        return self.distance >= self.bounds[0].distance

    def name(self, i: int) -> str:
        """The name of class `i` (from 0), or its number where classes have no names."""
        if self.names is None:
            return f"class {i}"
        return self.names[i]

    def nearest(self, limit: int = 3) -> tuple[tuple[int, int], ...]:
        """At most `limit` pairs of classes at the minimum distance.

        >>> Code(("1100", "0011", "1010")).nearest()
        ((0, 2), (1, 2))
        """
        pairs: list[tuple[int, int]] = []
        numbers = [int(word, 2) for word in self.words]

        for i, j in combinations(range(len(numbers)), 2):
            if (numbers[i] ^ numbers[j]).bit_count() == self.distance:
                pairs.append((i, j))
                if len(pairs) == limit:
                    break
        return tuple(pairs)


def faults_of_words(words: Sequence[str]) -> list[Diagnostic]:
    """List what keeps words from being a code, in the order of the words."""
    if len(words) < 2:
        return [error("bad-code", f"a code has at least two words, not {len(words)}")]

    problems = []
    for i, word in enumerate(words):
        # A strange symbol first: a word of spaces has the wrong length too, but that is not its fault.
        strange = next((char for char in word if char not in "01"), None)
        if strange is not None:
            problems.append(error("bad-code", f"word {i + 1} holds `{one_line(strange)}`; words are of 0 and 1"))
        elif not word:
            problems.append(error("bad-code", f"word {i + 1} is empty"))
        elif len(word) != len(words[0]):
            problems.append(error("bad-code", f"word {i + 1} has {len(word)} symbols, the first has {len(words[0])}"))
    return problems


def faults_of_names(names: Sequence[str] | None, classes: int) -> list[Diagnostic]:
    """List what is wrong with the classes' names."""
    if names is None:
        return []
    if len(names) != classes:
        return [error("bad-code", f"{classes} words and {len(names)} names")]

    repeated = [name for name, times in Counter(names).items() if times > 1]
    problems = [error("bad-code", f"two classes are called `{one_line(name, 80)}`") for name in repeated]

    # A name is written on a line of its own in a table.
    unusable = [name for name in names if not name.strip() or any(char in name for char in "\r\n")]
    problems += [error("bad-code", f"`{one_line(name, 80)}` is no name of a class") for name in unusable]
    return problems
