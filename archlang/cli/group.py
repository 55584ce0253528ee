"""The group of all commands: a table of names, help lines and modules that are imported when their command is typed."""

from __future__ import annotations

from typing import Any

import click
from click.exceptions import MissingParameter, NoArgsIsHelpError, NoSuchOption

from archlang.cli.examples import epilog
from archlang.cli.lazy import LazyGroup
from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.version import VERSION

COMMANDS = {
    "new": "Write a file to start from, by task.",
    "check": "Report every mistake of every file.",
    "fmt": "Write files in the canonical form.",
    "info": "Count shapes, parameters, FLOPs and memory, per node and in all.",
    "draw": "Draw the diagram of a network.",
    "diff": "Show what changed between two files or models.",
    "import": "Make a readable file of a torch model, with its weights.",
    "compile": "Compile a file to a model, or show any stage of the way.",
    "transform": "Transform a network or a model into another.",
    "train": "Train what a file declares.",
    "study": "Compare networks over seeds.",
    "sweep": "Search dials and settings.",
    "cluster": "Cluster data without labels (neural mixture EM).",
    "boost": "Search for position-boosted convolutions.",
    "fuse": "Fuse a model to its inference form.",
    "export": "Write a model as PyTorch source, ONNX, .pt2 or bare weights.",
    "predict": "Predict the classes of images.",
    "extract": "Extract the network of a few classes from a coded one.",
    "ablate": "Remove branches of a block and measure the accuracy left.",
    "eval": "Evaluate a model on data.",
    "show": "Show what a trained network does inside.",
    "codes": "Design and judge branch codes.",
    "explain": "Explain a kind of mistake and how to mend it.",
    "ops": "List the catalogue of operations and settings.",
    "doctor": "Tell what is installed, and what is missing for what.",
    "serve": "Show text and drawing side by side in a browser.",
    "lsp": "Serve an editor over standard input and output.",
}
"""Command to its help line, in the order of `--help`. Each is the object `command` of the module `commands.NAME`."""


class Commands(LazyGroup):
    """All commands of archlang."""

    table, heading, noun, modules = COMMANDS, "Commands", "command", "archlang.cli.commands."

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name, with its examples at the end of its help."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            command.epilog = epilog(cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, message="archlang %(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show where in archlang a mistake happened.")
def archlang(**_: Any) -> None:
    """Networks written as .arch files: checked, drawn, compiled to torch.fx, trained.

    Every FILE may be `-` for standard input, every output `-` for standard output.
    """


def usage_error(problem: click.UsageError) -> ArchError:
    """Turn a call that click refuses into a diagnostic with the way to its help."""
    # Without a context not even the name of the command is known.
    path = "archlang"
    if problem.ctx:
        path = problem.ctx.command_path

    # Someone who types `archlang` alone wants to see what there is.
    if isinstance(problem, NoArgsIsHelpError) and problem.ctx:
        click.echo(problem.ctx.get_help(), err=True)
        return ArchError(error("usage", "no command was given"))

    if isinstance(problem, NoSuchOption):
        message = f"`{path}` has no option `{problem.option_name}`"
        known: list[str] = []
        if problem.ctx:
            known = [name for parameter in problem.ctx.command.params for name in parameter.opts]
        near = did_you_mean(problem.option_name, [name for name in known if name.startswith("--")])
    else:
        # click's sentences begin with a capital and end with a full stop; messages here have neither.
        said = problem.format_message().strip().rstrip(".")
        message, near = said[:1].lower() + said[1:], ()
        # Whoever calls this for the first time has no data at hand, and a set that needs no file is a beginning.
        if isinstance(problem, MissingParameter) and problem.param is not None and problem.param.name == "data":
            near = ("such as `--data digits`, which needs no file",)

    return ArchError(error("usage", one_line(message, 500), help=[*near, f"`{path} --help` shows how it is used"]))
