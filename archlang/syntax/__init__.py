"""Text to tree and back: `parse` reads a file's form and `print_file` writes it, in one canonical layout."""

from archlang.syntax.parser import decode, parse

__all__ = ["decode", "parse"]
