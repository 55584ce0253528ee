"""`archlang show gates MODEL --data NAME`: how far gates reach, and the inputs at both ends of one."""

from __future__ import annotations

from dataclasses import asdict
from math import exp
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import ending, open_model, write
from archlang.cli.options import data, device, formats, opening, output, refuse, seed
from archlang.cli.session import Session
from archlang.diagnostics.render_json import FORMAT_VERSION

if TYPE_CHECKING:
    from archlang.studies.multipath.gates import Range, Responses
    from archlang.views.sheet import Tile


@click.command("gates", short_help="The range of each gate, and the inputs that open and close it.")
@click.argument("model", metavar="MODEL")
@data
@click.option("--gate", metavar="ROUTER.I.J", help="One gate: the inputs that open it most and least.")
@click.option("--top", type=click.IntRange(1, 100), default=10, show_default=True, help="How many inputs at each end.")
@click.option("--synthesised", is_flag=True, help="With --gate, draw the input made by gradient ascent too.")
@seed
@output("Where to draw (.svg): histograms of all gates, or with --gate the images.")
@device
@formats("human", "json")
@opening
@click.pass_obj
def command(session: Session, model: str, data: str, gate: str | None, top: int, synthesised: bool, seed: int,
            output: str | None, device: str) -> None:
    """The range of every gate of the model file MODEL over the test part of the data, as figures and histograms."""
    from archlang.studies.inside import named
    from archlang.studies.multipath.gates import responses

    ending(output, ".svg")
    if synthesised and gate is None:
        raise refuse("`--synthesised` makes an input for one gate: say which with `--gate`")
    if synthesised and output is None:
        raise refuse("`--synthesised` draws an input: say where with `-o`")
    loaded = open_model(session, model)
    found = responses(loaded, data, device=device, tell=teller(session))
    picked = range(len(found.gates)) if gate is None else [named(found.gates, gate)]
    if output is not None and gate is None:
        write(session, output, _histograms(found).encode())
    elif output is not None:
        made = []
        if synthesised:
            from archlang.studies.maximise import maximise
            from archlang.studies.tiles import tile_of

            image = maximise(loaded, "gate", str(gate), seed=seed, device=device)
            made = [tile_of(image.image, f"{1 / (1 + exp(-image.after)):.3f}")]
        write(session, output, _sheet(found, picked[0], top, made).encode())
    if output == "-":
        return
    ranges = [found.range_of(place) for place in picked]
    if session.format == "json":
        rows = [asdict(one) | (_ends(found, place, top) if gate is not None else {})
                for place, one in zip(picked, ranges, strict=True)]
        session.document({"format_version": FORMAT_VERSION, "gates": rows})
        return
    session.data(range_table("gate", ranges))
    for title, rows in _ends(found, picked[0], top).items() if gate is not None else ():
        session.data(f"{title}: " + ", ".join(f"{row['sample']} ({row['gate']:.3f})" for row in rows))


def teller(session: Session) -> Any:
    """A function that notes every tenth thousand of samples on standard error."""
    def tell(done: int, whole: int) -> None:
        if done < whole and done // 10_000 > (done - 256) // 10_000:
            session.note(f"{done} of {whole} samples")

    return tell


def range_table(head: str, ranges: list[Range]) -> str:
    """A line for each range."""
    wide = max(len(head), *(len(one.name) for one in ranges))
    lines = [f"{head:{wide}} {'samples':>8} {'mean':>7} {'± ':>6} {'least':>7} {'median':>7} {'most':>7} {'> 0.5':>8}"]
    lines += [
        f"{one.name:{wide}} {one.samples:8} {one.mean:7.3f} {one.deviation:6.3f} {one.least:7.3f} {one.median:7.3f} "
        f"{one.most:7.3f} {100 * one.above_half:6.1f} %" for one in ranges
    ]
    return "\n".join(lines)


def _ends(found: Responses, place: int, top: int) -> dict[str, list[dict[str, Any]]]:
    ends = zip(("strongest", "weakest"), found.extremes(place, top), strict=True)
    return {title: [{"sample": row, "gate": float(found.values[row, place])} for row in rows] for title, rows in ends}


def _histograms(found: Responses) -> str:
    from archlang.views.histogram import Bars, Histogram, histograms

    ranges = [found.range_of(place) for place in range(len(found.gates))]
    return histograms([Histogram(one.name, 0.0, 1.0, [Bars("all samples", one.counts)]) for one in ranges])


def _sheet(found: Responses, place: int, top: int, made: list[Tile]) -> str:
    from archlang.studies.tiles import tiles_of
    from archlang.views.sheet import sheet

    name = found.gates[place]
    rows = [
        (f"{name}: {title}", tiles_of(found.split, [r["sample"] for r in row], [f"{r['gate']:.3f}" for r in row]))
        for title, row in _ends(found, place, top).items()
    ]
    return sheet([*rows, *([(f"{name}: synthesised", made)] if made else [])])
