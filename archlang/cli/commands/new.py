"""`archlang new TASK -o FILE`: a file to start from."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path

import click

from archlang.cli.files import deliver, ending
from archlang.cli.options import debug, formats, output
from archlang.cli.session import Session
from archlang.cli.starting import TASKS, listing, text_of
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line


def completed(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    """Tasks that begin so, for a shell that completes."""
    return [name for name in TASKS if name.startswith(start)]


@click.command("new", short_help="Write a file to start from, by task.")
@click.argument("task", required=False, shell_complete=completed)
@output("Where to write it (.arch; default: standard output).")
@formats("human", "json")
@debug
@click.pass_obj
def command(session: Session, task: str | None, output: str | None) -> None:
    """Write a small network for TASK, complete with how it is trained; without TASK, list the tasks.

    A file that is there already is never overwritten.
    """
    if task is None:
        if output is not None:
            raise click.UsageError("`-o` wants a task to write")
        if session.format == "json":
            session.document({"tasks": [{"name": name, **asdict(listed)} for name, listed in TASKS.items()]})
        else:
            session.data(listing())
        return

    text = text_of(task)
    ending(output, ".arch")
    following = TASKS[task].next.replace("FILE", shlex.quote(output or "FILE"), 1)
    facts = {"task": task, "next": following}

    # Whoever types this in a folder of theirs may have a network of that name.
    if output is not None and Path(output).is_file():
        message = f"`{one_line(output, 200)}` is there already"
        raise ArchError(error("unwritable-output", message, help="choose another name, or move that file away"))

    deliver(session, output, text.encode(), facts)
    if output not in (None, "-"):
        session.note(f"next: {following}")
