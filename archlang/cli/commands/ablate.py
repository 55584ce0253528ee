"""`archlang ablate MODEL --data NAME`: branches of a block removed, and the accuracy that is left."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from archlang.cli.files import PLOTS, ending, open_model, write_page
from archlang.cli.options import data, formats, opening, output, seed
from archlang.cli.session import Session
from archlang.cli.waiting import slow

if TYPE_CHECKING:
    from archlang.graph.removal import At
    from archlang.studies.coded import Removed


@click.command("ablate", short_help="Remove branches of a block and measure the accuracy left.")
@click.argument("model", metavar="MODEL")
@data
@click.option("--block", metavar="NAME", help="A coded block, or what holds some (default: each in turn).")
@click.option("--remove", type=click.IntRange(0), metavar="K", help="At most so many (default: all of a kind).")
@click.option("--what", type=click.Choice(("active", "inactive")), help="Which branches (default: both, apart).")
@click.option("--at", type=click.Choice(("after", "before")), default="after", show_default=True,
              help="Zero branches after energies are normalised, or before, as the authors do.")
@output("Where to draw it (.svg, .png, .pdf, .tex).")
@seed
@formats("human", "json")
@opening
@click.pass_obj
@slow("removing branches")
def command(session: Session, model: str, data: str, block: str | None, remove: int | None, what: str | None,
            at: At, output: str | None, seed: int) -> None:
    """Set branches of coded blocks of the model file MODEL to zero, drawn anew for each sample.

    Active branches are those that work for a sample's class. After normalisation the branches that are left keep their
    energies; before it they share the energy of those that are gone.
    """
    from archlang.studies.coded import ablate
    from archlang.views.coded import ablation_page

    ending(output, *PLOTS)
    kinds: tuple[str, ...] = ("active", "inactive")
    if what is not None:
        kinds = (what,)
    results = ablate(open_model(session, model), data, block=block, most=remove, what=kinds, seed=seed, at=at)

    if output is not None:
        points = [(removed.block, removed.what, removed.count, removed.accuracy) for removed in results]
        write_page(session, output, ablation_page(points))
    if output == "-":  # standard output holds the picture, and nothing else
        return
    if session.format == "json":
        session.document({"removed": [asdict(removed) for removed in results]})
    else:
        session.data(table(results))


def table(results: tuple[Removed, ...]) -> str:
    """A line for each block and kind: the accuracy with 0, 1, 2 ... branches removed."""
    rows: dict[tuple[str, str], list[float]] = {}
    for removed in results:
        rows.setdefault((removed.block, removed.what), []).append(removed.accuracy)

    # Blocks have different numbers of branches, so that some rows end before the others.
    wide = max(len(block) for block, _ in rows)
    longest = max(map(len, rows.values()))
    head = f"{'removed':{wide}}           " + "".join(f"{k:8}" for k in range(longest))
    lines = [head]
    for (block, what), accuracies in rows.items():
        cells = "".join(f"{100 * accuracy:7.2f}%" for accuracy in accuracies)
        lines.append(f"{block:{wide}}  {what:8} {cells}")
    return "\n".join(lines)
