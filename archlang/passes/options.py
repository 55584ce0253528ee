"""The options of passes as text: `multipath{paths=2,router=cross_stitch}` read and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from archlang.diagnostics import ArchError, did_you_mean, error

_FORM = re.compile(r"\s*([A-Za-z_-][A-Za-z0-9_-]*)\s*(?:\{(.*)\})?\s*", re.DOTALL)
_WANTED = {bool: "true or false", int: "a whole number", float: "a number"}

P = TypeVar("P")


def split_pass(text: str) -> tuple[str, dict[str, str]]:
    """The name and the options of a pass's text. Raises ArchError: usage, repeated-argument.

    >>> split_pass("multipath{paths=2, router=none}")
    ('multipath', {'paths': '2', 'router': 'none'})
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise ArchError(error("usage", f"a pass reads `name{{option=value,...}}`, not {text[:80]!r}"))

    options: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in split_options(form[2] or ""))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ArchError(error("usage", f"an option reads `name=value`, not {part[:80]!r}"))
        if name in options:
            raise ArchError(error("repeated-argument", f"the option `{name[:64]}` is given twice"))
        options[name] = value
    return form[1], options


def split_options(text: str) -> list[str]:
    """The options, at the commas that stand in no brackets and no string.

    >>> split_options("a=[1, 2],b=f(3, 4),c='x,y'")
    ['a=[1, 2]', 'b=f(3, 4)', "c='x,y'"]
    """
    parts, depth, quote = [""], 0, ""
    for sign in text:
        # Inside a string, brackets and other quotes are letters like any others.
        if quote:
            if sign == quote:
                quote = ""
        elif sign in "\"'":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1

        if sign == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def with_options(kind: type[P], options: Mapping[str, str]) -> P:
    """A pass of a class with its options, each read by the type of its field.

    Raises ArchError: unknown-argument, wrong-kind, out-of-range.
    """
    name = getattr(kind, "name", kind.__name__)
    known = {option_name(field): field for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass, as all are
    hints = _hints(kind)
    values: dict[str, object] = {}

    for option, text in options.items():
        if option not in known:
            if known:
                listed = f"it takes: {', '.join(known)}"
            else:
                listed = "it takes no options"
            raise ArchError(error("unknown-argument", f"`{name}` has no option `{option[:64]}`",
                                  help=(*did_you_mean(option, known), listed)))
        field = known[option]
        values[field.name] = _read(name, field, hints.get(field.name), text)

    # A pass checks in `__post_init__` what the types of its fields cannot say.
    try:
        return kind(**values)
    except ValueError as problem:
        raise ArchError(error("out-of-range", f"`{name}`: {problem}")) from None


def _hints(kind: type) -> dict[str, Any]:
    """The types of a pass's fields; none where its module cannot be asked, as that of a script that is run."""
    try:
        return get_type_hints(kind)
    except NameError:
        return {}


def option_name(field: Field[Any]) -> str:
    """The name of a field as an option; metadata renames it where the name is a word of Python."""
    name: str = field.metadata.get("option", field.name)
    return name


def default_of(field: Field[Any]) -> object:
    """The value of an option that is not given."""
    # Passes have defaults for all fields; other dataclasses that are written in this form may not.
    if field.default is MISSING:
        return ""
    return field.default


def written_options(chosen: Any) -> str:
    """A pass as it is written: its name and the options that differ from their defaults."""
    given = []
    for field in fields(chosen):
        value = getattr(chosen, field.name)
        if value == default_of(field):
            continue

        text = str(value)
        if isinstance(value, bool):
            text = text.lower()  # the language writes `true`, Python `True`
        given.append(f"{option_name(field)}={text}")

    if given:
        return f"{chosen.name}{{{','.join(given)}}}"
    return str(chosen.name)


def _read(owner: str, field: Field[Any], hint: Any, text: str) -> object:
    """The value of an option by its field's type. Raises ArchError: wrong-kind, out-of-range."""
    option, sample = option_name(field), default_of(field)
    if get_origin(hint) is Literal:
        words = get_args(hint)
        if text not in words:
            message = f"`{owner}`: `{option}` is one of {', '.join(map(str, words))}, not {text[:40]!r}"
            raise ArchError(error("out-of-range", message, help=did_you_mean(text, words)))
        return text

    try:
        # Before numbers: in Python a bool is an int. `bool(text)` would take "false" for True.
        if isinstance(sample, bool):
            return {"true": True, "false": False}[text]
        if isinstance(sample, int | float):
            return type(sample)(text)
    except (ValueError, KeyError):
        message = f"the option `{option}` of `{owner}` is {_WANTED[type(sample)]}, not {text[:40]!r}"
        raise ArchError(error("wrong-kind", message)) from None
    return text
