"""Permutation groups on the branches: affine, projective, linear and cyclic ones, also with fixed points.

>>> [(g.name, g.order, len(g.shifts)) for g in groups(8)[:2]]
[('AGL(1, 8)', 56, 8), ('the subgroup of index 7 in AGL(1, 8)', 8, 8)]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

from archlang.codes.fields import field as finite_field
from archlang.codes.fields import prime_power
from archlang.dataclass import dataclass

LARGEST = 2_100
"""Groups of more elements are not listed."""

LARGEST_FIELD = 64
LARGEST_PRIME = 13
"""Orders up to which affine groups and projective groups are made; words are masks of 64 bits."""

MOST_COPIES, MOST_FIXED = 6, 2
"""Copies of Z_m that a cyclic group moves at once, and points that it may leave where they are."""

Permutation = tuple[int, ...]


@dataclass(frozen=True)
class GroupPlan:
    """Generators of a group, before its elements are listed.

    Args:
        name: the name for people.
        shifts: generators of the subgroup of shifts.
        others: further generators.
        cyclic: whether the shifts are those of Z_m, perhaps on several copies.
    """

    name: str
    shifts: Sequence[Permutation]
    others: Sequence[Permutation] = ()
    cyclic: bool = False


@dataclass(frozen=True, eq=False)
class PermutationGroup:
    """A group by its elements.

    Args:
        name: the name for people.
        elements: all permutations [order, degree] of the points.
        shifts: the permutations of the subgroup of shifts, whose orbits often have even columns.
        generators: permutations that generate the shifts.
        cyclic: whether the shifts are those of Z_m, perhaps on several copies.
    """

    name: str
    elements: NDArray[np.intp] = field(repr=False)
    shifts: NDArray[np.intp] = field(repr=False)
    generators: Sequence[Permutation] = field(default=(), repr=False)
    cyclic: bool = False

    @property
    def order(self) -> int:
        """The number of elements."""
        return len(self.elements)

    @property
    def transitive(self) -> bool:
        """True if some element takes any point to any other."""
        return bool(len(np.unique(self.elements[:, 0])) == self.elements.shape[1])


def closure(generators: Sequence[Permutation]) -> NDArray[np.intp] | None:
    """All elements of the group that permutations generate; None if they are more than `LARGEST`."""
    identity = tuple(range(len(generators[0])))
    elements, waiting = {identity}, [identity]

    while waiting:
        element = waiting.pop()
        for generator in generators:
            image = tuple(generator[x] for x in element)
            if image in elements:
                continue
            # Given up before it is listed: the order of a group is not known from its generators.
            if len(elements) == LARGEST:
                return None
            elements.add(image)
            waiting.append(image)

    return np.array(sorted(elements))


def generated(plan: GroupPlan) -> PermutationGroup | None:
    """The group that a plan generates; None if it passes `LARGEST`."""
    elements = closure([*plan.shifts, *plan.others])
    shifts = closure(plan.shifts)
    if elements is None or shifts is None:
        return None
    return PermutationGroup(plan.name, elements, shifts, plan.shifts, plan.cyclic)


def divisors(number: int) -> list[int]:
    """All divisors of a number, the largest first.

    >>> divisors(12)
    [12, 6, 4, 3, 2, 1]
    """
    return [d for d in range(number, 0, -1) if number % d == 0]


@lru_cache(maxsize=32)
def groups(points: int) -> tuple[PermutationGroup, ...]:
    """The groups on these points whose orbits are tried, each once and without the trivial one."""
    distinct: dict[bytes, PermutationGroup] = {}
    for plan in (*_affine(points), *_projective(points), *_linear(points), *_cyclic(points)):
        # The trivial group has every word as its own orbit.
        group = generated(plan)
        if group is not None and group.order > 1:
            distinct.setdefault(group.elements.tobytes(), group)
    return tuple(distinct.values())


def suited(points: int, classes: int) -> list[PermutationGroup]:
    """The groups with orbits of a size of which about six make the classes, best first.

    Transitive groups come before others, since whatever they keep has even columns. Those of fields and vector spaces
    come before cyclic ones, under which large good orbits are rarer.
    """
    wanted = max(classes / 6, 2.0)

    def misfit(group: PermutationGroup) -> float:
        ratio = max(group.order / wanted, wanted / group.order)
        if not group.transitive:
            return 3.0 * ratio
        if group.cyclic:
            return 1.5 * ratio
        return ratio

    # An orbit of more than twice the classes would be cut to less than half.
    return sorted((group for group in groups(points) if group.order <= 2 * classes), key=misfit)


def _affine(points: int, fixed: int = 0) -> Iterator[GroupPlan]:
    """Maps x -> a x + b on a field, a in each subgroup of its units; then the same beside one fixed point."""
    if prime_power(points) is not None and points <= LARGEST_FIELD:
        gf = finite_field(points)
        unit = gf.generator()
        rest = tuple(range(points, points + fixed))

        # Adding 1, p, p ** 2 ... generates all translations: these elements are a basis over the prime field.
        shifts = [(*gf.plus[gf.prime**k], *rest) for k in range(gf.degree)]

        for index in range(1, points):
            # The units form a cyclic group: one subgroup for each divisor of its order.
            if (points - 1) % index == 0:
                factor = gf.power(unit, index)
                name = f"AGL(1, {points})"
                if index > 1:
                    name = f"the subgroup of index {index} in {name}"
                yield GroupPlan(name, shifts, [(*gf.times[factor], *rest)])

    # Once only: the call for one fixed point must not go on to two.
    if not fixed and points > 2:
        yield from _affine(points - 1, 1)


def _projective(points: int) -> Iterator[GroupPlan]:
    """PSL(2, p) on the projective line of a prime p."""
    prime = points - 1
    if not 2 < prime <= LARGEST_PRIME or prime_power(prime) != (prime, 1):
        return

    unit = finite_field(prime).generator()
    shift = (*((x + 1) % prime for x in range(prime)), prime)
    scale = (*(unit * unit * x % prime for x in range(prime)), prime)
    flip = (prime, *(-pow(x, -1, prime) % prime for x in range(1, prime)), 0)
    yield GroupPlan(f"PSL(2, {prime})", [shift], [scale, flip])


def _linear(points: int) -> Iterator[GroupPlan]:
    """Translations of GF(2) ** m with multiplication by a generator of GF(2 ** k) on k < m coordinates, and alone."""
    bits = points.bit_length() - 1
    if points != 1 << bits or not 2 <= bits <= 6:
        return

    shifts = [tuple(x ^ 1 << i for x in range(points)) for i in range(bits)]
    for k in range(bits - 1, 1, -1):
        gf = finite_field(1 << k)
        unit = gf.generator()
        low = (1 << k) - 1
        linear_map = tuple(x & ~low | gf.times[unit][x & low] for x in range(points))
        yield GroupPlan(f"translations of GF(2)^{bits} with a linear map of order {low}", shifts, [linear_map])

    yield GroupPlan(f"translations of GF(2)^{bits}", shifts)


def _cyclic(points: int) -> Iterator[GroupPlan]:
    """Z_m on copies of itself with a few fixed points, alone and with multiplication by each unit of Z_m."""
    for copies in range(1, MOST_COPIES + 1):
        for fixed in range(MOST_FIXED + 1):
            # What is left over would be points that nothing moves.
            m = (points - fixed) // copies
            if m < 2 or m * copies + fixed != points:
                continue

            beside = _beside(copies, fixed)
            shift = _on_copies(m, copies, fixed, 1, 1)
            yield GroupPlan(f"Z_{m}{beside}", [shift], cyclic=True)

            # On many points the products would take long to list, and shifts alone have enough orbits.
            if points > LARGEST_FIELD:
                continue
            for unit in range(2, m):
                if gcd(unit, m) == 1:
                    multiplier = _on_copies(m, copies, fixed, unit, 0)
                    yield GroupPlan(f"Z_{m} with x -> {unit} x{beside}", [shift], [multiplier], cyclic=True)


def _beside(copies: int, fixed: int) -> str:
    """The part of a cyclic group's name that tells the copies and fixed points."""
    text = ""
    if copies > 1:
        text += f" on {copies} copies"
    if fixed == 1:
        text += " and 1 fixed point"
    elif fixed:
        text += f" and {fixed} fixed points"
    return text


def _on_copies(m: int, copies: int, fixed: int, factor: int, shift: int) -> Permutation:
    """The map x -> factor x + shift on every copy of Z_m."""
    images = [c * m + (factor * x + shift) % m for c in range(copies) for x in range(m)]
    return (*images, *range(m * copies, m * copies + fixed))
