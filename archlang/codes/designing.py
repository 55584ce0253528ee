"""The search for codes: shipped tables, known families, orbits joined by cliques, local search.

The order of what counts is that of the source (Coded ResNeXt): one weight for all words, columns as equal as they can
be, then the largest least distance. Work is counted in steps, never in time, so that a seed gives one code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np

from archlang.codes.balance import Choice, choose, solve, spread
from archlang.codes.bounds import Bound, bounds
from archlang.codes.code import Code
from archlang.codes.contract import impossible
from archlang.codes.families import Pool, pools
from archlang.codes.groups import suited
from archlang.codes.local import State, affordable, search
from archlang.codes.orbits import orbit_code
from archlang.codes.shipped import shipped
from archlang.codes.words import MOST, Rows, least_distance, text
from archlang.diagnostics import ArchError, error
from archlang.source import Span

Tell = Callable[[str], None]
"""Told what a search is at, in words."""


@dataclass(frozen=True)
class Effort:
    """Bounds on the work: words listed, groups and first orbits tried, nodes of a clique search, moves and sums of a
    local search, classes that it takes, integer programs."""

    words: int = MOST
    groups: int = 6
    starts: int = 3
    nodes: int = 40_000
    moves: int = 30_000
    sums: int = 1_000_000_000
    classes: int = 4_096
    programs: int = 4


FULL = Effort()
BOUNDED = Effort(words=150_000, groups=1, starts=2, nodes=1_000, moves=1_500, sums=20_000_000, classes=256, programs=0)

QUICK = 100_000
"""Words of which all orbits are found sooner than a local search ends."""


@dataclass(frozen=True)
class Design:
    """A code, and how it was made. `further` is a larger distance that was found with uneven columns only."""

    code: Code
    how: str
    further: int | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """A word of 0 and 1 for each class."""
        return self.code.words

    @property
    def distance(self) -> int:
        """The least distance of two words."""
        return self.code.distance

    @property
    def columns(self) -> tuple[int, ...]:
        """The classes that each branch works for."""
        return self.code.columns

    @property
    def histogram(self) -> dict[int, int]:
        """Distance to number of pairs."""
        return self.code.histogram

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """Upper bounds on the least distance, the sharpest first."""
        return self.code.bounds

    @property
    def optimal(self) -> bool:
        """Whether the bounds forbid any larger least distance."""
        return self.code.optimal


def design(
    classes: int, branches: int, active: int, distance: int | None = None, seed: int = 0, *, fresh: bool = False,
    uneven: bool = False, names: Sequence[str] | None = None, tell: Tell | None = None,
) -> Design:  # fmt: skip
    """The best code that is found: words of weight `active`, even columns, the largest least distance.

    With `distance`, the first code of at least that distance. `fresh` uses no shipped table; `uneven` lets columns
    differ for a larger distance. Raises ArchError (code-contract) for what a bound forbids or the search misses.

    >>> ten = design(classes=10, branches=10, active=3)
    >>> ten.distance, ten.columns, ten.optimal
    (4, (3, 3, 3, 3, 3, 3, 3, 3, 3, 3), True)
    """
    refuse_impossible(classes, branches, active, distance)
    known = None if fresh else shipped(classes, branches, active)
    if known is not None and known[0].distance >= (distance or 0) and not uneven:
        found = Design(known[0], known[1])
    else:
        hunt = Hunt(classes, branches, active, seed, FULL, uneven, tell)
        found = hunt.run(distance)
        if distance is not None and found.distance < distance:
            raise _not_reached(found, distance)
    return found if names is None else replace(found, code=Code(found.words, tuple(names)))


def bounded_design(
    classes: int, branches: int, active: int, distance: int | None = None, seed: int = 0, span: Span | None = None
) -> Design:
    """A design by little work: shipped tables, quick families, a short search.

    Raises ArchError (code-contract), at `span`, for the impossible and for what takes more; the latter tells the
    command that designs the code once.

    >>> bounded_design(classes=10, branches=10, active=5, distance=4).distance
    4
    """
    refuse_impossible(classes, branches, active, distance, span)
    known = shipped(classes, branches, active)
    if known is not None and known[0].distance >= (distance or 0):
        return Design(*known)
    hunt = Hunt(classes, branches, active, seed, BOUNDED)
    found = hunt.run(distance)
    if hunt.best is None or found.distance < (distance or 2):
        command = f"archlang codes design --classes {classes} --branches {branches} --active {active}"
        command += "" if distance is None else f" --distance {distance}"
        help = (f"design it once: `{command} -o words.csv`", 'and read it: `code name = from "words.csv"`')
        wanted = f" of distance {distance}" if distance else ""
        message = f"a code{wanted} for {classes} classes of {active} in {branches} branches takes too long to find here"
        raise ArchError(error("code-contract", message, span, help=help))
    return found


def refuse_impossible(
    classes: int, branches: int, active: int, distance: int | None = None, span: Span | None = None
) -> None:
    """Raises ArchError (code-contract) with the bound that forbids such a code."""
    found = impossible(classes, branches, active, distance, span)
    if found is not None:
        raise ArchError(found)


def _not_reached(found: Design, distance: int) -> ArchError:
    wide = f"; with uneven columns it reached {found.further} (`--uneven`)" if found.further else ""
    message = f"the search found no such code of distance {distance}{wide}"
    notes = [f"{b.name} bound: {b.distance} at most" for b in found.bounds]
    return ArchError(error("code-contract", message, help="another `--seed` searches elsewhere", notes=notes))


@dataclass(frozen=True, eq=False)
class Found:
    """Words that a part of the search came up with."""

    rows: Rows
    how: str
    distance: int


class Hunt:
    """One search: its sizes, what it may spend, the best words so far."""

    def __init__(
        self, classes: int, branches: int, active: int, seed: int, effort: Effort, uneven: bool = False,
        tell: Tell | None = None,
    ) -> None:  # fmt: skip
        self.classes, self.branches, self.active = classes, branches, active
        self.seed, self.effort, self.uneven, self.tell = seed, effort, uneven, tell or (lambda line: None)
        self.top = bounds(classes, branches, active)[0].distance
        self.best: Found | None = None
        self.further = 0
        self.pools: list[Pool] = []

    def run(self, distance: int | None = None) -> Design:
        """Families first; then every step up in distance by orbits and local search, until one fails."""
        for found in self._families(distance or 2):
            if self._offer(found):
                break
        while self._reached < (distance or self.top):
            goal = distance or max(self._reached + 2, 2)
            if not any(self._offer(found) for found in self._searches(goal)):
                break
        best = self.best or self._random()
        order = np.lexsort(best.rows.T[::-1])[::-1]
        code = Code(text(best.rows[order]))
        return Design(code, best.how, self.further if self.further > best.distance else None)

    @property
    def _reached(self) -> int:
        return self.best.distance if self.best else 0

    def _offer(self, found: Found) -> bool:
        """Keep words that are better than the best; whether they are, with columns as they must be."""
        total = self.classes * self.active
        even = spread(found.rows) <= (1 if total % self.branches else 0)
        if not even and not self.uneven:
            self.further = max(self.further, found.distance)
            return False
        if found.distance <= self._reached:
            return False
        self.best = found
        self.tell(f"distance {found.distance} (at most {self.top}): {found.how}")
        return True

    def _rng(self, *stage: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.classes, self.branches, self.active, *stage])

    def _families(self, least: int) -> Iterator[Found]:
        self.tell("known families of codes")
        self.pools = pools(self.classes, self.branches, self.active, self.effort.words)
        for number, pool in enumerate(self.pools):
            if pool.distance >= least:
                yield self._found(choose(pool.rows, self.classes, self._rng(1, number)), pool.name)

    def _programs(self, goal: int) -> Iterator[Found]:
        """Families whose words the swaps left with uneven columns, by the integer program."""
        fit = [pool for pool in self.pools if pool.distance >= goal]
        for number, pool in enumerate(fit[: self.effort.programs]):
            self.tell(f"distance {goal}: an integer program for even columns of {pool.name}")
            yield self._found(solve(pool.rows, self.classes, self._rng(5, number)), pool.name)

    def _searches(self, goal: int) -> Iterator[Found]:
        """Words of at least the distance `goal`; of orbits and local search the one first that is quicker here."""
        quick = self.classes > 40 or comb(self.branches, self.active) <= QUICK
        parts = (self._orbits, self._local) if quick else (self._local, self._orbits)
        for part in (*parts, self._programs):
            yield from part(goal)

    def _orbits(self, goal: int) -> Iterator[Found]:
        effort = self.effort
        if self.branches > 64 or comb(self.branches, self.active) > 20 * effort.words:
            return
        for number, group in enumerate(suited(self.branches, self.classes)[: effort.groups]):
            def told(start: int, words: int, name: str = group.name) -> None:
                self.tell(f"distance {goal}: orbits under {name}, start {start}: {words} of {self.classes} words")

            rng = self._rng(2, goal, number)
            made = orbit_code(group, self.active, goal, self.classes, rng, told, effort.starts, effort.nodes)
            if made is not None:
                yield self._found(choose(made[0], self.classes, rng, made[1]), f"orbits under {group.name}")

    def _local(self, goal: int) -> Iterator[Found]:
        if self.classes > self.effort.classes:
            return
        sizes = (self.classes, self.branches, self.active)
        moves = min(affordable(*sizes, self.effort.sums), self.effort.moves)

        def told(move: int, near: int) -> None:
            self.tell(f"distance {goal}: local search, move {move} of {moves}, {near} pairs too near")

        rows = search(*sizes, goal, self._rng(3, goal), moves, told)
        if rows is not None:
            yield Found(rows, "local search", least_distance(rows))

    def _found(self, choice: Choice, name: str) -> Found:
        how = f"{name}, {choice.how}" if choice.how else name
        return Found(choice.rows, how, least_distance(choice.rows))

    def _random(self) -> Found:
        """What stands where nothing was found: the start of a local search."""
        rows = State(self.classes, self.branches, self.active, self.active, self._rng(4)).rows.astype(np.uint8)
        return Found(rows, "random words", least_distance(rows))
