"""The reference: pages that the catalogue, the standard library, the passes and the commands write themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields

import click

from archlang.cli.commands.ops import Entry, default_of, sections, signature_of
from archlang.cli.group import COMMANDS, archlang
from archlang.cli.lazy import LazyGroup
from archlang.diagnostics.explain import explain
from archlang.diagnostics.kinds import KINDS
from archlang.ops import CATALOGUE, REQUIRED, Arg
from archlang.passes.catalogue import PASSES
from archlang.project.standard import standard_library
from docs.site.markdown import block, cell, code, contents, paragraphs, prose, table

WIDTH = 100
"""Columns of a block that is as wide as the page."""


def pages() -> dict[str, str]:
    """Every page of the reference, by its name below the site's root."""
    return {
        **_operations(), **_library(),
        "reference/passes.md": "\n".join(_passes()),
        "reference/mistakes.md": "\n".join(_mistakes()),
        "reference/commands.md": "\n".join(_commands()),
    }


def _operations() -> dict[str, str]:
    found, names = {}, []
    for heading, entries in sections(CATALOGUE).items():
        name = re.sub(r"\W+", "-", heading.removeprefix("setting: "))
        title = heading.replace("_", " ").capitalize()
        if heading.startswith("setting"):
            name, title = f"setting-{name}", f"Settings: {heading.removeprefix('setting: ')}"

        names.append(name)
        lines = [f"# {title}\n", *(line for entry in entries for line in _entry(entry))]
        found[f"reference/ops/{name}.md"] = "\n".join(lines)

    intro = ("Every stage and setting that a file can write, as the catalogue of the compiler has them. "
             "`archlang ops NAME` shows the same at a prompt.")
    title = "Operations, structures and settings"
    found["reference/ops.md"] = contents(title, intro, [f"ops/{name}" for name in names])
    return found


def _entry(entry: Entry) -> Iterator[str]:
    yield f"## {code(entry.name)}\n"
    yield block(_wrapped(signature_of(entry)))
    yield f"{paragraphs(entry.doc)}\n"
    if entry.args:
        head = ("argument", "takes", "default", "meaning")
        yield from table(head, map(_argument, entry.args))
    if entry.example:
        yield block(entry.example)


def _argument(arg: Arg) -> tuple[str, ...]:
    # An argument that must be given has no default.
    default = ""
    if arg.default is not REQUIRED:
        default = code(default_of(arg))
    return code(arg.name), cell(arg.kind.text), default, cell(arg.doc)


def _wrapped(signature: str) -> str:
    """A signature, with an argument a line where it is longer than a page is wide."""
    head, bracket, rest = signature.partition("(")
    inner, closing, braces = rest.rpartition(")")
    if len(signature) <= WIDTH or not bracket or not closing:
        return signature
    return f"{head}(\n  " + ",\n  ".join(inner.split(", ")) + f"\n){braces}"


def _library() -> dict[str, str]:
    library = standard_library()
    modules = list(dict.fromkeys(each.module for each in library))
    found = {}
    for module in modules:
        lines = [f"# {code(module)}\n"]
        for each in library:
            if each.module == module:
                lines += [f"## {code(each.name)}\n", block(each.signature), f"{paragraphs(each.doc)}\n",
                          block(each.example)]
        found[f"reference/std/{module}.md"] = "\n".join(lines)

    intro = "Blocks that come with archlang, written in the language itself. `archlang ops std` lists them."
    found["reference/std.md"] = contents("The standard library", intro, [f"std/{module}" for module in modules])
    return found


def _passes() -> Iterator[str]:
    yield "# Passes\n"
    yield ("A pass makes a network or a trained model over: `archlang transform FILE 'NAME{option=value}'`. "
           "[Networks and models made over](../transform.md) shows how they are used.\n")
    for name in PASSES.names:
        kind = PASSES.find(name)
        assert kind is not None
        head, _, rest = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")
        yield f"## {code(name)}\n"
        yield f"Takes a {kind.subject}.\n"
        # The first lines of a pass say what becomes of what, as code.
        yield f"{head}\n"
        yield f"{_prose_of_lines(rest)}\n"
        options = fields(kind)
        if options:
            yield from table(("option", "default"), (
                (code(option.name), code(str(option.default).lower() or '""')) for option in options
            ))


def _prose_of_lines(text: str) -> str:
    """Prose whose lists keep their indentation."""
    lines = []
    for line in text.splitlines():
        start = re.match(r"\s*(?:\d+\.|[-*])?\s*", line)
        assert start is not None
        lines.append(start[0] + prose(line[start.end():]))
    return "\n".join(lines)


def _mistakes() -> Iterator[str]:
    yield "# Mistakes\n"
    yield ("Every kind of mistake by the name that stands in the brackets of a message. "
           "`archlang explain NAME` shows the same at a prompt.\n")
    for name in KINDS:
        text = explain(name).replace("# ", "## ", 1)
        # Headings within a page would stand among the names; a fence is coloured where its text can be read.
        yield re.sub(r"^```(\w+)[^\n]*\n(.*?)^```$", lambda found: block(found[2], found[1]).rstrip(), text,
                     flags=re.MULTILINE | re.DOTALL)
        yield ""


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "Every command as its `--help` tells it. `archlang --help` lists them.\n"
    whole = click.Context(archlang, info_name="archlang", **archlang.context_settings)
    for name in COMMANDS:
        yield from _command(["archlang", name], archlang, whole, 2)


def _command(words: list[str], group: LazyGroup, above: click.Context, level: int) -> Iterator[str]:
    command = group.get_command(above, words[-1])
    assert command is not None
    context = click.Context(command, info_name=words[-1], parent=above, max_content_width=WIDTH, terminal_width=WIDTH)
    yield f"{'#' * level} {code(' '.join(words))}\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, LazyGroup):
        for name in command.table:
            yield from _command([*words, name], command, context, level + 1)
