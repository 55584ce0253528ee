"""Operations from other packages. The user names the plug-ins; a file never can.

A package offers them under the entry-point group `archlang.ops`: an `Op`, or a list of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.ops.catalogue import CATALOGUE
from archlang.ops.kinds import Kind
from archlang.ops.model import Arg, Catalogue, Function, Module, Op

GROUP = "archlang.ops"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_TAKEN = """
archlang import let block code network train phase input output in for if else and or not as at from true false
range len min max size words
"""
_RESERVED = frozenset(_TAKEN.split())


def catalogue_with(names: Iterable[str]) -> Catalogue:
    """The built-in catalogue and the ops of these plug-ins.

    Raises ArchError: unknown-name where no installed package offers a plug-in of that name, bad-plugin where what it
    offers is no valid operation or has a name that is taken.

    >>> catalogue_with([]) is CATALOGUE
    True
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return CATALOGUE
    offered = {point.name: point for point in entry_points(group=GROUP)}
    ops = dict(CATALOGUE.ops)
    for name in wanted:
        for op in _load(name, offered):
            _check(name, op, ops)
            ops[op.name] = op
    return replace(CATALOGUE, ops=ops)


def _load(name: str, offered: dict[str, EntryPoint]) -> Sequence[Op]:
    if name not in offered:
        known = ", ".join(sorted(offered)) or "none"
        raise ArchError(error(
            "unknown-name", f"no installed package offers a plug-in called `{_safe(name)}`",
            help=(*did_you_mean(name, offered), f"installed plug-ins: {known}"),
        ))
    try:
        found = offered[name].load()
    except Exception as problem:  # a stranger's module may raise anything while it is imported
        raise _bad(name, f"cannot be loaded: {type(problem).__name__}: {_safe(str(problem))}") from problem
    ops = [found] if isinstance(found, Op) else found
    if not isinstance(ops, (list, tuple)) or not ops or not all(isinstance(op, Op) for op in ops):
        raise _bad(name, "offers something other than operations")
    return ops


def _check(plugin: str, op: Op, taken: dict[str, Op]) -> None:
    if not isinstance(op.name, str) or not _NAME.fullmatch(op.name) or op.name in _RESERVED:
        raise _bad(plugin, f"has an operation with the name `{_safe(str(op.name))}`, which no file could write")
    if op.name in taken or op.name in CATALOGUE.structures:
        raise _bad(plugin, f"has an operation `{op.name}`, and that name is taken")
    for rule in ("shape", "weights", "flops", "rows"):
        if not callable(getattr(op, rule)):
            raise _bad(plugin, f"has no `{rule}` rule for `{op.name}`")
    if not isinstance(op.torch, (Module, Function)):
        raise _bad(plugin, f"does not say what `{op.name}` becomes in torch")
    if isinstance(op.torch.target, str) and not _TARGET.fullmatch(op.torch.target):
        raise _bad(plugin, f"`{op.name}`: `{_safe(op.torch.target)}` is no dotted name")
    if not op.doc:
        raise _bad(plugin, f"does not say what `{op.name}` means")
    seen: set[str] = set()
    for arg in op.args:
        valid = isinstance(arg, Arg) and isinstance(arg.kind, Kind) and _NAME.fullmatch(arg.name)
        if not valid or arg.name in seen:
            raise _bad(plugin, f"has an argument of `{op.name}` that is no valid one")
        seen.add(arg.name)


def _bad(plugin: str, what: str) -> ArchError:
    return ArchError(error("bad-plugin", f"the plug-in `{_safe(plugin)}` {what}"))


def _safe(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:120])
