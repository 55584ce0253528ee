"""The search for a code: known families, then orbits of groups and local search, distance by distance.

The order of the aims is that of the source (Coded ResNeXt): one weight for all words, columns as equal as they can be,
then the largest minimum distance. Work is counted in steps, never in time, so that a seed gives one code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field
from math import comb

import numpy as np

from archlang.codes.balance import ChosenWords, choose, choose_orbits, is_even, solve
from archlang.codes.bounds import bounds
from archlang.codes.families import WordFamily, families
from archlang.codes.groups import PermutationGroup, suited
from archlang.codes.local import TabuState, affordable, search
from archlang.codes.orbits import OrbitEffort, orbit_code
from archlang.codes.packing import is_listed, packed_code, partitions
from archlang.codes.words import MOST, Rows, least_distance
from archlang.dataclass import dataclass

Tell = Callable[[str], None]
"""Called with the progress of a search, in words."""

QUICK = 100_000
"""Words of which all orbits are listed sooner than a local search ends."""

FEW_CLASSES = 40
"""Classes up to which a local search ends soon."""

FEW_WORDS = 400
"""Words up to which it is worthwhile to swap them one by one for even columns."""


@dataclass(frozen=True)
class Effort:
    """Bounds on the work of a search.

    Args:
        words: words of a family, listed at once.
        groups: permutation groups tried at each distance.
        orbits: bounds on the search under one group.
        moves: moves of a local search.
        sums: sums that a local search may take, which allow fewer moves for large codes.
        classes: classes up to which a local search is made.
        programs: integer programs for even columns.
        packings: groups under which orbits are packed, where all words can be listed.
        sampled_packings: the same where words are sampled, which takes longer.
    """

    words: int = MOST
    groups: int = 6
    orbits: OrbitEffort = field(default_factory=OrbitEffort)
    moves: int = 30_000
    sums: int = 1_000_000_000
    classes: int = 4_096
    programs: int = 4
    packings: int = 24
    sampled_packings: int = 12


FULL = Effort()
BOUNDED = Effort(
    words=150_000, groups=1, orbits=OrbitEffort(starts=2, nodes=1_000), moves=1_500, sums=20_000_000, classes=256,
    programs=0, packings=0, sampled_packings=0,
)  # fmt: skip
"""The work of `design`, and that of a `code` in a file, which is checked as one types."""


@dataclass(frozen=True, eq=False)
class CandidateCode:
    """Words that a part of the search came up with, the way they were made, and their minimum distance."""

    rows: Rows
    how: str
    distance: int


@dataclass(frozen=True)
class CodeSizes:
    """The sizes of a code: words, branches, and ones in every word."""

    classes: int
    branches: int
    active: int


class CodeSearch:
    """One search: the sizes, the work it may do, and the best words so far.

    Args:
        sizes: words, branches, and ones in every word.
        seed: another seed searches elsewhere.
        effort: bounds on the work of one round.
        rounds: the rounds made at a distance before it is given up; each tries other groups, samples and starts.
        uneven: let column sums differ.
        tell: called with the progress.

    Attributes:
        best: the best words with columns as they must be; None before any.
        further: the largest distance of words whose columns are uneven.
    """

    def __init__(
        self, sizes: CodeSizes, seed: int, effort: Effort, rounds: int = 1, uneven: bool = False,
        tell: Tell | None = None,
    ) -> None:  # fmt: skip
        self.sizes, self.seed, self.effort, self.rounds, self.uneven = sizes, seed, effort, rounds, uneven
        self.tell = tell or (lambda line: None)
        self.limit = bounds(sizes.classes, sizes.branches, sizes.active)[0].distance
        self.best: CandidateCode | None = None
        self.further = 0
        self.families: list[WordFamily] = []

    def run(self, distance: int | None = None) -> CandidateCode:
        """Try families, then every step up in distance by other means, until a step fails.

        With `distance`, that step alone is tried. Without any words, random ones are returned.
        """
        # Families come largest distance first: the first that is kept is the best.
        for candidate in self._from_families(distance or 2):
            if self._offer(candidate):
                break

        while self._reached < (distance or self.limit):
            goal = distance or max(self._reached + 2, 2)
            if not any(self._offer(candidate) for candidate in self._searches(goal)):
                # A larger distance is harder still.
                break

        return self.best or self._random()

    @property
    def _reached(self) -> int:
        """The distance of the best words so far."""
        if self.best is None:
            return 0
        return self.best.distance

    def _offer(self, candidate: CandidateCode) -> bool:
        """Keep words that are better than the best; True if they are, with columns as they must be."""
        if not self.uneven and not is_even(candidate.rows):
            self.further = max(self.further, candidate.distance)
            return False
        if candidate.distance <= self._reached:
            return False

        self.best = candidate
        self.tell(f"distance {candidate.distance} (at most {self.limit}): {candidate.how}")
        return True

    def _rng(self, *stage: int) -> np.random.Generator:
        """A generator of its own for each stage: work saved in one does not change another."""
        sizes = self.sizes
        return np.random.default_rng([self.seed, sizes.classes, sizes.branches, sizes.active, *stage])

    def _from_families(self, least: int) -> Iterator[CandidateCode]:
        """Words of every known family with at least a distance."""
        sizes = self.sizes
        self.tell("known families of codes")
        self.families = families(sizes.classes, sizes.branches, sizes.active, self.effort.words)

        for number, family in enumerate(self.families):
            if family.distance >= least:
                chosen = choose(family.rows, sizes.classes, self._rng(1, number))
                yield _candidate(chosen, family.name)

    def _searches(self, goal: int) -> Iterator[CandidateCode]:
        """Words of at least the distance `goal`, by every means that takes more work than families."""
        sizes = self.sizes
        orbits_are_quick = sizes.classes > FEW_CLASSES or comb(sizes.branches, sizes.active) <= QUICK

        # Later rounds come after all of the earlier ones, so that more rounds never give a worse code.
        for number in range(self.rounds):
            if orbits_are_quick:
                yield from self._from_orbits(goal, number)
                yield from self._from_local_search(goal, number)
            else:
                yield from self._from_local_search(goal, number)
                yield from self._from_orbits(goal, number)
            yield from self._from_programs(goal, number)
            yield from self._from_packings(goal, number)

    def _groups(self, count: int, number: int) -> Iterator[tuple[int, PermutationGroup]]:
        """The groups of a round, each with a number of its own; after the last group comes the first one again."""
        if count == 0:
            return
        groups = suited(self.sizes.branches, self.sizes.classes)
        for index in range(number * count, (number + 1) * count):
            if index < len(groups) or (groups and number > 0):
                yield index, groups[index % len(groups)]

    def _from_orbits(self, goal: int, number: int) -> Iterator[CandidateCode]:
        """Orbits of groups, joined by a branch-and-bound search for cliques."""
        sizes, effort = self.sizes, self.effort
        # These orbits are listed as masks of 64 bits.
        if sizes.branches > 64 or comb(sizes.branches, sizes.active) > 20 * effort.words:
            return

        for index, group in self._groups(effort.groups, number):
            def tell(start: int, words: int, name: str = group.name) -> None:
                self.tell(f"distance {goal}: orbits under {name}, start {start}: {words} of {sizes.classes} words")

            rng = self._rng(2, goal, index)
            code = orbit_code(group, sizes.active, goal, sizes.classes, rng, tell, effort.orbits)
            if code is not None:
                rows, parts = code
                yield _candidate(choose(rows, sizes.classes, rng, parts), f"orbits under {group.name}")

    def _from_local_search(self, goal: int, number: int) -> Iterator[CandidateCode]:
        """Words found by tabu search."""
        sizes, effort = self.sizes, self.effort
        if sizes.classes > effort.classes:
            return
        moves = min(affordable(sizes.classes, sizes.branches, sizes.active, effort.sums), effort.moves)

        def tell(move: int, near: int) -> None:
            self.tell(f"distance {goal}: local search, move {move} of {moves}, {near} pairs too near")

        rng = self._rng(3, goal, *_later(number))
        rows = search(sizes.classes, sizes.branches, sizes.active, goal, rng, moves, tell)
        if rows is not None:
            yield CandidateCode(rows, "local search", least_distance(rows))

    def _from_programs(self, goal: int, number: int) -> Iterator[CandidateCode]:
        """Families whose words the swaps left with uneven columns, by the integer program."""
        far_enough = [family for family in self.families if family.distance >= goal]
        for index, family in enumerate(far_enough[: self.effort.programs]):
            self.tell(f"distance {goal}: an integer program for even columns of {family.name}")
            chosen = solve(family.rows, self.sizes.classes, self._rng(5, index, *_later(number)))
            yield _candidate(chosen, family.name)

    def _from_packings(self, goal: int, number: int) -> Iterator[CandidateCode]:
        """Orbits of groups, packed by tabu search."""
        sizes, effort = self.sizes, self.effort
        count = effort.sampled_packings
        if is_listed(sizes.branches, sizes.active):
            count = effort.packings

        for index, group in self._groups(count, number):
            self.tell(f"distance {goal}: packing orbits under {group.name}")
            rng = self._rng(6, goal, index)
            rows = packed_code(group, sizes.active, goal, sizes.classes, rng)
            if rows is None:
                continue

            chosen = choose_orbits(rows, sizes.classes, rng, partitions(rows, group))
            # Of many words, swapping one by one would take long and rarely reach even columns.
            if chosen is None and len(rows) <= FEW_WORDS:
                chosen = choose(rows, sizes.classes, rng)
            if chosen is None:
                chosen = ChosenWords(rows[: sizes.classes], "with uneven columns")
            yield _candidate(chosen, f"packed orbits under {group.name}")

    def _random(self) -> CandidateCode:
        """The start of a local search, for sizes where nothing else gave any words."""
        sizes = self.sizes
        state = TabuState(sizes.classes, sizes.branches, sizes.active, sizes.active, self._rng(4))
        rows = state.rows.astype(np.uint8)
        return CandidateCode(rows, "random words", least_distance(rows))


def _later(number: int) -> tuple[int, ...]:
    """The number of a round as a part of a seed; nothing for the first, which draws as a search of one round does."""
    if number == 0:
        return ()
    return (number,)


def _candidate(chosen: ChosenWords, name: str) -> CandidateCode:
    """Words of a family or a group, with their exact distance."""
    how = name
    if chosen.how:
        how = f"{name}, {chosen.how}"
    return CandidateCode(chosen.rows, how, least_distance(chosen.rows))
