"""`archlang draw FILE`: the diagram of a network."""

from __future__ import annotations

from collections.abc import Mapping

import click

from archlang.cli.files import open_network, write
from archlang.cli.options import output, reading
from archlang.cli.session import Session

FORMATS = ("svg", "png", "pdf", "dot", "mmd", "html")


@click.command("draw", short_help="The diagram of a network.")
@click.argument("file", metavar="FILE")
@output("Where to draw it: a name ending in .svg, .png, .pdf, .dot, .mmd or .html (default: standard output).")
@click.option("--to", type=click.Choice(FORMATS), help="The format, where the name does not say it (default: svg).")
@click.option("--depth", type=click.IntRange(0, 64), help="How many levels of blocks to open.")
@reading
@click.pass_obj
def command(
    session: Session, file: str, output: str | None, to: str | None, depth: int | None, dials: Mapping[str, str]
) -> None:
    """Draw the network of FILE: blocks as boxes, paths side by side, sizes on the arrows."""
    from archlang.views import format_of, render

    place = output or "-"
    form = to or ("svg" if place == "-" else format_of(place))
    picture = render(open_network(session, file, dials), form, depth)
    write(session, place, picture.encode() if isinstance(picture, str) else picture)
