"""`archlang draw FILE`: the diagram of a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

import click

from archlang.cli.files import deliver, open_labelled
from archlang.cli.options import formats, output, reading, refuse
from archlang.cli.session import Session
from archlang.collecting import no_collection

FORMATS = ("svg", "png", "pdf", "tex", "dot", "mmd", "html")


@click.command("draw", short_help="Draw the diagram of a network.")
@click.argument("file", metavar="FILE")
@output("Where to draw it: a name ending in .svg, .png, .pdf, .tex, .dot, .mmd or .html (default: standard output).")
@click.option("--to", type=click.Choice(FORMATS), help="The format, where the name does not say it (default: svg).")
@click.option("--depth", type=click.IntRange(0, 64), help="How many levels of blocks to open.")
@click.option("--direction", type=click.Choice(("down", "right")), default="down", show_default=True,
              help="Where the arrows lead.")
@click.option("--style", type=click.Choice(("screen", "paper")), default="screen", show_default=True,
              help="Colours by family, or black and greys that print.")
@click.option("--unfold", is_flag=True, help="Draw each of several equal blocks in a row, not one with their number.")
@formats("human", "json")
@reading
@click.pass_obj
@no_collection()
def command(
    session: Session, file: str, output: str | None, to: str | None, depth: int | None, direction: str, style: str,
    unfold: bool, dials: Mapping[str, str],
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
    network, classes = open_labelled(session, file, dials)
    picture = render(network, to or "svg", depth, sideways=direction == "right", paper=style == "paper",
                     once=not unfold, classes=classes)
    if isinstance(picture, str):
        picture = picture.encode()
    deliver(session, output, picture, {"network": network.graph.name, "form": to or "svg"})
