"""`archlang explain NAME`: a kind of mistake and how to mend it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from archlang.cli.options import debug, formats
from archlang.cli.session import Session
from archlang.diagnostics.explain import explain, kinds
from archlang.diagnostics.kinds import KINDS


@click.command("explain", short_help="Explain a kind of mistake and how to mend it.")
@click.argument("name", required=False)
@formats("human", "json")
@debug
@click.pass_obj
def command(session: Session, name: str | None) -> None:
    """Explain the kind of mistake NAME, as it stands in the brackets of a message; without NAME, list all kinds."""
    if session.format == "json":
        session.document({"kinds": _as_json(name)})
    elif name is None:  # whoever does not know the name yet sees them all
        session.data(kinds())
    else:
        session.data(explain(name))


def _as_json(name: str | None) -> list[dict[str, Any]]:
    """Every kind as data, or the one of this name with its page. Raises ArchError (unknown-name)."""
    if name is None:
        return [asdict(kind) for kind in KINDS.values()]
    page = explain(name)
    return [{**asdict(KINDS[name.strip("[]")]), "page": page}]
