"""`archlang explain NAME`: a kind of mistake and how to mend it."""

from __future__ import annotations

import click

from archlang.cli.options import debug
from archlang.cli.session import Session
from archlang.diagnostics.explain import explain, kinds


@click.command("explain", short_help="Explain a kind of mistake and how to mend it.")
@click.argument("name", required=False)
@debug
@click.pass_obj
def command(session: Session, name: str | None) -> None:
    """Explain the kind of mistake NAME, as it stands in the brackets of a message; without NAME, list all kinds."""
    if name is None:  # whoever does not know the name yet sees them all
        session.data(kinds())
    else:
        session.data(explain(name))
