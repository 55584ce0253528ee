"""Rows of blocks in which one number rises evenly, such as the rate of dropped paths: a `for` over whole numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archlang.importing.expressions import number
from archlang.importing.scopes import Item, Use
from archlang.importing.steps import Static
from archlang.syntax import tree
from archlang.syntax.tree import Argument, Expr

LEAST = 3
"""Blocks of a row: a line through two numbers shows nothing."""

MOST = 200
"""The largest number of steps to the top of a ramp."""

CLOSE = 2e-7
"""How far, relative to the top, a number may be off: rates are often read off a row of float32 numbers."""


@dataclass(frozen=True)
class Rising:
    """The numbers `top * i / of` for i from `start` on, one for each block of a row."""

    top: float
    of: int
    start: int

    def at(self, turn: int) -> float:
        """The number of a turn, counted from 0."""
        return self.top * (self.start + turn) / self.of


@dataclass(eq=False)
class RisingRow(Use):
    """Uses of a block one after the other in which the argument `name` rises, all other values being the same."""

    name: str = ""
    rising: Rising = Rising(1.0, 1, 0)


def rising(numbers: Sequence[Static]) -> list[Rising]:
    """The ramps that numbers may be a part of, the plainest first; none where they rise unevenly, or by nothing.

    A top of one digit is plainer than another one, such as the 0.2 of 0.05, 0.1, 0.15 on their way to it.

    >>> rising([0.05, 0.1, 0.15])[0]
    Rising(top=0.2, of=4, start=1)
    """
    if len(numbers) < LEAST or not all(type(one) in (int, float) for one in numbers):
        return []
    first, last = float(numbers[0]), float(numbers[-1])  # type: ignore[arg-type]  # numbers, as was seen
    step = (last - first) / (len(numbers) - 1)
    if step <= 0:
        return []

    start = round(first / step)
    found = []
    for of in range(max(1, start + len(numbers) - 1), MOST + 1):
        ramp = Rising(float(f"{step * of:.2g}"), of, start)
        if all(abs(ramp.at(turn) - one) <= CLOSE * last for turn, one in enumerate(numbers)):  # type: ignore[operator]
            found.append(ramp)
    return sorted(found, key=lambda ramp: (ramp.top != float(f"{ramp.top:.1g}"), ramp.of))


def rows(items: Sequence[Item], continues: Callable[[Use, Use], bool]) -> list[Item]:
    """Items with neighbours that differ in a number that rises evenly as one row.

    `continues` tells whether a use goes on where another one ends, whatever their values.
    """
    found: list[Item] = []
    fitting: dict[int, list[Rising]] = {}
    at = 0
    while at < len(items):
        row, ramps = _row(_chain(items[at:], continues))
        if row is None:
            found.append(items[at])
            at += 1
            continue
        fitting[len(found)] = ramps
        found.append(row)
        at += row.count

    # Most rows of a network are parts of one ramp.
    votes = Counter((ramp.top, ramp.of) for ramps in fitting.values() for ramp in ramps)
    for place, ramps in fitting.items():
        made = found[place]
        assert isinstance(made, RisingRow)
        made.rising = max(ramps, key=lambda ramp: votes[ramp.top, ramp.of])
    return found


def _chain(items: Sequence[Item], continues: Callable[[Use, Use], bool]) -> list[Use]:
    """The uses of one block that follow one another from the first of some items on."""
    uses: list[Use] = []
    for item in items:
        if not isinstance(item, Use) or item.count != 1 or (uses and not continues(uses[-1], item)):
            break
        uses.append(item)
    return uses


def _row(uses: Sequence[Use]) -> tuple[RisingRow | None, list[Rising]]:
    """The longest row that begins with the first of some uses, and the ramps that it may be."""
    for count in range(len(uses), LEAST - 1, -1):
        some = uses[:count]
        differing = [name for name, value in some[0].values.items() if any(one.values[name] != value for one in some)]
        if len(differing) != 1:
            continue
        ramps = rising([one.values[differing[0]] for one in some])
        if ramps:
            steps = tuple(step for one in some for step in one.steps)
            first, last = some[0], some[-1]
            name = differing[0]
            row = RisingRow(first.path, first.inputs, last.output, steps, first.block, first.values, count, name)
            return row, ramps
    return None, []


def loop(row: RisingRow, stage: Callable[[Expr], Expr], name: str) -> Expr:
    """The `for` of a row: `stage` is the use of the block with an expression in the place of the number that rises."""
    ramp = row.rising
    turn = tree.Name(name)
    value = tree.Binary("/", tree.Binary("*", number(ramp.top), turn), number(ramp.of))
    ends = [number(ramp.start), number(ramp.start + row.count)]
    if ramp.start == 0:
        del ends[0]
    turns = tree.Call(tree.Name("range"), tuple(Argument(None, end) for end in ends))
    return tree.For((tree.LoopName(name),), turns, tree.Body(None, (), (stage(value),)))
