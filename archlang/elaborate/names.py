"""Names of modules that a file gives with `as`: written out, or calculated from texts and numbers."""

from __future__ import annotations

from archlang.elaborate.context import Build
from archlang.elaborate.interpret import evaluate
from archlang.elaborate.values import Env
from archlang.ops.kinds import describe
from archlang.syntax.lexing import is_name
from archlang.syntax.tree import As


def module_name(b: Build, expr: As, env: Env) -> str:
    """Return the name behind an `as`. Raises `Poisoned` for a value that is no name."""
    if isinstance(expr.name, str):
        return expr.name

    value = evaluate(b, expr.name, env.static())
    if not isinstance(value, str):
        raise b.refuse("wrong-kind", f"a module's name is a text, this is {describe(value)}", expr.name.span,
                       help='join texts and whole numbers: `as ("stage" + i)`')
    if not is_name(value) or len(value) > b.limits.name:
        message = "a module's name is letters, digits and `_`, begins with no digit and is no word of the language"
        raise b.refuse("wrong-kind", f"{message}; this is {describe(value)}", expr.name.span)
    return value
