"""Codes as CSV: a line a class.

What is written has the header `class,code` (or `code` where classes have no names) and then `name,word`. What is read
may also have a cell a branch (`name,1,0,0,1`), no header, no names, `;`, tabs or spaces between cells, empty lines, and
lines that begin with `#`. Spreadsheets drop leading zeros of whole words: keep words as text, or a cell a branch.

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
from dataclasses import dataclass

from archlang.codes.code import Code
from archlang.codes.contract import Contract, faults
from archlang.diagnostics import ArchError, Diagnostic, Label, error
from archlang.diagnostics.text import one_line
from archlang.limits import DEFAULT, Limits
from archlang.source import Source, Span

HEADS = frozenset({"class", "classes", "name", "label", "code", "codes", "word", "words", "codeword"})
"""First cells that make a line the header."""


@dataclass(frozen=True)
class Row:
    """A line of a table: the class's name (None where there is none), its word, and where it stands."""

    name: str | None
    word: str
    span: Span


def read(data: bytes, name: str, contract: Contract | None = None, limits: Limits = DEFAULT) -> Code:
    """The code that a CSV file holds, checked against a contract.

    Raises ArchError with every mistake at its line: bad-code, code-contract, not-utf8, file-too-large.
    """
    if len(data) > limits.total_bytes:
        raise ArchError(error("file-too-large", f"`{one_line(name, 200)}` is larger than {limits.total_bytes} bytes"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        message = f"`{one_line(name, 200)}` is not UTF-8 text: byte {problem.start} is no part of it"
        raise ArchError(error("not-utf8", message)) from None
    return read_text(text, name, contract)


def read_text(text: str, name: str = "<code>", contract: Contract | None = None) -> Code:
    """The same for text. Raises ArchError (bad-code, code-contract)."""
    source = Source(name, text)
    found = rows(source)
    wrong = _row_faults(found, source)
    if wrong:
        raise ArchError(wrong)
    names = tuple(row.name for row in found if row.name is not None)
    code = Code(tuple(row.word for row in found), names or None)
    broken = faults(code, contract, None, {i: row.span for i, row in enumerate(found)})
    if broken:
        raise ArchError([_placed(d, source) for d in broken])
    return code


def write(code: Code) -> str:
    """A code as CSV text with `\\n` at line ends."""
    if code.names is None:
        return "\n".join(["code", *code.words]) + "\n"
    pairs = zip(code.names, code.words, strict=True)
    return "\n".join(["class,code", *(f"{_quoted(name)},{word}" for name, word in pairs)]) + "\n"


def _quoted(name: str) -> str:
    """A name as a cell; one that begins with `#` is quoted so that its line is no remark."""
    if name.startswith("#") or any(sign in name for sign in ',"'):
        return '"' + name.replace('"', '""') + '"'
    return name


def rows(source: Source) -> list[Row]:
    """The lines that hold words. Raises ArchError (bad-code) where a line is no CSV or nothing is there."""
    found: list[Row] = []
    named: bool | None = None
    for number, start in enumerate(source.starts, 1):
        line = source.line(number)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        span = Span(source, start, start + len(line))
        cells = _cells(line, span)
        if not found and named is None and _is_header(cells):
            named = cells[0].lower() in {"class", "classes", "name", "label"}
            continue
        found.append(_row(cells, span, named))
    if not found:
        raise ArchError(error("bad-code", "the table holds no words", Span(source, 0, min(len(source.text), 1))))
    return found


def _cells(line: str, span: Span) -> list[str]:
    sign = next((s for s in (",", ";", "\t") if s in line), None)
    if sign is None:
        return line.rsplit(None, 1)
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=sign, strict=True))]
    except (csv.Error, StopIteration):
        raise ArchError(error("bad-code", "a line that is no CSV: a quote is not closed", span)) from None


def _is_header(cells: list[str]) -> bool:
    return cells[0].lower() in HEADS or not any(cell and set(cell) <= {"0", "1"} for cell in cells)


def _row(cells: list[str], span: Span, named: bool | None) -> Row:
    while cells[-1] == "" and (len(cells) > 2 or (len(cells) == 2 and not named and set(cells[0]) <= {"0", "1"})):
        cells = cells[:-1]  # a sign at the line's end
    if named is None:
        single = all(cell in ("0", "1") for cell in cells)
        named = len(cells) > 1 and not single
    name, word = (cells[0], cells[1:]) if named else (None, cells)
    return Row(name, "".join(word), span)


def _row_faults(found: list[Row], source: Source) -> list[Diagnostic]:
    usual = Counter(len(row.word) for row in found).most_common(1)[0][0]
    wrong = [d for row in found if (d := _word_fault(row, usual)) is not None]
    first: dict[str, Row] = {}
    for row in found:
        if (row.name is None) != (found[0].name is None):
            wrong.append(error("bad-code", "some lines name their class and some do not", row.span))
        elif row.name is not None and not row.name:
            wrong.append(error("bad-code", "a class without a name", row.span))
        elif row.name is not None and row.name in first:
            here = [Label(first[row.name].span, "the first one")]
            message = f"two classes are called `{one_line(row.name, 80)}`"
            wrong.append(error("bad-code", message, row.span, secondary=here))
        elif row.name is not None:
            first[row.name] = row
    if len(found) < 2:
        wrong.append(error("bad-code", "a code has at least two words", found[0].span))
    return sorted(wrong, key=lambda d: d.primary.span.start if d.primary else 0)


def _word_fault(row: Row, usual: int) -> Diagnostic | None:
    strange = next((char for char in row.word if char not in "01"), None)
    if strange is not None:
        return error("bad-code", f"words are of 0 and 1; `{one_line(strange)}` is neither", row.span)
    if not row.word:
        return error("bad-code", "a class without a word", row.span)
    if len(row.word) != usual:
        short = len(row.word) < usual
        help = "spreadsheets drop leading zeros: keep words as text, or a cell a branch" if short else ()
        return error("bad-code", f"this word has {len(row.word)} symbols, others {usual}", row.span, help=help)
    return None


def _placed(found: Diagnostic, source: Source) -> Diagnostic:
    """A mistake of the whole table, shown at its first line."""
    if found.primary is not None:
        return found
    span = Span(source, 0, max(len(source.line(1)), 1) if source.text else 0)
    return error(found.name, found.message, span, secondary=found.secondary, help=found.help, notes=found.notes)
