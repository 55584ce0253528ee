"""Small pieces of Markdown: prose with nothing in it that Markdown would take for a sign, tables, blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pygments.lexers import get_lexer_by_name
from pygments.token import Error

SIGNS = re.compile(r"([\\*_\[\]<>#|$~])")


def prose(text: str) -> str:
    r"""A doc string as Markdown: what stands in backticks stays, signs elsewhere are escaped.

    >>> prose("`a_b` times *c*")
    '`a_b` times \\*c\\*'
    """
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") else SIGNS.sub(r"\\\1", piece) for piece in pieces)


def paragraphs(text: str) -> str:
    """A doc string of several lines; lines that are indented or numbered keep their line ends."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return "\n".join(prose(line) for line in lines)


def cell(text: str) -> str:
    """One line, as a cell of a table."""
    return re.sub(r"(?<!\\)\|", r"\\|", prose(" ".join(text.split())))


def code(text: str) -> str:
    """A name or an expression in backticks; a bar would end the cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table, line by line, with an empty line after it."""
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def block(text: str, language: str = "arch") -> str:
    """A fenced block. Text that the lexer cannot read, as that of a mistake, is shown without colours."""
    if any(kind is Error for kind, _ in get_lexer_by_name(language).get_tokens(text)):
        language = "text"
    return f"```{language}\n{text.strip()}\n```\n"


def contents(title: str, intro: str, pages: Iterable[str], depth: int = 1) -> str:
    """A page that leads to others."""
    listed = "\n".join(pages)
    return f"# {title}\n\n{intro}\n\n```{{toctree}}\n:maxdepth: {depth}\n\n{listed}\n```\n"
