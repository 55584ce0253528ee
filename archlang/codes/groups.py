"""Permutation groups on the branches: cyclic and affine ones, and what holds fixed points beside them.

>>> [(g.name, g.order, len(g.shifts)) for g in groups(8)[:2]]
[('AGL(1, 8)', 56, 8), ('the subgroup of index 7 in AGL(1, 8)', 8, 8)]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

from archlang.codes.fields import field as finite_field
from archlang.codes.fields import prime_power

LARGEST = 2_100
"""Groups of more elements are not listed."""

Permutation = tuple[int, ...]
Plan = tuple[str, list[Permutation], list[Permutation]]
"""A group's name, its shifts and its further generators."""


@dataclass(frozen=True, eq=False)
class Group:
    """Its name, all its elements as permutations [order, degree] of the points, and those of its shifts."""

    name: str
    elements: NDArray[np.intp] = field(repr=False)
    shifts: NDArray[np.intp] = field(repr=False)

    @property
    def order(self) -> int:
        """How many elements it has."""
        return len(self.elements)

    @property
    def transitive(self) -> bool:
        """Whether it takes any point to any other."""
        return bool(len(np.unique(self.elements[:, 0])) == self.elements.shape[1])


def closure(generators: Sequence[Permutation]) -> NDArray[np.intp] | None:
    """All elements of the group that permutations generate, None if they are more than `LARGEST`."""
    start = tuple(range(len(generators[0])))
    found, waiting = {start}, [start]
    while waiting:
        element = waiting.pop()
        for turn in generators:
            image = tuple(turn[x] for x in element)
            if image not in found:
                if len(found) == LARGEST:
                    return None
                found.add(image)
                waiting.append(image)
    return np.array(sorted(found))


def generated(name: str, shifts: Sequence[Permutation], turns: Sequence[Permutation] = ()) -> Group | None:
    """The group of some shifts and further permutations, None if it passes `LARGEST`."""
    elements = closure([*shifts, *turns])
    inner = closure(shifts)
    return None if elements is None or inner is None else Group(name, elements, inner)


@lru_cache(maxsize=32)
def groups(points: int) -> tuple[Group, ...]:
    """The groups on these points that orbits are taken under, without repetition and without the trivial one."""
    found: dict[bytes, Group] = {}
    for name, shifts, turns in (*_affine(points), *_projective(points), *_linear(points), *_cyclic(points)):
        group = generated(name, shifts, turns)
        if group is not None and group.order > 1:
            found.setdefault(group.elements.tobytes(), group)
    return tuple(found.values())


def suited(points: int, classes: int) -> list[Group]:
    """The groups whose orbits are of a size of which about six make the classes, best first.

    Transitive ones come before others, since what they keep has even columns, and those of fields and vector spaces
    before cyclic ones, under which large good orbits are rarer.
    """
    wanted = max(classes / 6, 2.0)

    def misfit(group: Group) -> float:
        factor = 3.0 if not group.transitive else 1.5 if group.name.startswith("Z_") else 1.0
        return max(group.order / wanted, wanted / group.order) * factor

    return sorted((g for g in groups(points) if g.order <= 2 * classes), key=misfit)


def _affine(points: int, fixed: int = 0) -> Iterator[Plan]:
    """x -> a x + b on a field, a in each subgroup of its units; then the same beside one fixed point."""
    if prime_power(points) is not None and points <= 64:
        gf = finite_field(points)
        unit = gf.generator()
        rest = tuple(range(points, points + fixed))
        moves = [(*gf.plus[1 if k == 0 else gf.prime**k], *rest) for k in range(gf.degree)]
        for index in range(1, points):
            if (points - 1) % index == 0:
                step = gf.power(unit, index)
                name = f"AGL(1, {points})" if index == 1 else f"the subgroup of index {index} in AGL(1, {points})"
                yield name, moves, [(*gf.times[step], *rest)]
    if not fixed and points > 2:
        yield from _affine(points - 1, 1)


def _projective(points: int) -> Iterator[Plan]:
    """PSL(2, p) on the projective line of a prime p."""
    prime = points - 1
    found = prime_power(prime) if prime > 2 else None
    if found is None or found[1] != 1 or prime > 13:
        return
    unit = finite_field(prime).generator()
    shift = (*((x + 1) % prime for x in range(prime)), prime)
    scale = (*(unit * unit * x % prime for x in range(prime)), prime)
    flip = (prime, *(-pow(x, -1, prime) % prime for x in range(1, prime)), 0)
    yield f"PSL(2, {prime})", [shift], [scale, flip]


def _linear(points: int) -> Iterator[Plan]:
    """Translations of GF(2) ** m with multiplication by a generator of GF(2 ** k) on k < m coordinates, and alone."""
    bits = points.bit_length() - 1
    if points != 1 << bits or not 2 <= bits <= 6:
        return
    moves = [tuple(x ^ 1 << i for x in range(points)) for i in range(bits)]
    for k in range(bits - 1, 1, -1):
        gf = finite_field(1 << k)
        unit = gf.generator()
        low = (1 << k) - 1
        turn = tuple(x & ~low | gf.times[unit][x & low] for x in range(points))
        yield f"translations of GF(2)^{bits} with a linear map of order {low}", moves, [turn]
    yield f"translations of GF(2)^{bits}", moves, []


def _cyclic(points: int) -> Iterator[Plan]:
    """Z_m on copies of itself with at most two fixed points, and with multiplication by each unit of Z_m."""
    for copies in range(1, 7):
        for fixed in range(3):
            m = (points - fixed) // copies
            if m < 2 or m * copies + fixed != points:
                continue
            beside = f" on {copies} copies" if copies > 1 else ""
            beside += f" and {fixed} fixed point{'s' if fixed > 1 else ''}" if fixed else ""
            shift = _on_copies(m, copies, fixed, 1, 1)
            yield f"Z_{m}{beside}", [shift], []
            for unit in range(2, m):
                if gcd(unit, m) == 1:
                    yield f"Z_{m} with x -> {unit} x{beside}", [shift], [_on_copies(m, copies, fixed, unit, 0)]


def _on_copies(m: int, copies: int, fixed: int, factor: int, shift: int) -> Permutation:
    """x -> factor x + shift on every copy of Z_m."""
    moved = [c * m + (factor * x + shift) % m for c in range(copies) for x in range(m)]
    return (*moved, *range(m * copies, m * copies + fixed))
