"""Repetitions: `3 * stage`, and stages whose every turn is read anew because they say `in`."""

from __future__ import annotations

from archlang.elaborate import rounding
from archlang.elaborate.arguments import block_stage
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import STAGE, known
from archlang.elaborate.names import module_name
from archlang.elaborate.scope import FUNCTIONS, find_node
from archlang.elaborate.values import POISON, BlockValue, Env, Place, Poison, Poisoned, RepeatStage, Stage, TurnStage
from archlang.ops.kinds import describe
from archlang.ops.values import show
from archlang.syntax.tree import As, Binary, Call, Expr, Flow, For, If, In, Name, Parens
from archlang.syntax.walk import children, walk


def repeated(b: Build, expr: Binary, count: object, stage: object, env: Env) -> Stage:
    """Return `count * stage`. Raises `Poisoned`."""
    if isinstance(stage, BlockValue):
        stage = block_stage(b, stage, (), expr.right, env)
    assert isinstance(stage, Stage)

    if isinstance(count, Poison):
        raise Poisoned
    # `true * stage` would be one turn to Python.
    if isinstance(count, bool) or not isinstance(count, int):
        raise b.refuse("wrong-kind", f"a stage is repeated a whole number of times, this is {describe(count)}",
                       expr.left.span, **rounding.whole(expr.left, count).more())
    if not 0 <= count <= b.limits.nodes:
        raise b.refuse("out-of-range", f"a stage is repeated 0 to {b.limits.nodes} times, not {show(count)}",
                       expr.left.span)

    return RepeatStage(count, stage, span=expr.span)


def says_in(b: Build, expr: Expr) -> bool:
    """Tell whether `in` stands in an expression. It is told of all parts at once: repetitions in this one ask, too."""
    if id(expr) not in b.says_in:
        # From the innermost parts outward: a walk gives each node before its parts.
        for node in reversed(list(walk(expr))):
            inner = any(b.says_in[id(part)] for part in children(node))
            b.says_in[id(node)] = inner or isinstance(node, In)
    return b.says_in[id(expr)]


def is_stage(b: Build, expr: Expr, env: Env) -> bool:
    """Tell a stage from a number by its form: `3 * (conv(3x3, 8) -> add(in))`, but `3 * in.channels`."""
    match expr:
        case Parens():
            return is_stage(b, expr.inner, env)
        case Binary(operator="*"):
            return is_stage(b, expr.right, env)
        case Call(callee=Name(text=name)):
            # `3 * len(sizes)` is a number, unless the file gives the name to a block of its own.
            return name not in FUNCTIONS or find_node(env, name) is not None
        case Flow() | As() | If() | For():
            return True
    return False


def turn(b: Build, expr: Expr, env: Env) -> TurnStage:
    """Keep a repeated stage for its turns; read it once for mistakes, nothing known of what enters."""
    if id(expr) not in b.surveyed:
        b.surveyed.add(id(expr))
        with b.survey():
            known(b, expr, env.applied(POISON, Place()), STAGE)
    return TurnStage(expr, env, _name_of_turn(b, expr, env), span=expr.span)


def _name_of_turn(b: Build, expr: Expr, env: Env) -> str:
    """Return what the modules of a repeated stage are called: as those of the stage, if it has a name."""
    while isinstance(expr, Parens):
        expr = expr.inner

    match expr:
        case As():
            return module_name(b, expr, env)
        case Call(callee=Name(text=text)):
            # An import may have renamed the block; its modules are called as it is declared.
            block = env.find(text)
            if isinstance(block, BlockValue):
                return block.block.name
            return text
    return "repeat"
