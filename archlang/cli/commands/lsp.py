"""`archlang lsp`: the language server, which an editor starts and talks to."""

from __future__ import annotations

import sys

import click

from archlang.cli.options import opening, packages
from archlang.cli.session import Session
from archlang.cli.streams import conversation


@click.command("lsp", short_help="Serve an editor over standard input and output.")
@packages
@opening
@click.pass_obj
def command(session: Session) -> None:
    """Speak the Language Server Protocol on standard input and output, until the editor ends the conversation.

    An editor starts this by itself; `docs/editors.md` says how each is told to. What goes wrong inside is written to
    standard error.
    """
    # Before anything long is loaded: a folder that is wrong is said at once.
    from archlang.ops import catalogue_with
    from archlang.project.locating import search_folders

    folders, catalogue = search_folders(session.path), catalogue_with(session.plugins)

    from archlang.editor.server.serving import serve
    from archlang.editor.workspace import OpenFiles

    # Whoever typed this by hand would wait for an answer that does not come.
    if sys.stdin.isatty():
        session.note("waiting for an editor on standard input; Ctrl-D ends")
    with conversation() as (incoming, outgoing):
        serve(OpenFiles(session.limits, catalogue, folders), incoming, outgoing)
