"""Rows that stand in a file of their own: `let rows = from "table.csv"`, whose first line names the columns."""

from __future__ import annotations

import csv
import re

from archlang.diagnostics import Diagnostic, Label, error
from archlang.diagnostics.text import one_line
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import evaluate
from archlang.elaborate.scope import find_node
from archlang.elaborate.values import Env, Poisoned
from archlang.project.project import CodeTable
from archlang.source import Source, Span
from archlang.syntax.lexing import is_name
from archlang.syntax.tree import Expr, From, ListOf, Name, Number, SizeLiteral, Text, Truth, TupleOf, Unary

_NUMBER = re.compile(r"(-?)([0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?)", re.ASCII)
_SIZE = re.compile(r"[0-9]{1,7}(x[0-9]{1,7}){1,2}", re.ASCII)
_SEPARATORS = (",", ";", "\t")
_MOST_COLUMNS = 64


class _Wrong(Exception):
    """A mistake in a table: its message, and the line where it stands."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.span = span


def rows_of(b: Build, expr: From, env: Env) -> object:
    """Return the rows of a table: tuples, or plain values where there is one column. Raises `Poisoned`.

    A cell is a number, `true` or `false`, a size such as `3x3`, a word that the catalogue knows, else a text.
    """
    if expr.arguments is not None:
        raise b.refuse("unknown-argument", "a table of rows has no properties to check", expr.span,
                       help='write `let rows = from "table.csv"`; only a `code` promises something of its table')
    table = b.files.get(id(expr))
    if table is None:  # it could not be read, and that is reported
        raise Poisoned

    try:
        columns, written = _written(b, table, env)
    except _Wrong as wrong:
        b.report(_placed(wrong, expr))
        raise Poisoned from None
    b.tables[id(expr)] = written
    rows = evaluate(b, written, env)

    # By what they are and not by where they are written: a file may import them, a block be given them.
    b.columns[id(rows)] = (rows, columns)
    return rows


def _placed(wrong: _Wrong, expr: From) -> Diagnostic:
    return error("bad-data", str(wrong), wrong.span, secondary=(Label(expr.span, "read here"),))


def _written(b: Build, table: CodeTable, env: Env) -> tuple[tuple[str, ...], ListOf]:
    """The names of the columns, and the rows as a list of the language. Raises `_Wrong`."""
    source = Source(table.name, table.data.decode("utf-8-sig", errors="replace"))
    first = Span(source, 0, min(1, len(source.text)))
    if "\ufffd" in source.text:
        raise _Wrong("a table is UTF-8 text", first)

    lines = [(span, span.text) for span in _lines(source)]
    if not lines:
        raise _Wrong("the first line of a table names its columns, and this one is empty", first)

    # One separator for the whole table: a text in a cell may hold the others.
    head, text = lines[0]
    separator = next((sign for sign in _SEPARATORS if sign in text), ",")
    columns = _cells(text, separator, head)
    if len(columns) > _MOST_COLUMNS or not all(map(is_name, columns)) or len(set(columns)) < len(columns):
        raise _Wrong(f"the first line of a table names its columns: different names, at most {_MOST_COLUMNS}", head)
    if len(lines) * len(columns) > b.limits.nodes:
        raise _Wrong(f"a table may have {b.limits.nodes} cells", head)

    items: list[Expr] = []
    for span, line in lines[1:]:
        cells = _cells(line, separator, span)
        if len(cells) != len(columns):
            raise _Wrong(f"this row has {len(cells)} cells, and there are {len(columns)} columns", span)
        values = tuple(_value(b, cell, span, env) for cell in cells)
        items.append(values[0] if len(values) == 1 else TupleOf(values))
    return tuple(columns), ListOf(tuple(items))


def _lines(source: Source) -> list[Span]:
    """The lines that hold something; `#` begins a remark."""
    spans = []
    for number, start in enumerate(source.starts, 1):
        line = source.line(number)
        if line.strip() and not line.lstrip().startswith("#"):
            spans.append(Span(source, start, start + len(line)))
    return spans


def _cells(line: str, separator: str, span: Span) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True))]
    except (csv.Error, StopIteration):
        raise _Wrong("a line that is no CSV: a quote is not closed", span) from None


def _value(b: Build, cell: str, span: Span, env: Env) -> Expr:
    """A cell as an expression. Raises `_Wrong`."""
    if len(cell) > b.limits.string or not cell.isprintable():
        raise _Wrong(f"a cell has at most {b.limits.string} characters, all of which can be printed", span)
    if cell in ("true", "false"):
        return Truth(cell == "true")
    if _SIZE.fullmatch(cell):
        return SizeLiteral(tuple(map(int, cell.split("x"))))

    number = _NUMBER.fullmatch(cell)
    if number is not None:
        return _number(b, number, span)
    if is_name(cell) and b.catalogue.readings(cell):
        return _word(cell, span, env)
    return Text(cell)


def _number(b: Build, found: re.Match[str], span: Span) -> Expr:
    sign, digits = found[1], found[2]
    value: int | float
    if digits.isdigit():
        if len(digits) > len(str(b.limits.integer)) or int(digits) > b.limits.integer:
            raise _Wrong(f"the number {one_line(digits, 40)} is past the limit of {b.limits.integer}", span)
        value = int(digits)
    else:
        value = float(digits)

    if not -float("inf") < value < float("inf"):
        raise _Wrong("this number is not finite", span)
    if sign:
        return Unary("-", Number(value))
    return Number(value)


def _word(cell: str, span: Span, env: Env) -> Expr:
    """A word of the catalogue, unless the file has given that name another meaning."""
    if find_node(env, cell) is not None:
        raise _Wrong(f"the word `{cell}` is a name of the file that reads this table, and means something else", span)
    return Name(cell)
