"""The flows in the braces of `parallel` and `layers`: those written there, and one for each turn of a `for`.

A `for` that is a flow by itself, with no arrow before or behind it, is not one branch: each of its turns is one. So
`parallel { conv(1x1, 8); for d in [2, 4] { conv(3x3, 8, dilation = d) } }` has three.
"""

from __future__ import annotations

from dataclasses import replace

from archlang.dataclass import dataclass
from archlang.elaborate import loops
from archlang.elaborate.bodies import body, flows
from archlang.elaborate.context import Build, chain
from archlang.elaborate.structures.common import braces
from archlang.elaborate.values import POISON, Env, Place, Poison, Poisoned, StructureStage, Value
from archlang.source import Span
from archlang.syntax.tree import Body, For


@dataclass(frozen=True)
class Arm:
    """One flow in the braces of a stage, with the scope around it, in which the names of its turns stand.

    `turns` holds the names of the loops around it and their values, as messages show them.
    """

    tree: Body
    env: Env
    turns: tuple[tuple[str, str], ...] = ()

    def made(self, b: Build, value: Value, at: Span, place: Place) -> Value:
        """Return what the flow makes of a value. Raises `Poisoned`."""
        inner = replace(place, loops=(*place.loops, *self.turns))
        result = body(b, self.tree, self.env.applied(value, inner, at))
        if isinstance(result, Poison):
            raise Poisoned
        return result


def branches_of(b: Build, stage: StructureStage, value: Value, place: Place) -> list[Arm]:
    """List the flows of a stage's braces, the turns of loops among them. Raises `Poisoned` after a mistake.

    The lists of loops are worked out before any flow is: `in` in them is the value that enters the braces.
    """
    found = _branches(b, Arm(braces(stage), stage.env), value)
    if not found:
        message = f"`{stage.structure.name}` has no flow here: its loops go through nothing"
        raise b.refuse("wrong-count", message, stage.span, notes=chain(place))
    return found


def _branches(b: Build, outer: Arm, value: Value) -> list[Arm]:
    """The flows of one pair of braces, or of one turn."""
    found: list[Arm] = []
    for tree in flows(outer.tree):
        loop = _loop(tree)
        if loop is None:
            found.append(replace(outer, tree=tree))
            continue

        items = loops.items_of(b, loop, outer.env.applied(value, Place()))
        if isinstance(items, Poison):
            raise Poisoned
        if not items:
            _read(b, loop, outer.env)
        for item in items:
            # A network may not grow without bound, nor may the list of its branches.
            b.tick(loop.span, Place())
            env = outer.env.inner()
            loops.define_turn(b, loop, item, env)
            turn = Arm(loop.body, env, (*outer.turns, *loops.shown_turn(loop, item)))
            found += _branches(b, turn, value)
    return found


def _loop(tree: Body) -> For | None:
    """The loop that is all of a flow."""
    if len(tree.flows) == 1 and isinstance(tree.flows[0], For):
        return tree.flows[0]
    return None


def _read(b: Build, loop: For, env: Env) -> None:
    """Read the braces of a loop without turns for mistakes."""
    inner = env.applied(POISON, Place())
    loops.define_turn(b, loop, POISON, inner)
    with b.survey():
        body(b, loop.body, inner)
