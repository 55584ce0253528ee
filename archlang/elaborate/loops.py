"""The list that a `for` goes through, and the names that each turn gives to an item or to its members."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Label
from archlang.elaborate.arguments import shown
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import known
from archlang.elaborate.scope import define, find_node
from archlang.elaborate.values import POISON, BundleValue, Env, GridValue, Poison
from archlang.ops.kinds import describe
from archlang.source import Span
from archlang.syntax.tree import Expr, For, Let, ListOf, Name, Parens


def items_of(b: Build, expr: For, env: Env) -> Sequence[object] | Poison:
    """Return what a `for` goes through, poison after a mistake: no list, or an item of another count than the names."""
    values = known(b, expr.values, env.static())
    if isinstance(values, Poison):
        return POISON
    # The levels of a pyramid: each turn has a member of its own.
    if isinstance(values, BundleValue) and not isinstance(values, GridValue):
        values = values.members
    if not isinstance(values, list | tuple):
        message = "`for` goes through a list, such as [32, 64] or range(3), or through the members of a bundle"
        b.refuse("wrong-kind", message, expr.values.span)
        return POISON

    if not _in_place(b, expr, values):
        return POISON
    fits = [len(expr.names) == 1 or _fits(b, expr, values, index, env) for index in range(len(values))]
    if not all(fits):
        return POISON
    return values


def _in_place(b: Build, expr: For, values: object) -> bool:
    """Tell whether several names take the columns of a table that are called so; a mistake is reported.

    They go by place, as those over a written list do. A name that is another column's was meant to take that one.
    """
    _, columns = b.columns.get(id(values), (None, ()))
    if len(expr.names) < 2 or len(columns) != len(expr.names):  # another count is told of the rows
        return True

    for place, name in enumerate(expr.names):
        if name.name in columns and columns[place] != name.name:
            taken = f"`{name.name}` takes the column `{columns[place]}`, and the table has a column `{name.name}` too"
            b.refuse("exchanged-arguments", taken, name.span, help=f"in their order they are ({', '.join(columns)})")
            return False
    return True


def _fits(b: Build, expr: For, values: Sequence[object], index: int, env: Env) -> bool:
    """Tell whether an item has as many members as there are names; a mistake is reported at the item's own place."""
    item = values[index]
    count = len(expr.names)
    if isinstance(item, list | tuple) and len(item) == count:
        return True

    at = _place(expr.values, index, len(values), env)
    names = Label(expr.names[0].span.to(expr.names[-1].span), f"{count} names")
    if not isinstance(item, list | tuple):
        b.refuse("wrong-kind", f"each item is a list of {count} here, item {index} is {describe(item)}", at,
                 secondary=(names,), help=f"one name goes through plain items: `for {expr.names[0].name} in ...`")
    else:
        b.refuse("wrong-count", f"each item is a list of {count} here, item {index} has {len(item)}", at,
                 secondary=(names,))
    return False


def _place(values: Expr, index: int, count: int, env: Env) -> Span:
    """Find where an item is written: in the list itself, or in that of the `let` that the list's name stands for."""
    written = values
    while isinstance(written, Parens):
        written = written.inner
    if isinstance(written, Name):
        node = find_node(env, written.text)
        if isinstance(node, Let):
            written = node.value

    # A list that is calculated has no place for its items.
    if isinstance(written, ListOf) and len(written.items) == count:
        return written.items[index].span
    return values.span


def define_turn(b: Build, expr: For, item: object, env: Env) -> None:
    """Bind the names of a turn: one to the item itself, several to its members."""
    members: Sequence[object]
    if isinstance(item, Poison):
        members = [POISON] * len(expr.names)
    elif len(expr.names) == 1:
        members = [item]
    else:
        assert isinstance(item, list | tuple)
        members = item

    for name, member in zip(expr.names, members, strict=True):
        define(b, env, name.name, member, name, name.span)


def shown_turn(expr: For, item: object) -> tuple[tuple[str, str], ...]:
    """The names of a turn and their values, as messages show them."""
    if len(expr.names) == 1:
        return ((expr.names[0].name, shown(item)),)
    assert isinstance(item, list | tuple)
    return tuple((name.name, shown(member)) for name, member in zip(expr.names, item, strict=True))
