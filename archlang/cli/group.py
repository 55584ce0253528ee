"""The group of all commands: a table of names, help lines and modules that are imported when their command is typed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError, NoSuchOption

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.version import VERSION

COMMANDS = {
    "check": "Every mistake of every file.",
    "fmt": "Write files in the canonical form.",
    "info": "Shapes, parameters, FLOPs and memory, per node and in all.",
    "draw": "The diagram of a network.",
    "diff": "What changed between two files.",
    "compile": "Compile a file to a model, or show any stage of the way.",
    "transform": "Transform a network into another, printed as a file.",
    "train": "Train what a file declares.",
    "cluster": "Cluster data without labels (neural mixture EM).",
    "boost": "Search for position-boosted convolutions.",
    "fuse": "The inference form of a model.",
    "predict": "What a model says of images.",
    "extract": "The network of a few classes, without the branches of the others.",
    "ablate": "Branches of a block removed, and the accuracy that is left.",
    "eval": "How good a model is on data.",
    "show": "What a trained network does inside.",
    "codes": "Design and judge branch codes.",
    "explain": "What a kind of mistake is and how to mend it.",
    "ops": "The catalogue of operations and settings.",
}
"""Command to its help line, in the order of `--help`. Each is the object `command` of the module `commands.NAME`."""


class LazyGroup(click.Group):
    """A group that imports a command's module when it is asked for, and shows its help from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """All commands, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        found = import_module(f"archlang.cli.commands.{cmd_name}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """The table, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; raises ArchError (usage) with near matches."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = did_you_mean(name, COMMANDS) or ("`archlang --help` lists the commands",)
            raise ArchError(error("usage", f"there is no command `{one_line(name, 80)}`", help=near))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, message="archlang %(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show where in archlang a mistake happened.")
def archlang(**_: Any) -> None:
    """Networks written as .arch files: checked, drawn, compiled to torch.fx, trained.

    Every FILE may be `-` for standard input, every output `-` for standard output.
    """


def usage_error(problem: click.UsageError) -> ArchError:
    """A call that click refuses, as a diagnostic with the way to its help."""
    path = problem.ctx.command_path if problem.ctx else "archlang"
    if isinstance(problem, NoArgsIsHelpError) and problem.ctx:
        click.echo(problem.ctx.get_help(), err=True)
        return ArchError(error("usage", "no command was given"))
    if isinstance(problem, NoSuchOption):
        message = f"`{path}` has no option `{problem.option_name}`"
        known = [name for p in problem.ctx.command.params for name in p.opts] if problem.ctx else []
        near = did_you_mean(problem.option_name, [name for name in known if name.startswith("--")])
    else:
        said = problem.format_message().strip().rstrip(".")
        message, near = said[:1].lower() + said[1:], ()
    return ArchError(error("usage", one_line(message, 500), help=[*near, f"`{path} --help` shows how it is used"]))
