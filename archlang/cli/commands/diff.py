"""`archlang diff A.arch B.arch`: the changes between two networks."""

from __future__ import annotations

from collections.abc import Mapping

import click

from archlang.cli.collecting import no_collection
from archlang.cli.files import once, open_described
from archlang.cli.options import formats, reading
from archlang.cli.session import Session


@click.command("diff", short_help="Show what changed between two files.")
@click.argument("before", metavar="A.arch")
@click.argument("after", metavar="B.arch")
@formats("human", "json")
@reading
@click.pass_obj
@no_collection()
def command(session: Session, before: str, after: str, dials: Mapping[str, str]) -> None:
    """Compare two networks: operations, dials, parameters, FLOPs. `-p` sets a dial of both."""
    from archlang.analysis.diff import diff
    from archlang.analysis.difference import describe

    # `-` for both would read standard input twice.
    old, new = (open_described(session, file, dials) for file in once((before, after)))
    difference = diff(old, new)

    if session.format == "json":
        session.data(difference.json())
    else:
        session.data(describe(difference))
