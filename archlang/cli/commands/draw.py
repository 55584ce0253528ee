"""`archlang draw FILE`: the diagram of a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

import click

from archlang.cli.files import open_described, write
from archlang.cli.options import output, reading, refuse
from archlang.cli.session import Session
from archlang.collecting import no_collection

FORMATS = ("svg", "png", "pdf", "dot", "mmd", "html")


@click.command("draw", short_help="Draw the diagram of a network.")
@click.argument("file", metavar="FILE")
@output("Where to draw it: a name ending in .svg, .png, .pdf, .dot, .mmd or .html (default: standard output).")
@click.option("--to", type=click.Choice(FORMATS), help="The format, where the name does not say it (default: svg).")
@click.option("--depth", type=click.IntRange(0, 64), help="How many levels of blocks to open.")
@reading
@click.pass_obj
@no_collection()
def command(
    session: Session, file: str, output: str | None, to: str | None, depth: int | None, dials: Mapping[str, str]
) -> None:
    """Draw the network of FILE: blocks as boxes, paths side by side, sizes on the arrows."""
    from archlang.views import format_of, render

    place = output or "-"
    # A name's ending says the format; only a name without one, such as a device, leaves it to `--to`.
    if place != "-" and (PurePath(place).suffix or to is None):
        named = format_of(place)
        if to is not None and to != named:
            raise refuse(f"`-o` ends in .{named}, `--to` says {to}")
        to = named

    # Formats that are text come as text; a file gets bytes.
    picture = render(open_described(session, file, dials), to or "svg", depth)
    if isinstance(picture, str):
        picture = picture.encode()
    write(session, place, picture)
