"""Modules that look alike become one block: what differs between them are its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archlang.importing.reader import AXES
from archlang.importing.scopes import Item, Single, Use
from archlang.importing.steps import Kernel, Quoted, Static, Word
from archlang.ops import CATALOGUE, REQUIRED

MOST_FACTOR = 8
"""The largest factor by which a number is written as a multiple of another one."""


@dataclass(frozen=True)
class Multiple:
    """A number that is `factor` times another one, or that one divided by it: `4 * c`, `in.channels // 4`.

    `of` is a parameter's name, or `in.channels` or `in.features`.
    """

    of: str
    factor: int = 1
    divides: bool = False


Inside = Static | Multiple
"""The value or expression in the place of an argument inside a block."""

Slot = tuple[int, str]
"""An argument of a block's body: the index of its item, and its name; `*` for how often a block is used."""


@dataclass(frozen=True)
class Made:
    """A block: its name, parameters with defaults (None for none), body, what enters and what it hands out.

    `written` says what stands in the place of those arguments that differ or follow others.
    """

    name: str
    parameters: Mapping[str, Static | None]
    items: Sequence[Item]
    inputs: tuple[int, ...]
    output: int
    written: Mapping[Slot, Inside]
    kind: str = ""  # the class that it was made of
    path: str = ""  # the first module that it was made of


@dataclass(eq=False)
class Candidate:
    """A call of a module that may become the use of a block."""

    path: str
    kind: str
    items: list[Item]
    inputs: tuple[int, ...]
    output: int
    sizes: tuple[int, ...]  # of what enters first

    def skeleton(self) -> tuple[Any, ...]:
        """The form that two modules must share to be one block: operations and how they are joined."""
        entering = {value: ("x", at) for at, value in enumerate(self.inputs)}
        local = {item.output: ("v", at) for at, item in enumerate(self.items)}
        rows = []
        for item in self.items:
            wiring = tuple(entering.get(value) or local[value] for value in item.inputs)
            rows.append((_what(item), wiring))
        return (*rows, local[self.output], len(self.sizes))


def _what(item: Item) -> tuple[object, ...]:
    if isinstance(item, Use):
        # A row of equal blocks differs in length, one alone is no row.
        return ("use", item.block, item.count > 1)
    assert isinstance(item, Single)
    required = tuple(name for name in item.step.args if _needed(item, name))
    # Names of axes are no numbers that a block could take as a parameter.
    texts = tuple(value for value in item.step.args.values() if isinstance(value, Quoted))
    return ("step", item.step.op, required, texts, item.step.named, tuple(sorted(item.step.weights)))


def _needed(item: Single, name: str) -> bool:
    """Tell whether an argument has no default, so that all members must have it."""
    return any(arg.name == name and arg.default is REQUIRED for arg in CATALOGUE.ops[item.step.op].args)


def default_of(op: str, name: str) -> Static:
    """The default of an operation's argument, as a value of a step."""
    for arg in CATALOGUE.ops[op].args:
        if arg.name == name:
            if arg.default is None:
                return Word("auto")
            if isinstance(arg.default, str):
                return Word(arg.default)
            if isinstance(arg.default, tuple):
                return Kernel(arg.default)
            return arg.default  # type: ignore[return-value]  # a number or a truth value
    raise KeyError(name)


def arguments(item: Item) -> dict[str, Static]:
    """The arguments of an item: of a step, or of a block with how often it is used."""
    if isinstance(item, Use):
        if item.count > 1:
            return {**item.values, "*": item.count}
        return dict(item.values)
    assert isinstance(item, Single)
    return dict(item.step.args)


def fold(name: str, members: Sequence[Candidate], taken: Sequence[str]) -> tuple[Made, list[dict[str, Static]]]:
    """Make one block of modules with one skeleton, and say for each the values of the block's parameters.

    `taken` are names that no parameter may have.
    """
    # The first one stands for all: they differ in their arguments alone.
    first = members[0]
    columns = _columns(members)
    parameters: dict[str, tuple[Static, ...]] = {}
    written: dict[Slot, Inside] = {}
    entering = _entering(members)

    for (at, argument), column in columns.items():
        if len(set(map(_key, column))) == 1:
            written[at, argument] = column[0]
            continue
        # Numbers follow numbers; words and truth values are at most the same.
        found = _same(column, parameters)
        if _whole(column):
            found = _follows(column, {**parameters, **_seen(first.items[at], entering)})
        if found is None:
            called = _called(first.items[at], argument, {*parameters, *taken})
            parameters[called] = column
            found = Multiple(called)
        written[at, argument] = found

    defaults = {called: _default(first.items, written, called, column) for called, column in parameters.items()}
    # Parameters without a default stand first, where they may be given by place.
    ordered = dict(sorted(defaults.items(), key=lambda pair: pair[1] is not None))
    made = Made(name, ordered, first.items, first.inputs, first.output, written, first.kind, first.path)
    values = [{called: parameters[called][at] for called in ordered} for at in range(len(members))]
    return made, values


def _columns(members: Sequence[Candidate]) -> dict[Slot, tuple[Static, ...]]:
    """For each argument its value in each member, with the default where a member leaves it out."""
    columns: dict[Slot, tuple[Static, ...]] = {}
    for at, items in enumerate(zip(*(member.items for member in members), strict=True)):
        rows = [arguments(item) for item in items]
        names = dict.fromkeys(name for row in rows for name in row)
        for name in names:
            values = []
            for item, row in zip(items, rows, strict=True):
                if name in row:
                    values.append(row[name])
                else:
                    assert isinstance(item, Single)
                    values.append(default_of(item.step.op, name))
            if name not in FULL:
                values = list(map(_square, values))
            columns[at, name] = tuple(values)
    return columns


FULL = ("kernel", "size")
"""Sizes that are written in full."""


def _square(value: Static) -> Static:
    """A size that is the same along all axes is written as one number."""
    if isinstance(value, Kernel) and len(set(value)) == 1:
        return value[0]
    return value


def _key(value: Static) -> tuple[str, object]:
    """A value for comparisons: `1` and `True` are different ones."""
    return type(value).__name__, value


def _entering(members: Sequence[Candidate]) -> dict[str, tuple[Static, ...]]:
    """The channels or features that enter each member first, if they differ."""
    rank = len(members[0].sizes)
    name, axis = "in.features", -1
    if rank >= 3:
        name, axis = "in.channels", 0
    # Axes of more than four have no names.
    if rank not in AXES:
        return {}
    column = tuple(member.sizes[axis] for member in members)
    if len(set(column)) == 1 or any(len(member.sizes) != rank for member in members):
        return {}
    return {name: column}


def _seen(item: Item, entering: Mapping[str, Sequence[Static]]) -> Mapping[str, Sequence[Static]]:
    """The sizes that an argument of an item sees of what enters the block around it."""
    # Behind `n *` and in a loop, `in` is what enters that row.
    if isinstance(item, Use) and item.count > 1:
        return {}
    return entering


def _whole(column: Sequence[Static]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in column)


def _same(column: Sequence[Static], others: Mapping[str, Sequence[Static]]) -> Multiple | None:
    """A parameter that has the same value in every member."""
    for name, other in others.items():
        if list(map(_key, other)) == list(map(_key, column)):
            return Multiple(name)
    return None


def _follows(column: Sequence[Any], others: Mapping[str, Sequence[Any]]) -> Multiple | None:
    """A number that says the same in every member as another one, or a multiple or a part of it."""
    same = _same(column, others)
    if same is not None:
        return same

    # Widths follow widths; a stride that happens to be twice something does not.
    if min(column) < 8:
        return None
    for name, other in others.items():
        if not _whole(other) or min(other) < 8:
            continue
        for factor in range(2, MOST_FACTOR + 1):
            # Twice as many channels as enter is a stage's width, which a reader looks for where the block is used.
            widens = name.startswith("in.") and factor == 2
            if not widens and all(value == factor * base for value, base in zip(column, other, strict=True)):
                return Multiple(name, factor)
            if all(factor * value == base for value, base in zip(column, other, strict=True)):
                return Multiple(name, factor, divides=True)
    return None


SHORT: Mapping[str, str] = {"channels": "c", "features": "f", "*": "n"}
"""Names of parameters, where they are not the argument's own name."""


def _called(item: Item, argument: str, taken: set[str]) -> str:
    """A name for a new parameter."""
    # Parameters of one name are numbered, and no number stands behind another.
    name = SHORT.get(argument, argument).rstrip("0123456789")
    if name not in taken:
        return name
    count = 2
    while f"{name}{count}" in taken:
        count += 1
    return f"{name}{count}"


def _default(
    items: Sequence[Item], written: Mapping[Slot, Inside], called: str, column: Sequence[Static]
) -> Static | None:
    """The default of a parameter: that of the argument that it stands for, if some member has it."""
    for (at, argument), value in written.items():
        item = items[at]
        if value == Multiple(called) and isinstance(item, Single) and not _needed(item, argument):
            default = _square(default_of(item.step.op, argument))
            # A default that nobody has would hide that the argument must be given.
            if default in column:
                return default
            return None
    return None
