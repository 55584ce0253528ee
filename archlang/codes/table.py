"""Codes as CSV: a line a class.

A written table has the header `class,code` (or `code` where classes have no names) and then `name,word`. A table that
is read may also have a cell a branch (`name,1,0,0,1`), no header, no names, `;`, tabs or spaces between cells, empty
lines, and lines that begin with `#`. Spreadsheets drop leading zeros of whole words: keep words as text, or a cell a
branch.

>>> print(write(Code(("110", "011"), ("cat", "dog"))), end="")
class,code
cat,110
dog,011
>>> read_text("cat 110\\ndog 011\\n").names
('cat', 'dog')
"""

from __future__ import annotations

import csv
from collections import Counter

from archlang.codes.code import Code
from archlang.codes.contract import Contract, faults
from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError, Diagnostic, Label, error
from archlang.diagnostics.text import one_line
from archlang.limits import DEFAULT, Limits
from archlang.source import Source, Span

NAME_HEADS = frozenset({"class", "classes", "name", "label"})
CODE_HEADS = frozenset({"code", "codes", "word", "words", "codeword"})
"""First cells that make a line the header: of a table with names, and of one without."""

SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class TableRow:
    """A line of a table: the class's name (None where there is none), its word, and its place."""

    name: str | None
    word: str
    span: Span


def read(data: bytes, name: str, contract: Contract | None = None, limits: Limits = DEFAULT) -> Code:
    """Read the code in a CSV file and check it against a contract.

    Args:
        data: the bytes of the file.
        name: the file's name, for messages.
        contract: what the code must keep.
        limits: the sizes allowed.

    Raises ArchError with every mistake at its line: bad-code, code-contract, not-utf8, file-too-large.
    """
    if len(data) > limits.total_bytes:
        raise ArchError(error("file-too-large", f"`{one_line(name, 200)}` is larger than {limits.total_bytes} bytes"))

    try:
        # Spreadsheets put a byte-order mark before the first cell.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        message = f"`{one_line(name, 200)}` is not UTF-8 text: byte {problem.start} is no part of it"
        raise ArchError(error("not-utf8", message)) from None
    return read_text(text, name, contract)


def read_text(text: str, name: str = "<code>", contract: Contract | None = None) -> Code:
    """Read a code from the text of a table. Raises ArchError (bad-code, code-contract)."""
    source = Source(name, text)
    table = rows(source)

    problems = _table_faults(table)
    if problems:
        raise ArchError(problems)

    names = tuple(row.name for row in table if row.name is not None)
    code = Code(tuple(row.word for row in table), names or None)

    problems = faults(code, contract, None, {i: row.span for i, row in enumerate(table)})
    if problems:
        raise ArchError([_placed(problem, source) for problem in problems])
    return code


def write(code: Code) -> str:
    """Write a code as CSV text, with `\\n` at line ends."""
    if code.names is None:
        return "\n".join(["code", *code.words]) + "\n"

    lines = [f"{_quoted(name)},{word}" for name, word in zip(code.names, code.words, strict=True)]
    return "\n".join(["class,code", *lines]) + "\n"


def _quoted(name: str) -> str:
    """A name as a cell; one that begins with `#` is quoted, since its line would be read as a remark."""
    if name.startswith("#") or any(sign in name for sign in ',"'):
        return '"' + name.replace('"', '""') + '"'
    return name


def rows(source: Source) -> list[TableRow]:
    """The lines that hold words. Raises ArchError (bad-code) for a line that is not CSV or an empty table."""
    table: list[TableRow] = []
    named: bool | None = None  # known from a header alone

    for number, start in enumerate(source.starts, 1):
        line = source.line(number)
        # Spreadsheets leave empty lines at the end; `#` begins a remark.
        if not line.strip() or line.lstrip().startswith("#"):
            continue

        span = Span(source, start, start + len(line))
        cells = _cells(line, span)
        if not table and named is None and _is_header(cells):
            named = cells[0].lower() in NAME_HEADS
            continue
        table.append(_row(cells, span, named))

    if not table:
        raise ArchError(error("bad-code", "the table holds no words", Span(source, 0, min(len(source.text), 1))))
    return table


def _cells(line: str, span: Span) -> list[str]:
    """Split a line at the first kind of separator that it holds, else before its last word."""
    separator = next((s for s in SEPARATORS if s in line), None)
    if separator is None:
        return line.rsplit(None, 1)

    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True))]
    except (csv.Error, StopIteration):
        raise ArchError(error("bad-code", "a line that is no CSV: a quote is not closed", span)) from None


def _is_header(cells: list[str]) -> bool:
    """True for a line that begins like a header, or none of whose cells could be a word."""
    if cells[0].lower() in NAME_HEADS | CODE_HEADS:
        return True
    return not any(cell and set(cell) <= {"0", "1"} for cell in cells)


def _row(cells: list[str], span: Span, named: bool | None) -> TableRow:
    """A line as a name and a word; without a header, the cells tell whether there is a name."""
    # A spreadsheet writes every row as long as its longest one.
    while cells[-1] == "" and _trailing(cells, named):
        cells = cells[:-1]

    if named is None:
        one_symbol_each = all(cell in ("0", "1") for cell in cells)
        named = len(cells) > 1 and not one_symbol_each

    if named:
        return TableRow(cells[0], "".join(cells[1:]), span)
    return TableRow(None, "".join(cells), span)


def _trailing(cells: list[str], named: bool | None) -> bool:
    """True if an empty last cell stems from a separator at the line's end, not from a name whose word is missing."""
    if len(cells) > 2:
        return True
    return len(cells) == 2 and not named and set(cells[0]) <= {"0", "1"}


def _table_faults(table: list[TableRow]) -> list[Diagnostic]:
    """The mistakes that the lines show before they are a code, in their order."""
    # The length of most words is taken for the right one.
    usual = Counter(len(row.word) for row in table).most_common(1)[0][0]

    word_faults = (_word_fault(row, usual) for row in table)
    problems = [problem for problem in word_faults if problem is not None]
    problems += _name_faults(table)
    if len(table) < 2:
        problems.append(error("bad-code", "a code has at least two words", table[0].span))

    return sorted(problems, key=_start)


def _start(problem: Diagnostic) -> int:
    """The offset of a mistake in the text."""
    if problem.primary is None:
        return 0
    return problem.primary.span.start


def _name_faults(table: list[TableRow]) -> list[Diagnostic]:
    """The mistakes in the classes' names."""
    problems: list[Diagnostic] = []
    first_of: dict[str, TableRow] = {}

    for row in table:
        if (row.name is None) != (table[0].name is None):
            problems.append(error("bad-code", "some lines name their class and some do not", row.span))
        elif row.name is None:
            continue
        elif not row.name:
            problems.append(error("bad-code", "a class without a name", row.span))
        elif row.name in first_of:
            earlier = [Label(first_of[row.name].span, "the first one")]
            message = f"two classes are called `{one_line(row.name, 80)}`"
            problems.append(error("bad-code", message, row.span, secondary=earlier))
        else:
            first_of[row.name] = row
    return problems


def _word_fault(row: TableRow, usual: int) -> Diagnostic | None:
    """The mistake in a word, if there is one; `usual` is the length that most words have."""
    strange = next((char for char in row.word if char not in "01"), None)
    if strange is not None:
        return error("bad-code", f"words are of 0 and 1; `{one_line(strange)}` is neither", row.span)
    if not row.word:
        return error("bad-code", "a class without a word", row.span)
    if len(row.word) == usual:
        return None

    help: tuple[str, ...] = ()
    if len(row.word) < usual:
        help = ("spreadsheets drop leading zeros: keep words as text, or a cell a branch",)
    return error("bad-code", f"this word has {len(row.word)} symbols, others {usual}", row.span, help=help)


def _placed(problem: Diagnostic, source: Source) -> Diagnostic:
    """Place a mistake of the whole table at its first line."""
    if problem.primary is not None:
        return problem

    end = 0
    if source.text:
        end = max(len(source.line(1)), 1)

    span = Span(source, 0, end)
    return error(
        problem.name, problem.message, span, secondary=problem.secondary, help=problem.help, notes=problem.notes
    )
