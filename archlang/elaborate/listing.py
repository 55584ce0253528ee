"""Lists whose items are calculated: `[for i in range(4) { 2 ** i }]` holds the value of every turn."""

from __future__ import annotations

from archlang.elaborate import choices, loops
from archlang.elaborate.arithmetic import shortened
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import guarded, known
from archlang.elaborate.values import POISON, Env, Poison, Poisoned
from archlang.ops.kinds import Kind, StageKind
from archlang.syntax.tree import Expr, For, ListOf


def items_of(b: Build, expr: ListOf, env: Env, expect: Kind | None) -> list[object]:
    """Return the items of a list, for a `for` between values one for each turn. Raises `Poisoned`."""
    found: list[object] = []
    for part in expr.items:
        if isinstance(part, For):
            found += _turns(b, part, env, expect)
        else:
            # All of them, so that the mistakes of each are found.
            found.append(known(b, part, env, expect))

    if any(isinstance(value, Poison) for value in found):
        raise Poisoned
    guarded(b, expr.span, env, lambda: shortened(found, b.limits))
    return found


def _turns(b: Build, expr: For, env: Env, expect: Kind | None) -> list[object]:
    """Return the values of a loop's turns; of a loop of stages the loop itself, which is one stage."""
    if isinstance(expect, StageKind) or expr.body.statements or len(expr.body.flows) != 1:
        return [known(b, expr, env, expect)]
    values = loops.items_of(b, expr, env)
    if isinstance(values, Poison):
        return [POISON]

    # A list in a list in a list would take a file of one line for ever.
    b.search(len(values), "a list that is calculated", expr.span)
    (flow,) = expr.body.flows
    found: list[object] = []
    for item in values:
        inner = env.static().inner()
        loops.define_turn(b, expr, item, inner)
        if not found and not _is_value(b, flow, inner, expect):
            return [known(b, expr, env, expect)]

        found.append(known(b, flow, inner, expect))
        # The further turns would report the same.
        if isinstance(found[-1], Poison):
            break
    return found


def _is_value(b: Build, flow: Expr, env: Env, expect: Kind | None) -> bool:
    """Tell a value from a stage, by what the list wants or else by its form."""
    if expect is not None and not expect.stages:
        return True
    # A word of several meanings is one item, as in a list that is written out.
    return choices.sort_of(b, flow, env) in ("value", "open")
