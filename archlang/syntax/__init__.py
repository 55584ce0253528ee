"""Text to tree and back: `parse` reads a file's form and `print_file` writes it, in one canonical layout."""

from archlang.syntax.dump import dump
from archlang.syntax.machine import grammar_text
from archlang.syntax.parser import decode, parse, parse_expr
from archlang.syntax.printer import print_expr, print_file, print_flat
from archlang.syntax.walk import children, comments_of, walk

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
