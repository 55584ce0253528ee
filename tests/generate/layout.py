"""The same program in an odd layout: line ends, spaces and comments where the language does not care."""

from __future__ import annotations

import random
import re

TOKEN = re.compile(
    r'"""(?:.|\n)*?"""|"(?:[^"\\\n]|\\.)*"|#[^\n]*|->|==|!=|<=|>=|//|\*\*'
    r"|[0-9]+(?:x[0-9]+)+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|[A-Za-z_][A-Za-z0-9_]*|\S"
)
COMMENTS = ("# a comment", "#", "# -> { ( \" not a bracket", "# weiß 漢字", "# network N { }")


def tokens(text: str) -> list[str]:
    """The words and signs of a text, comments among them."""
    return TOKEN.findall(text)


def odd(r: random.Random, text: str) -> str:
    """Another layout of a program; its first line stays."""
    first, rest = text.split("\n", 1)
    parts = [first + r.choice(("\n", "\r\n", "  \n", " # version\n", "\n\n\n"))]
    for token in tokens(rest):
        parts.append(token)
        if token.startswith("#"):
            parts.append("\n")
            continue
        chance = r.random()
        if chance < 0.04:
            parts.append(f" {r.choice(COMMENTS)}\n")
        elif chance < 0.12:
            parts.append("\n" * r.choice((1, 1, 2, 4)))
        else:
            parts.append(r.choice((" ", " ", "  ", "\t")))
    return "".join(parts) + r.choice(("", "\n", "\n\n# the end"))
