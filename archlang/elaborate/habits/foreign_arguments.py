"""Stages of this language with the arguments of another: `flatten(1)`, `lstm(64, 128, num_layers = 2)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlang.elaborate.habits.calls import Mend, call_around
from archlang.elaborate.habits.catalogue import FUNCTIONS, METHOD_ROWS, TABLES
from archlang.elaborate.habits.habit import CallReading, Habit, items_of, whole_number
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import Argument, Name, TreeNode

_PLACES_OF_A_MAP = {2, 3, -1, -2}
"""Dimensions of PyTorch that mean height and width, counted with the batch."""


def mend_of_arguments(path: Sequence[TreeNode], rank: int | None) -> Mend | None:
    """The call as it is written here, where a table knows a function or layer of the same name elsewhere.

    Args:
        path: the nodes around the mistake, from the file on.
        rank: the axes of what flows in, None if they are not known.
    """
    call = call_around(path)
    if call is None or not isinstance(call.callee, Name) or call.body is not None:
        return None
    name, arguments = call.callee.text, call.arguments or ()
    if name == "flatten" and (help := _flattened(arguments)):
        return Mend((help,))

    for row in _rows_of(name):
        reading = CallReading(row.parameters, _in_their_words(arguments, row), rank or _rank(arguments))
        if arguments and not reading.fits:  # a text without them would say something else
            continue
        text = row.write(reading)
        # A text that is the call itself would be the mistake once more.
        if text is not None and text != print_flat(call):
            return Mend((f"in {row.origin}'s order and words; here it is written `{text}`",))
    return None


def _rows_of(name: str) -> tuple[Habit, ...]:
    """The rows of the same name, functions before methods, and layers whose stage here is called so."""
    named = [row for row in (FUNCTIONS.get(name), METHOD_ROWS.get(name)) if row is not None]
    layers = [row for rows in TABLES.values() for row in rows if row.here == name and row.on not in ("loss", "lr")]
    return tuple(dict.fromkeys((*named, *layers)))


def _in_their_words(arguments: Sequence[Argument], row: Habit) -> tuple[Argument, ...]:
    """The arguments, NumPy's `axis` under PyTorch's name where the row takes that."""
    words = {"axis": "dim", "keepdims": "keepdim"}
    read = []
    for argument in arguments:
        theirs = words.get(argument.name or "")
        if theirs is not None and argument.name not in row.parameters:
            argument = replace(argument, name=theirs)
        read.append(argument)
    return tuple(read)


def _rank(arguments: Sequence[Argument]) -> int | None:
    """The axes of the tensor, as far as the dimensions say: both places are those of a map."""
    for argument in arguments:
        dims = {whole_number(item) for item in items_of(argument.value)}
        if argument.name in ("dim", "axis") and len(dims) > 1 and dims <= _PLACES_OF_A_MAP:
            return 3
    return None


def _flattened(arguments: Sequence[Argument]) -> str:
    """Say what PyTorch's `flatten` from a dimension on is here; empty where its arguments are others."""
    if not arguments or arguments[0].name not in (None, "start_dim") or len(arguments) > 2:
        return ""

    start = whole_number(arguments[0].value)
    if start in (0, 1):
        return "the batch is never written, and all of a sample is flattened: write `flatten`"
    if start == 2:
        return "write `to_sequence`: the places of a map are its positions, and no `transpose` follows"
    return ""
