"""A branch code: which branches of a network work for which classes, one word of 0 and 1 for each class.

>>> code = Code(("1100", "0011", "1010"))
>>> code.distance, code.columns, code.histogram
(2, (2, 1, 2, 1), {2: 2, 4: 1})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from archlang.codes.bounds import Bound, bounds, table_bounds
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
        found = faults_of_words(self.words) or faults_of_names(self.names, len(self.words))
        if found:
            raise ArchError(found)

    @property
    def classes(self) -> int:
        """How many words there are."""
        return len(self.words)

    @property
    def branches(self) -> int:
        """How long a word is."""
        return len(self.words[0])

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """Ones in each word: the branches that work for a class."""
        return tuple(word.count("1") for word in self.words)

    @cached_property
    def active(self) -> int | None:
        """The weight of every word, None where they differ."""
        return self.weights[0] if len(set(self.weights)) == 1 else None

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """Ones in each column: the classes that a branch works for."""
        return tuple(column.count("1") for column in zip(*self.words, strict=True))

    @cached_property
    def histogram(self) -> dict[int, int]:
        """Hamming distance to the number of pairs of words that have it, nearest first."""
        numbers = [int(word, 2) for word in self.words]
        counts = Counter(
            (a ^ b).bit_count() for i, a in enumerate(numbers) for b in numbers[i + 1 :]
        )  # fmt: skip
        return dict(sorted(counts.items()))

    @cached_property
    def distance(self) -> int:
        """The least Hamming distance of two words."""
        return min(self.histogram)

    @cached_property
    def duplicates(self) -> tuple[tuple[int, ...], ...]:
        """Groups of classes (from 0) that share a word."""
        places: dict[str, list[int]] = {}
        for i, word in enumerate(self.words):
            places.setdefault(word, []).append(i)
        return tuple(tuple(group) for group in places.values() if len(group) > 1)

    @cached_property
    def balanced(self) -> bool:
        """Whether the columns are as equal as they can be: all equal, or one apart where the ones do not divide."""
        spread = max(self.columns) - min(self.columns)
        return spread <= (1 if sum(self.columns) % self.branches else 0)

    @cached_property
    def bounds(self) -> tuple[Bound, ...]:
        """Upper bounds on the least distance of any code of these sizes, the sharpest first."""
        if self.active is None or self.duplicates:
            return table_bounds(self.columns, self.classes)
        return bounds(self.classes, self.branches, self.active)

    @property
    def optimal(self) -> bool:
        """Whether no code of these sizes can have a larger least distance, as far as the bounds tell."""
        return self.distance >= self.bounds[0].distance

    def name(self, i: int) -> str:
        """What to call class `i` (from 0)."""
        return self.names[i] if self.names else f"class {i}"

    def nearest(self, limit: int = 3) -> tuple[tuple[int, int], ...]:
        """At most `limit` pairs of classes at the least distance.

        >>> Code(("1100", "0011", "1010")).nearest()
        ((0, 2), (1, 2))
        """
        found: list[tuple[int, int]] = []
        numbers = [int(word, 2) for word in self.words]
        for i, j in combinations(range(len(numbers)), 2):
            if (numbers[i] ^ numbers[j]).bit_count() == self.distance:
                found.append((i, j))
                if len(found) == limit:
                    break
        return tuple(found)


def faults_of_words(words: Sequence[str]) -> list[Diagnostic]:
    """What keeps words from being a code, in the order of the words."""
    if len(words) < 2:
        return [error("bad-code", f"a code has at least two words, not {len(words)}")]
    found = []
    for i, word in enumerate(words):
        if strange := next((char for char in word if char not in "01"), None):
            found.append(error("bad-code", f"word {i + 1} holds `{one_line(strange)}`; words are of 0 and 1"))
        elif not word:
            found.append(error("bad-code", f"word {i + 1} is empty"))
        elif len(word) != len(words[0]):
            found.append(error("bad-code", f"word {i + 1} has {len(word)} symbols, the first has {len(words[0])}"))
    return found


def faults_of_names(names: Sequence[str] | None, classes: int) -> list[Diagnostic]:
    """What is wrong with the classes' names."""
    if names is None:
        return []
    if len(names) != classes:
        return [error("bad-code", f"{classes} words and {len(names)} names")]
    twice = [name for name, times in Counter(names).items() if times > 1]
    found = [error("bad-code", f"two classes are called `{one_line(name, 80)}`") for name in twice]
    strange = [name for name in names if not name.strip() or any(char in name for char in "\r\n")]
    return found + [error("bad-code", f"`{one_line(name, 80)}` is no name of a class") for name in strange]
