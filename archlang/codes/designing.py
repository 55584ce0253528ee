"""Codes by their sizes: shipped tables, else a search; a thorough one for a command, a short one while checking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import comb

import numpy as np

from archlang.codes.bounds import Bound
from archlang.codes.code import Code
from archlang.codes.contract import impossible
from archlang.codes.searching import BOUNDED, FULL, CodeSearch, CodeSizes, Tell
from archlang.codes.shipped import shipped
from archlang.codes.words import text
from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError, error
from archlang.source import Span

PER_STEP = 500
"""Digits that numpy compares in the time of one step of Python."""


@dataclass(frozen=True)
class Design:
    """A code, and the way it was made. `further` is a larger distance that was reached with uneven columns only."""

    code: Code
    how: str
    further: int | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """A word of 0 and 1 for each class."""
        return self.code.words

    @property
    def distance(self) -> int:
        """The minimum distance of two words."""
        return self.code.distance

    @property
    def columns(self) -> tuple[int, ...]:
        """The number of classes that each branch works for."""
        return self.code.columns

    @property
    def histogram(self) -> dict[int, int]:
        """The number of pairs of words at each distance."""
        return self.code.histogram

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """Upper bounds on the minimum distance, the sharpest first."""
        return self.code.bounds

    @property
    def optimal(self) -> bool:
        """True if the bounds forbid any larger minimum distance."""
        return self.code.optimal


def design(
    classes: int, branches: int, active: int, distance: int | None = None, seed: int = 0, *, fresh: bool = False,
    uneven: bool = False, effort: int = 1, names: Sequence[str] | None = None, tell: Tell | None = None,
) -> Design:  # fmt: skip
    """Search for the best code: words of weight `active`, even columns, the largest minimum distance.

    Args:
        classes: the number of words.
        branches: the length of a word.
        active: the weight of every word.
        distance: a minimum distance to reach; the first code that has it is returned.
        seed: another seed searches elsewhere; the same one gives the same code.
        fresh: search even where a table of this size is shipped.
        uneven: let column sums differ, for a larger distance.
        effort: rounds of search at each distance, 1 or more; more of them take longer and never give a worse code.
        names: the classes' names.
        tell: called with the progress, in words.

    Raises ArchError (code-contract) for what a bound forbids or the search does not reach.

    >>> ten = design(classes=10, branches=10, active=3)
    >>> ten.distance, ten.columns, ten.optimal
    (4, (3, 3, 3, 3, 3, 3, 3, 3, 3, 3), True)
    """
    refuse_impossible(classes, branches, active, distance)

    # A shipped table has even columns: where those are given up, the search may reach more.
    result = None
    if not fresh and not uneven:
        result = _shipped(classes, branches, active, distance)

    if result is None:
        code_search = CodeSearch(CodeSizes(classes, branches, active), seed, FULL, effort, uneven, tell)
        result = _result(code_search, distance)
        if distance is not None and result.distance < distance:
            raise _not_reached(result, distance)

    if names is None:

        return result
    return replace(result, code=Code(result.words, tuple(names)))


def bounded_design(
    classes: int, branches: int, active: int, distance: int | None = None, seed: int = 0, span: Span | None = None
) -> Design:
    """Design a code with little work: shipped tables, quick families, a short search.

    Raises ArchError (code-contract), at `span`, for the impossible and for what takes more work; the latter tells the
    command that designs the code once.

    >>> bounded_design(classes=10, branches=10, active=5, distance=4).distance
    4
    """
    refuse_impossible(classes, branches, active, distance, span)
    known = _shipped(classes, branches, active, distance)
    if known is not None:
        return known

    code_search = CodeSearch(CodeSizes(classes, branches, active), seed, BOUNDED)
    result = _result(code_search, distance)
    # Without a best one, the words are random: no design.
    if code_search.best is None or result.distance < (distance or 2):
        raise takes_too_long(classes, branches, active, distance, span)
    return result


def bounded_steps(classes: int, branches: int, active: int, distance: int | None = None) -> int:
    """The steps that `bounded_design` may take: each word that is chosen is one of many, which are looked at again.

    A step is `PER_STEP` digits compared; a shipped table takes none.

    >>> bounded_steps(classes=11, branches=10, active=5), bounded_steps(classes=1000, branches=32, active=8)
    (55, 0)
    """
    if _shipped(classes, branches, active, distance) is not None:
        return 0
    words = min(comb(branches, active), BOUNDED.words)
    return classes * branches * words // PER_STEP


def refuse_impossible(
    classes: int, branches: int, active: int, distance: int | None = None, span: Span | None = None
) -> None:
    """Raise ArchError (code-contract), with the bound that forbids it, if no such code exists."""
    problem = impossible(classes, branches, active, distance, span)
    if problem is not None:
        raise ArchError(problem)


def _shipped(classes: int, branches: int, active: int, distance: int | None) -> Design | None:
    """The shipped table of these sizes, if it has the distance."""
    known = shipped(classes, branches, active)
    if known is None:
        return None

    code, how = known
    if distance is not None and code.distance < distance:
        return None
    return Design(code, how)


def _result(code_search: CodeSearch, distance: int | None) -> Design:
    """Run a search; the words come in decreasing order, so that a code does not depend on the way to it."""
    best = code_search.run(distance)
    # Lexicographic with the first branch as the most significant: `lexsort` takes that key last.
    order = np.lexsort(best.rows.T[::-1])[::-1]

    further = None
    if code_search.further > best.distance:
        further = code_search.further
    return Design(Code(text(best.rows[order])), best.how, further)


def _not_reached(result: Design, distance: int) -> ArchError:
    """The error of a search that did not reach the distance asked for."""
    message = f"the search found no such code of distance {distance}"
    if result.further is not None:
        message += f"; with uneven columns it reached {result.further} (`--uneven`)"

    notes = [f"{b.name} bound: {b.distance} at most" for b in result.bounds]
    help = "`--effort` searches longer, another `--seed` elsewhere"
    return ArchError(error("code-contract", message, help=help, notes=notes))


def takes_too_long(
    classes: int, branches: int, active: int, distance: int | None, span: Span | None
) -> ArchError:
    """The error of a code that little work does not find, with the command that looks for longer."""
    command = f"archlang codes design --classes {classes} --branches {branches} --active {active}"
    wanted = ""
    if distance is not None:
        command += f" --distance {distance}"
        wanted = f" of distance {distance}"

    help = (f"design it once: `{command} -o words.csv`", 'and read it: `code name = from "words.csv"`')
    message = f"a code{wanted} for {classes} classes of {active} in {branches} branches takes too long to find here"
    return ArchError(error("code-contract", message, span, help=help))
