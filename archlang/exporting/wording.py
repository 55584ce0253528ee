"""Pieces of source: literals, calls of functions, constructors, names of classes and variables."""

from __future__ import annotations

import builtins
import inspect
import keyword
import math
import operator
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from archlang.exporting.construction import refused
from archlang.exporting.layout import WIDTH, BracketedText
from archlang.exporting.library import Library
from archlang.ops.values import Option

INFIX: Mapping[Any, str] = {
    torch.add: "+", torch.sub: "-", torch.mul: "*", torch.div: "/", torch.matmul: "@",
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.floordiv: "//", operator.truediv: "/",
}
"""Functions of two things that have a sign."""

TAKEN = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "torch", "nn", "F", "self"})
"""Names that no variable may have."""


def class_name(name: str) -> str:
    """A name as classes have it.

    >>> class_name("stem_imagenet"), class_name("ResNet50"), class_name("block2d")
    ('StemImagenet', 'ResNet50', 'Block2d')
    """
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name) if part) or "Part"


def unique(name: str, taken: set[str]) -> str:
    """The name itself, or with a number behind it where it is taken; it is taken from then on."""
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}{count}" if name[:1].isupper() else f"{name}_{count}"
    taken.add(candidate)
    return candidate


def literal(value: object, library: Library) -> str:
    """A value as source has it. Raises ArchError (unsupported-module) for what has none."""
    match value:
        case None | bool() | int():
            return repr(value)
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case float():
            if math.isfinite(value):
                return repr(value)
            return f'float("{value}")'
        case tuple() | list():
            inner = ", ".join(literal(item, library) for item in value)
            if len(value) == 1:
                inner += ","
            return f"({inner})"
        case Option():
            library.need(Option)
            given = ", ".join(f"{literal(k, library)}: {literal(v, library)}" for k, v in value.args.items())
            return f"Option({literal(value.name, library)}, {literal(value.role, library)}, {{{given}}})"
        case Mapping():
            given = ", ".join(f"{literal(k, library)}: {literal(v, library)}" for k, v in value.items())
            return f"{{{given}}}"
    raise refused(f"a value of the kind {type(value).__name__} is among the arguments of a module")


def dotted(target: Callable[..., Any], library: Library) -> str:
    """The name of a function or class in the source: torch's own, or one that is written out there."""
    for short, owner in (("torch", torch), ("F", functional), ("nn", nn)):
        name = getattr(target, "__name__", "")
        if getattr(owner, name, None) is target:
            library.names.add(short)
            return f"{short}.{name}"
    return library.need(target)


def construction(target: Any, texts: Mapping[str, str], library: Library) -> BracketedText:
    """A constructor's call: what has no default by place, the rest by name; defaults are left away."""
    name = dotted(target, library)
    given: list[str] = []
    by_place = True

    for key, parameter in inspect.signature(target.__init__).parameters.items():
        if key not in texts:
            by_place = by_place and key == "self"
            continue
        text = texts[key]
        if parameter.default is not parameter.empty and text == literal_or_none(parameter.default, library):
            by_place = False
            continue
        if by_place and parameter.default is parameter.empty:
            given.append(text)
        else:
            given.append(f"{key}={text}")

    # Arguments that the constructor takes under any name.
    known = inspect.signature(target.__init__).parameters
    given += [f"{key}={text}" for key, text in texts.items() if key not in known]
    return BracketedText(f"{name}(", given, ")")


def literal_or_none(value: object, library: Library) -> str | None:
    """A default as source has it, None where it cannot be written."""
    if isinstance(value, None | bool | int | float | str | tuple):
        return literal(value, library)
    return None


def docstring(text: str, indent: int) -> list[str]:
    """The lines of a docstring."""
    # Written raw where backslashes would mean something else.
    text = text.strip().replace('"""', "'''")
    prefix = 'r"""' if "\\" in text else '"""'
    lines = text.splitlines()
    space = " " * indent
    if len(lines) == 1 and len(lines[0]) + indent + 6 <= WIDTH + 20:
        end = lines[0]
        if end.endswith('"'):
            end += " "
        return [f'{space}{prefix}{end}"""']

    rest = textwrap.dedent("\n".join(lines[1:])).splitlines()
    return [f"{space}{prefix}{lines[0]}", *(f"{space}{line}".rstrip() for line in rest), f'{space}"""']
