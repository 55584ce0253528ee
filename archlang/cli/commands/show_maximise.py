"""`archlang show maximise MODEL --gate|--output|--cluster|--filter NAME`: inputs made by gradient ascent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from archlang.cli.files import PLOTS, ending, open_model, write, write_page
from archlang.cli.options import device, formats, opening, refuse, seed
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    from archlang.studies.maximise import What


ACROSS, MOST = 8, 64
"""Inputs in a row of the picture, and filters that one word may ask for."""


@click.command("maximise", short_help="The input that a gate, an output, a cluster or a filter answers most.")
@click.argument("model", metavar="MODEL")
@click.option("--gate", "gates", multiple=True, metavar="ROUTER.I.J", help="A gate.")
@click.option("--output", "outputs", multiple=True, metavar="CLASS", help="An output, by name or number.")
@click.option("--cluster", "clusters", multiple=True, metavar="K", help="A cluster, by number.")
@click.option("--filter", "filters", multiple=True, metavar="CONV.CHANNEL",
              help="A filter of a convolution, or several: CONV.0-15.")
@click.option("--steps", type=click.IntRange(1, 100_000), default=200, show_default=True, help="Steps of the ascent.")
@seed
@click.option("-o", "file", metavar="FILE",
              help="Where to draw: .svg, .png, .pdf, .tex; a single one as .png is the bare image.")
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("synthesising")
def command(session: Session, model: str, gates: tuple[str, ...], outputs: tuple[str, ...], clusters: tuple[str, ...],
            filters: tuple[str, ...], steps: int, seed: int, file: str | None, device: str) -> None:
    """Make inputs that single parts of the model file MODEL answer most. Each option may be given several times."""
    from archlang.studies.maximise import Ascent, maximise
    from archlang.studies.tiles import tile_of
    from archlang.views.sheet import png, tile_grid

    filters = tuple(one for name in filters for one in several(name))
    given: list[tuple[What, tuple[str, ...]]] = [
        ("gate", gates), ("output", outputs), ("cluster", clusters), ("filter", filters)
    ]
    wanted = [(what, name) for what, names in given for name in names]
    _sensible(wanted, file)

    loaded = open_model(session, model)
    results = []
    for number, (what, name) in enumerate(wanted, 1):
        results.append(maximise(loaded, what, name, seed=seed, ascent=Ascent(steps=steps), device=device))
        if len(wanted) > 1:  # each takes seconds, and the results come together
            session.note(f"{number} of {len(wanted)}: {what} {one_line(name, 80)}")

    if file is not None:
        tiles = [tile_of(result.image, f"{result.after:.3f}") for result in results]
        if file.lower().endswith(".png") and len(tiles) == 1:
            write(session, file, png(tiles[0]))
        else:
            titles = [f"{what} {one_line(name, 80)}" for what, name in wanted]
            write_page(session, file, tile_grid(list(zip(titles, tiles, strict=True)), ACROSS))
    if file == "-":  # standard output holds the picture, and nothing else
        return

    if session.format == "json":
        entries = [
            {"kind": what, "name": result.name, "before": result.before, "after": result.after, "seed": seed,
             "steps": steps}
            for (what, _), result in zip(wanted, results, strict=True)
        ]
        session.document({"maximised": entries})
        return
    for (what, _), result in zip(wanted, results, strict=True):
        session.data(f"{what} {one_line(result.name, 80)}: {result.before:.4f} -> {result.after:.4f}")


def several(name: str) -> list[str]:
    """The filters of a name: one, or those from a channel to another.

    >>> several("maps.conv.2-4"), several("maps.conv.2")
    (['maps.conv.2', 'maps.conv.3', 'maps.conv.4'], ['maps.conv.2'])
    """
    path, _, channels = name.rpartition(".")
    found = re.fullmatch(r"([0-9]{1,6})-([0-9]{1,6})", channels)
    if not path or found is None:
        return [name]

    first, last = int(found[1]), int(found[2])
    # Each takes seconds, and a page of more would show none of them.
    if last < first or last - first >= MOST:
        raise refuse(f"`{one_line(name, 80)}` names no filters, or more than {MOST}")
    return [f"{path}.{channel}" for channel in range(first, last + 1)]


def _sensible(wanted: list[tuple[What, str]], file: str | None) -> None:
    if not wanted:
        raise refuse("say what is to be maximised", ("`--gate`, `--output`, `--cluster` or `--filter`, with a name",))
    ending(file, *PLOTS)
