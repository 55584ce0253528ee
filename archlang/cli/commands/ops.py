"""`archlang ops [NAME]`: the catalogue, and one entry of it in full."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import shorten

import click

from archlang.cli.options import debug, plugins
from archlang.cli.session import Session
from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.ops import REQUIRED, Arg, Catalogue, Op, Setting, Structure, catalogue_with
from archlang.ops.values import show

Entry = Op | Setting | Structure


@click.command("ops", short_help="The catalogue of operations and settings.")
@click.argument("name", required=False)
@plugins
@debug
@click.pass_obj
def command(session: Session, name: str | None) -> None:
    """List all operations, structures and settings, or show what NAME takes, means and looks like."""
    catalogue = catalogue_with(session.plugins)
    session.data(listing(catalogue) if name is None else "\n\n".join(map(described, entries(catalogue, name))))


def sections(catalogue: Catalogue) -> dict[str, list[Entry]]:
    """Heading to entries: operations by family, then structures, then settings by role."""
    found: dict[str, list[Entry]] = {}
    for op in catalogue.ops.values():
        if not op.internal:
            found.setdefault(op.family, []).append(op)
    found["structure"] = list(catalogue.structures.values())
    for (role, _), setting in catalogue.settings.items():
        found.setdefault(f"setting: {role}", []).append(setting)
    return found


def listing(catalogue: Catalogue) -> str:
    """Every name with the first sentence of what it means, under its heading."""
    parts = sections(catalogue)
    wide = max(len(entry.name) for part in parts.values() for entry in part)
    blocks = [
        "\n".join([f"{heading}", *(f"  {entry.name:{wide}}  {_sentence(entry)}" for entry in part)])
        for heading, part in parts.items()
    ]
    return "\n\n".join(blocks)


def entries(catalogue: Catalogue, name: str) -> list[Entry]:
    """What has this name: one stage, or settings of several roles. Raises ArchError (unknown-name)."""
    stage = catalogue.stage(name)
    found: list[Entry] = [stage] if stage is not None else []
    for role in catalogue.roles_of(name):
        setting = catalogue.setting(role, name)
        found += [setting] if setting is not None else []
    if not found:
        known = [*catalogue.stages, *(setting for _, setting in catalogue.settings)]
        near = did_you_mean(name, known) or "`archlang ops` lists the catalogue"
        raise ArchError(error("unknown-name", f"the catalogue has no `{one_line(name, 80)}`", help=near))
    return found


def described(entry: Entry) -> str:
    """One entry in full: how it is written, what it means, its arguments, an example."""
    kind = f"{entry.family} operation" if isinstance(entry, Op) else "structure"
    if isinstance(entry, Setting):
        kind = f"setting: {entry.role}"
    lines = [_signature(entry), f"  {kind}", "", f"  {entry.doc}"]
    if not getattr(entry, "available", True):
        lines += ["", "  This version of archlang reads it and cannot compile it yet."]
    if entry.args:
        lines += ["", "  arguments", *(f"    {line}" for line in _arguments(entry.args))]
    if entry.example:
        lines += ["", "  example", *(f"    {line}" for line in entry.example.splitlines())]
    return "\n".join(lines)


def _sentence(entry: Entry) -> str:
    head = re.split(r"(?<=\.)\s+(?=[A-Z])", entry.doc.strip(), maxsplit=1)[0]
    head = shorten(head, 100, placeholder=" ...")
    later = "" if getattr(entry, "available", True) else " (not available yet)"
    return f"{head}{later}"


def _signature(entry: Entry) -> str:
    args = [_argument(arg) for arg in entry.args]
    call = f"{entry.name}({', '.join(args)})" if args else entry.name
    braces = {"flow": " { flow }", "flows": " { flow; flow }"}
    return call + (braces.get(entry.body, "") if isinstance(entry, Structure) else "")


def _argument(arg: Arg) -> str:
    name = f"{arg.name}..." if arg.many or getattr(arg.kind, "many", False) else arg.name
    return name if arg.default is REQUIRED else f"{name} = {_default(arg)}"


def _default(arg: Arg) -> str:
    if isinstance(arg.default, str) and arg.default in arg.kind.words:  # a bare word, as files write it
        return arg.default
    return "auto" if arg.default is None else show(arg.default)


def _arguments(args: tuple[Arg, ...]) -> Iterator[str]:
    wide = max(len(arg.name) for arg in args)
    for arg in args:
        default = "" if arg.default is REQUIRED else f" [{_default(arg)}]"
        meaning = f"; {arg.doc}" if arg.doc else ""
        yield f"{arg.name:{wide}}  {arg.kind.text}{default}{meaning}"
