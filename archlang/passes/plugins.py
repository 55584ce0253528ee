"""Passes from other packages. The user names the plug-ins; a file never can.

A package offers them under the entry-point group `archlang.passes`: a subclass of `Transformation` or `Rewriting`, or
a list of some.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract
from typing import Any

from archlang.diagnostics.plugins import bad_plugin, shown
from archlang.passes.base import Pass
from archlang.passes.catalogue import PASSES, PassCatalogue, PassClass

GROUP = "archlang.passes"
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,63}")


def passes_with(names: Iterable[str]) -> PassCatalogue:
    """The catalogue with the passes of these plug-ins; a plug-in that offers none adds none.

    Raises ArchError: bad-plugin where what a plug-in offers is no valid pass or has a name that is taken.

    >>> passes_with([]) is PASSES
    True
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return PASSES

    points = {point.name: point for point in entry_points(group=GROUP)}
    offered: dict[str, PassClass] = {}
    for name in wanted:
        # A plug-in of operations alone has no entry point here; one that nobody installed is refused with those.
        if name not in points:
            continue

        for kind in _load(points[name]):
            _check(name, kind, (*PASSES.names, *offered))
            offered[kind.name] = kind
    return replace(PASSES, offered=offered)


def _load(point: EntryPoint) -> Sequence[Any]:
    """The classes that a plug-in offers. Raises ArchError (bad-plugin)."""
    try:
        value = point.load()
    except Exception as problem:  # a stranger's module may raise anything while it is imported
        said = f"cannot be loaded: {type(problem).__name__}: {shown(str(problem))}"
        raise bad_plugin(point.name, said) from problem

    if isinstance(value, type):
        kinds = [value]
    else:
        kinds = value

    if not isinstance(kinds, list | tuple) or not kinds:
        raise bad_plugin(point.name, "offers something other than passes")
    return kinds


def _check(plugin: str, kind: Any, taken: Sequence[str]) -> None:
    """Raise ArchError (bad-plugin) for what is no pass that commands and files could name."""
    # `issubclass` raises TypeError for what is no class, and the package may offer anything.
    is_pass = isinstance(kind, type) and issubclass(kind, Pass) and is_dataclass(kind)
    if not is_pass or isabstract(kind):
        raise bad_plugin(plugin, f"offers `{shown(str(getattr(kind, '__name__', kind)))}`, which is no complete pass")

    name = getattr(kind, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise bad_plugin(plugin, f"has a pass with the name `{shown(str(name))}`, which no command could write")
    # A name keeps its meaning: a plug-in must not exchange a pass that files and scripts already use.
    if name in taken:
        raise bad_plugin(plugin, f"has a pass `{name}`, and that name is taken")
    if not kind.__doc__:
        raise bad_plugin(plugin, f"does not say what becomes of what in `{name}`")
    # `pass{option=value}` reads an option by the type of its default, and a pass stands without options, too.
    if not all(_readable(field) for field in fields(kind)):
        raise bad_plugin(plugin, f"has an option of `{name}` without a default that is a text, a number, true or false")


def _readable(field: Field[Any]) -> bool:
    """Tell whether a text can give an option: it has a default, whose type says how the text is read."""
    return field.default is not MISSING and isinstance(field.default, str | int | float | bool)
