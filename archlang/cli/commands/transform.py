"""`archlang transform FILE PASS{options}`: a network made into another, printed as a file."""

from __future__ import annotations

from collections.abc import Mapping

import click

from archlang.cli.files import ending, open_network, write
from archlang.cli.options import output, reading
from archlang.cli.session import Session


@click.command("transform", short_help="Transform a network into another, printed as a file.")
@click.argument("file", metavar="FILE")
@click.argument("pass_", metavar="PASS{OPTIONS}")
@output("Where to write the new file (default: standard output).")
@reading
@click.pass_obj
def command(session: Session, file: str, pass_: str, output: str | None, dials: Mapping[str, str]) -> None:
    """Apply a pass such as `multipath{paths=2,router=cross_connection}` to the network of FILE.

    What comes out is an .arch file with the blocks and loops of the first one kept.
    """
    from archlang.compiler import transform

    ending(output, ".arch")
    made = transform(open_network(session, file, dials), pass_)
    session.warnings(made.warnings)
    write(session, output or "-", made.listing.encode())
