"""`archlang ops [NAME]`: the catalogue and the standard library, and one entry of them in full."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from textwrap import shorten
from typing import Any

import click

from archlang.cli import standard
from archlang.cli.options import debug, formats, plugins
from archlang.cli.session import Session
from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.ops import REQUIRED, Arg, Catalogue, Op, Setting, Structure, catalogue_with
from archlang.ops.values import show
from archlang.project.standard import standard_library

Entry = Op | Setting | Structure

LIBRARY = "std"
"""What lists the standard library; `std.resnet` lists one module of it."""


def completed(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    """Names that begin so, for a shell that completes: of the catalogue, the library, its modules and blocks."""
    catalogue = catalogue_with(())
    blocks = standard_library()
    names = {*catalogue.stages, *(name for _, name in catalogue.settings), LIBRARY,
             *(block.module for block in blocks), *(block.name for block in blocks)}
    return sorted(name for name in names if name.startswith(start))


@click.command("ops", short_help="List the catalogue of operations and settings.")
@click.argument("name", required=False, shell_complete=completed)
@formats("human", "json")
@plugins
@debug
@click.pass_obj
def command(session: Session, name: str | None) -> None:
    """List all operations, structures and settings, or show what NAME takes, means and looks like.

    NAME may also be a block of the standard library; `std` lists all of them, `std.resnet` those of a module.
    """
    catalogue = catalogue_with(session.plugins)
    if session.format == "json":
        session.document({"entries": _as_json(catalogue, name)})
        return
    if name is None:
        session.data(f"{listing(catalogue)}\n\n`archlang ops std` lists the blocks of the standard library")
        return

    library = standard_library()
    modules = [block for block in library if name in (LIBRARY, block.module)]
    if modules:
        session.data(standard.listed(modules))
        return

    blocks = [standard.described(block) for block in library if block.name == name]
    found = entries(catalogue, name, [block.name for block in library])
    session.data("\n\n".join([*map(described, found), *blocks]))


def _as_json(catalogue: Catalogue, name: str | None) -> list[dict[str, Any]]:
    """The entries of a name as data, or all of the catalogue. Raises ArchError (unknown-name)."""
    headings = sections(catalogue)
    if name is None:
        return [_entry_json(entry) for part in headings.values() for entry in part]

    library = standard_library()
    modules = [block for block in library if name in (LIBRARY, block.module)]
    if modules:
        return [standard.as_json(block) for block in modules]
    found = [_entry_json(entry) for entry in entries(catalogue, name, [block.name for block in library])]
    return [*found, *(standard.as_json(block) for block in library if block.name == name)]


def _entry_json(entry: Entry) -> dict[str, Any]:
    """One entry: what it is, how it is called, and each argument with its default as files write it."""
    kind, group = "structure", None
    if isinstance(entry, Op):
        kind, group = "operation", entry.family
    elif isinstance(entry, Setting):
        kind, group = "setting", entry.role

    arguments = []
    for arg in entry.args:
        default = None
        if arg.default is not REQUIRED:
            default = default_of(arg)
        arguments.append({"name": arg.name, "kind": arg.kind.text, "required": arg.default is REQUIRED,
                          "default": default, "many": arg.many, "meaning": arg.doc})
    return {"name": entry.name, "kind": kind, "group": group, "signature": signature_of(entry), "meaning": entry.doc,
            "arguments": arguments, "example": entry.example}


def sections(catalogue: Catalogue) -> dict[str, list[Entry]]:
    """Sort the catalogue by headings: operations by family, then structures, then settings by role."""
    headings: dict[str, list[Entry]] = {}
    for op in catalogue.ops.values():
        if not op.internal:
            headings.setdefault(op.family, []).append(op)

    # Internal operations are what structures become; no file can write them.
    headings["structure"] = list(catalogue.structures.values())
    for (role, _), setting in catalogue.settings.items():
        headings.setdefault(f"setting: {role}", []).append(setting)
    return headings


def listing(catalogue: Catalogue) -> str:
    """List every name with the first sentence of its meaning, under its heading."""
    parts = sections(catalogue)
    wide = max(len(entry.name) for part in parts.values() for entry in part)
    blocks = [
        "\n".join([f"{heading}", *(f"  {entry.name:{wide}}  {_sentence(entry)}" for entry in part)])
        for heading, part in parts.items()
    ]
    return "\n\n".join(blocks)


def entries(catalogue: Catalogue, name: str, blocks: Sequence[str] = ()) -> list[Entry]:
    """Find all of this name: one stage, or settings of several roles; none where a standard block is called so.

    Raises ArchError (unknown-name).
    """
    stage = catalogue.stage(name)
    named = [stage, *(catalogue.setting(role, name) for role in catalogue.roles_of(name))]
    found: list[Entry] = [entry for entry in named if entry is not None]

    if not found and name not in blocks:
        known = [*catalogue.stages, *(setting for _, setting in catalogue.settings), *blocks]
        near = did_you_mean(name, known) or "`archlang ops` lists the catalogue"
        raise ArchError(error("unknown-name", f"the catalogue has no `{one_line(name, 80)}`", help=near))
    return found


def described(entry: Entry) -> str:
    """Describe one entry in full: its form, its meaning, its arguments, an example."""
    match entry:
        case Op():
            kind = f"{entry.family} operation"
        case Setting():
            kind = f"setting: {entry.role}"
        case Structure():
            kind = "structure"

    lines = [signature_of(entry), f"  {kind}", "", f"  {entry.doc}"]
    if entry.args:
        lines += ["", "  arguments", *(f"    {line}" for line in _arguments(entry.args))]
    if entry.example:
        lines += ["", "  example", *(f"    {line}" for line in entry.example.splitlines())]
    return "\n".join(lines)


def _sentence(entry: Entry) -> str:
    # A full stop within a number or a name is followed by no capital.
    head = re.split(r"(?<=\.)\s+(?=[A-Z])", entry.doc.strip(), maxsplit=1)[0]
    return shorten(head, 100, placeholder=" ...")


def signature_of(entry: Entry) -> str:
    """Write an entry as it is called: its name, its arguments with their defaults, braces where it takes flows."""
    signature = entry.name
    if entry.args:
        signature += f"({', '.join(map(_argument, entry.args))})"

    braces = {"flow": " { flow }", "flows": " { flow; flow }"}
    if isinstance(entry, Structure):
        signature += braces.get(entry.body, "")
    return signature


def _argument(arg: Arg) -> str:
    name = arg.name
    if arg.many or getattr(arg.kind, "many", False):
        name += "..."
    if arg.default is REQUIRED:
        return name
    return f"{name} = {default_of(arg)}"


def default_of(arg: Arg) -> str:
    """Write the default of an argument as files would; the argument has one."""
    # A bare word, as files write it, not a string.
    if isinstance(arg.default, str) and arg.default in arg.kind.words:
        return arg.default
    if arg.default is None:
        return "auto"
    return show(arg.default)


def _arguments(args: tuple[Arg, ...]) -> Iterator[str]:
    wide = max(len(arg.name) for arg in args)
    for arg in args:
        line = f"{arg.name:{wide}}  {arg.kind.text}"
        if arg.default is not REQUIRED:
            line += f" [{default_of(arg)}]"
        if arg.doc:
            line += f"; {arg.doc}"
        yield line
