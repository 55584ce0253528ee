"""`archlang diff A B`: the changes between two networks, files or models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from archlang.cli.files import ending, once, open_described, shown_name, write
from archlang.cli.options import formats, output, reading
from archlang.cli.revisions import as_of
from archlang.cli.session import Session
from archlang.collecting import no_collection

if TYPE_CHECKING:
    from archlang.artefact.weights import WeightsComparison
    from archlang.elaborate import Network


@click.command("diff", short_help="Show what changed between two files or models.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@output("Where to draw both side by side: NAME.html, with what changed, or NAME.svg, NAME.png, NAME.pdf.")
@formats("human", "json")
@reading
@click.pass_obj
@no_collection()
def command(session: Session, before: str, after: str, output: str | None, dials: Mapping[str, str]) -> None:
    """Compare two networks, of files or of model files: operations, dials, parameters, FLOPs.

    Of two model files it tells, too, which weights differ.

    REVISION:PATH is a file of another commit of Git, as in `HEAD~1:nets/net.arch`, the path from the top of the
    repository or with `./` from here. `-p` sets a dial of both.
    """
    from archlang.analysis.diff import diff
    from archlang.analysis.difference import describe

    ending(output, ".html", ".svg", ".png", ".pdf")
    # `-` for both would read standard input twice.
    first, second = once((before, after))
    with as_of(first) as there, as_of(second) as here:
        old, new = (open_described(session, file, dials) for file in (there, here))
        weights = _weights(there, here)
    difference = diff(old, new)

    if output is not None:
        names = (shown_name(before), shown_name(after))
        write(session, output, _drawn(old, new, output, describe(difference), names))
        # The page says all where it goes to standard output.
        if output == "-":
            return

    if session.format == "json":
        document = json.loads(difference.json())
        if weights is not None:
            document["weights"] = asdict(weights)
        session.document(document)
    else:
        session.data(describe(difference))
        if weights is not None:
            session.data(f"{weights}\n")


def _weights(before: str, after: str) -> WeightsComparison | None:
    """The weights of two model files beside each other; None where one is a text, or was read from standard input."""
    from archlang.artefact.described import is_model_file
    from archlang.artefact.weights import compared_weights

    if not is_model_file(before) or not is_model_file(after):
        return None
    return compared_weights(before, after)


def _drawn(old: Network, new: Network, output: str, changes: str, names: tuple[str, str]) -> bytes:
    """Both networks in the form that the name says; a page where it says none."""
    from archlang.views.sides import drawn_side_by_side, side_by_side

    if not output.lower().endswith((".svg", ".png", ".pdf")):
        return side_by_side(old, new, changes, names).encode()
    picture = drawn_side_by_side(old, new, output, names)
    if isinstance(picture, str):
        return picture.encode()
    return picture
