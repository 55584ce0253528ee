"""Text to tree and back: `parse` reads a file's form and `print_file` writes it, in one canonical layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archlang.syntax.dump import dump
from archlang.syntax.machine import grammar_text
from archlang.syntax.parser import decode, parse, parse_expr
from archlang.syntax.walk import children, comments_of, walk

if TYPE_CHECKING:
    from archlang.syntax.printer import print_expr, print_file, print_flat

__all__ = [
    "children",
    "comments_of",
    "decode",
    "dump",
    "grammar_text",
    "parse",
    "parse_expr",
    "print_expr",
    "print_file",
    "print_flat",
    "walk",
]


def __getattr__(name: str) -> object:
    # Most of those who read a file write none: the printer is loaded when it is asked for. No module of this package
    # may be called as one of these functions: once loaded, it would stand in its place.
    if name not in ("print_expr", "print_file", "print_flat"):
        raise AttributeError(f"module 'archlang.syntax' has no attribute {name!r}")

    from archlang.syntax import printer

    return getattr(printer, name)
