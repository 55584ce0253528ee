"""`archlang explain NAME`: what a kind of mistake is and how to mend it."""

from __future__ import annotations

import click

from archlang.cli.options import debug
from archlang.cli.session import Session
from archlang.diagnostics.explain import explain, kinds


@click.command("explain", short_help="What a kind of mistake is and how to mend it.")
@click.argument("name", required=False)
@debug
@click.pass_obj
def command(session: Session, name: str | None) -> None:
    """Explain the kind of mistake NAME, as it stands in the brackets of a message; without NAME, list all kinds."""
    session.data(kinds() if name is None else explain(name))
