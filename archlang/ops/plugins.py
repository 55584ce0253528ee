"""Operations from other packages. The user names the plug-ins; a file never can.

A package offers them under the entry-point group `archlang.ops`: an `Op`, or a list of them. A list may also hold a
kind of attention over layers: a `Setting` of the role `aggregator` with its operation `attend_NAME`, whose second
result is the attention, [layers].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.plugins import bad_plugin, shown
from archlang.ops.catalogue import CATALOGUE
from archlang.ops.kinds import Kind
from archlang.ops.layer_attention import PREFIX
from archlang.ops.model import Arg, Catalogue, Function, Module, Op, Setting

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "archlang.ops"
GROUP_OF_PASSES = "archlang.passes"
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

    # It reads metadata as mail: without plug-ins a check does not wait for a parser of messages.
    from importlib.metadata import entry_points

    offered = {point.name: point for point in entry_points(group=GROUP)}
    of_passes = {point.name for point in entry_points(group=GROUP_OF_PASSES)} - offered.keys()
    ops, settings = dict(CATALOGUE.ops), dict(CATALOGUE.settings)

    for name in wanted:
        if name in of_passes:
            continue  # it brings no operations, and is asked for its passes elsewhere

        # Operations first, whatever their order in the list: a kind of attention is checked against its own.
        entries = _load(name, offered)
        for op in entries:
            if isinstance(op, Op):
                _check(name, op, ops)
                ops[op.name] = op
        for setting in entries:
            if isinstance(setting, Setting):
                _check_kind(name, setting, ops, settings)
                settings[setting.role, setting.name] = setting
    return replace(CATALOGUE, ops=ops, settings=settings, plugins=tuple(wanted))


def _load(name: str, offered: dict[str, EntryPoint]) -> Sequence[Op | Setting]:
    """The entries that a plug-in offers. Raises ArchError: unknown-name, bad-plugin."""
    if name not in offered:
        known = ", ".join(sorted(offered)) or "none"
        raise ArchError(error(
            "unknown-name", f"no installed package offers a plug-in called `{shown(name)}`",
            help=(*did_you_mean(name, offered), f"installed plug-ins: {known}"),
        ))

    try:
        value = offered[name].load()
    except Exception as problem:  # a stranger's module may raise anything while it is imported
        raise bad_plugin(name, f"cannot be loaded: {type(problem).__name__}: {shown(str(problem))}") from problem

    entries = value
    if isinstance(value, Op):
        entries = [value]
    is_list = isinstance(entries, list | tuple) and len(entries) > 0
    if not is_list or not all(isinstance(entry, Op | Setting) for entry in entries):
        raise bad_plugin(name, "offers something other than operations")
    return entries  # type: ignore[no-any-return]  # checked just now, one by one


def _check(plugin: str, op: Op, taken: dict[str, Op]) -> None:
    """Raise ArchError (bad-plugin) for an operation that files could not write or the compiler not use."""
    if not isinstance(op.name, str) or not _NAME.fullmatch(op.name) or op.name in _RESERVED:
        raise bad_plugin(plugin, f"has an operation with the name `{shown(str(op.name))}`, which no file could write")
    # A plug-in adds words; it must not change what a file meant without it.
    if op.name in taken or op.name in CATALOGUE.structures:
        raise bad_plugin(plugin, f"has an operation `{op.name}`, and that name is taken")

    # Annotations bind nobody at run time: a rule that is a number would fail in the midst of a check.
    for rule in ("shape", "weights", "flops", "rows"):
        if not callable(getattr(op, rule)):
            raise bad_plugin(plugin, f"has no `{rule}` rule for `{op.name}`")
    if not isinstance(op.torch, (Module, Function)):
        raise bad_plugin(plugin, f"does not say what `{op.name}` becomes in torch")
    # The name is written into generated code: nothing but a dotted name may get there.
    if isinstance(op.torch.target, str) and not _TARGET.fullmatch(op.torch.target):
        raise bad_plugin(plugin, f"`{op.name}`: `{shown(op.torch.target)}` is no dotted name")
    _check_words(plugin, op)


def _check_kind(plugin: str, kind: Setting, ops: dict[str, Op], taken: dict[tuple[str, str], Setting]) -> None:
    """A kind of attention: its name, its operation, and that the operation takes what the kind does."""
    if not isinstance(kind.name, str) or not _NAME.fullmatch(kind.name) or kind.name in _RESERVED:
        raise bad_plugin(plugin, f"has a setting with the name `{shown(str(kind.name))}`, which no file could write")
    if kind.role != "aggregator":
        raise bad_plugin(plugin, f"has a setting `{kind.name}` that is no aggregator")
    if (kind.role, kind.name) in taken:
        raise bad_plugin(plugin, f"has an aggregator `{kind.name}`, and that name is taken")
    _check_words(plugin, kind)

    # `attend(kind)` becomes that operation in the graph, with the kind's arguments.
    op = ops.get(PREFIX + kind.name)
    if op is None or op.takes != "bundle":
        what = f"has an aggregator `{kind.name}` without an operation `{PREFIX}{kind.name}` on bundles"
        raise bad_plugin(plugin, what)
    if not {arg.name for arg in kind.args} <= {arg.name for arg in op.args}:
        raise bad_plugin(plugin, f"has arguments of `{kind.name}` that its operation does not take")


def _check_words(plugin: str, entry: Op | Setting) -> None:
    """Raise ArchError (bad-plugin) for an entry without documentation, or with an argument that no file could write."""
    # Printed in the reference and by the language server, where an empty line would stand.
    if not entry.doc:
        raise bad_plugin(plugin, f"does not say what `{entry.name}` means")

    names: set[str] = set()
    for arg in entry.args:
        valid = isinstance(arg, Arg) and isinstance(arg.kind, Kind) and _NAME.fullmatch(arg.name)
        if not valid or arg.name in names:
            raise bad_plugin(plugin, f"has an argument of `{entry.name}` that is no valid one")
        names.add(arg.name)
