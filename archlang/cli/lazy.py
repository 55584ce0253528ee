"""Groups of commands whose modules are imported when a command is typed: `check` starts without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import ClassVar

import click

from archlang.cli.once import once
from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line

COMPLETE = "_ARCHLANG_COMPLETE"
"""The variable that a shell sets to ask for completions: `eval "$(_ARCHLANG_COMPLETE=bash_source archlang)"`."""


class LazyGroup(click.Group):
    """A group that shows its help from a table, and imports a command's module when it is asked for.

    A subclass says the `table` of names and help lines, the heading above it, what an entry is called in messages, and
    the dotted name of an entry's module up to its own name.
    """

    table: ClassVar[Mapping[str, str]]
    heading: ClassVar[str]
    noun: ClassVar[str]
    modules: ClassVar[str]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """List all entries, in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import the command of this name."""
        if cmd_name not in self.table:
            return None

        command = import_module(self.modules + cmd_name).command
        assert isinstance(command, click.Command)
        command = once(command)

        # While a shell completes, commands are only looked at.
        if COMPLETE in os.environ:
            from archlang.cli.completing import teach

            teach(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the table, without importing any command."""
        with formatter.section(self.heading):
            formatter.write_dl(list(self.table.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names; raises ArchError (usage) with near matches."""
        # click itself would name no near match; an option in the place of a command is left to it.
        name = args[0]
        if name not in self.table and not name.startswith("-"):
            listed = f"`{ctx.command_path} --help` lists the {self.noun}s"
            near = did_you_mean(name, self.table) or (listed,)
            raise ArchError(error("usage", f"there is no {self.noun} `{one_line(name, 80)}`", help=near))

        return super().resolve_command(ctx, args)
