"""`archlang show gates MODEL --data NAME`: how far gates reach, and the inputs at both ends of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import exp
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import PLOTS, ending, open_model, told_apart, write_page
from archlang.cli.options import data, device, formats, opening, output, refuse, seed
from archlang.cli.session import Session
from archlang.cli.waiting import slow

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from archlang.studies.multipath.gates import Range, Responses
    from archlang.views.canvas.shapes import Page
    from archlang.views.sheet import Tile


@click.command("gates", short_help="The range of each gate, and the inputs that open and close it.")
@click.argument("model", metavar="MODEL")
@click.argument("after", required=False, metavar="[MODEL]")
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
@slow("reading gates")
def command(session: Session, model: str, after: str | None, data: str, gate: str | None, top: int,
            synthesised: bool, seed: int, output: str | None, device: str) -> None:
    """The range of every gate of the model file MODEL over the test part of the data, as figures and histograms.

    With a second model, such as one that was trained with another loss, its gates stand beside those of the first.
    """
    from archlang.studies.inside import named
    from archlang.studies.multipath.gates import responses

    # What is typed wrong is said before data are read and a model runs over them.
    ending(output, *PLOTS)
    if synthesised and gate is None:
        raise refuse("`--synthesised` makes an input for one gate: say which with `--gate`")
    if synthesised and output is None:
        raise refuse("`--synthesised` draws an input: say where with `-o`")

    if after is not None:
        if synthesised:
            raise refuse("`--synthesised` makes an input for one model, these are two")
        beside(session, (model, after), data, gate, output, device)
        return

    loaded = open_model(session, model)
    answers = responses(loaded, data, device=device, tell=session.line)
    gates: Sequence[int] = range(len(answers.gates))
    ends: dict[str, list[dict[str, Any]]] = {}  # of a single gate
    if gate is not None:
        gates = [named(answers.gates, gate)]
        ends = _ends(answers, gates[0], top)

    if output is not None and gate is None:
        write_page(session, output, _histograms(answers))
    elif output is not None:
        tiles = []
        if synthesised:
            tiles.append(_synthesised(loaded, str(gate), seed, device))
        write_page(session, output, _sheet(answers, gates[0], ends, tiles))
    if output == "-":  # standard output holds the picture, and nothing else
        return

    ranges = [answers.range_of(place) for place in gates]
    if session.format == "json":
        entries = [{**asdict(one), **ends} for one in ranges]
        session.document({"gates": entries})
        return
    session.data(range_table("gate", ranges))
    for title, rows in ends.items():
        session.data(f"{title}: " + ", ".join(f"{row['sample']} ({row['gate']:.3f})" for row in rows))


def beside(session: Session, files: tuple[str, str], data: str, gate: str | None, output: str | None, device: str
           ) -> None:
    """The gates of two models that have the same ones, on one page (Tissera 2023, figure 5.1)."""
    from archlang.studies.inside import named
    from archlang.studies.multipath.gates import responses
    from archlang.views.histogram import Bars, Histogram, histograms

    answers = [responses(open_model(session, file), data, device=device, tell=session.line) for file in files]
    gates = answers[0].gates
    if answers[1].gates != gates:
        strange = sorted(set(gates) ^ set(answers[1].gates))
        raise refuse("the two models have different gates", (f"one alone has {', '.join(strange[:5])}",))

    places = list(range(len(gates)))
    if gate is not None:
        places = [named(gates, gate)]
    rows = [[one.range_of(place) for one in answers] for place in places]
    called = told_apart(files)
    if output is not None:
        panels = []
        for pair in rows:
            bars = [Bars(name, one.counts) for name, one in zip(called, pair, strict=True)]
            panels.append(Histogram(pair[0].name, 0.0, 1.0, bars, "gate"))
        write_page(session, output, histograms(panels, rule=0.5))
    if output == "-":  # standard output holds the picture, and nothing else
        return

    if session.format == "json":
        entries = [{"model": file, "gates": [asdict(pair[i]) for pair in rows]} for i, file in enumerate(files)]
        session.document({"models": entries})
        return
    for i, name in enumerate(called):
        session.data(f"{name}\n{range_table('gate', [pair[i] for pair in rows])}")


def _synthesised(model: GraphModule, gate: str, seed: int, device: str) -> Tile:
    """The input that a gate answers most, made by gradient ascent, with how far the gate opens for it."""
    from archlang.studies.maximise import maximise
    from archlang.studies.tiles import tile_of

    # The ascent climbs the score before the sigmoid, which still has a gradient where the gate is wide open.
    ascended = maximise(model, "gate", gate, seed=seed, device=device)
    return tile_of(ascended.image, f"{1 / (1 + exp(-ascended.after)):.3f}")


def range_table(head: str, ranges: list[Range]) -> str:
    """A line for each range."""
    wide = max(len(head), *(len(one.name) for one in ranges))
    lines = [f"{head:{wide}} {'samples':>8} {'mean':>7} {'± ':>6} {'least':>7} {'median':>7} {'most':>7} {'> 0.5':>8}"]
    for one in ranges:
        lines.append(
            f"{one.name:{wide}} {one.samples:8} {one.mean:7.3f} {one.deviation:6.3f} {one.least:7.3f} "
            f"{one.median:7.3f} {one.most:7.3f} {100 * one.above_half:6.1f} %"
        )
    return "\n".join(lines)


def _ends(answers: Responses, place: int, top: int) -> dict[str, list[dict[str, Any]]]:
    """The samples that open a gate most and least, each with how far it opens."""
    strongest, weakest = answers.extremes(place, top)

    def rows(samples: Iterable[int]) -> list[dict[str, Any]]:
        return [{"sample": sample, "gate": float(answers.values[sample, place])} for sample in samples]

    return {"strongest": rows(strongest), "weakest": rows(weakest)}


def _histograms(answers: Responses) -> Page:
    from archlang.views.histogram import Bars, Histogram, histograms

    ranges = [answers.range_of(place) for place in range(len(answers.gates))]
    panels = [Histogram(one.name, 0.0, 1.0, [Bars("all samples", one.counts)], "gate") for one in ranges]
    return histograms(panels, rule=0.5)


def _sheet(answers: Responses, place: int, ends: Mapping[str, Sequence[Mapping[str, Any]]],
           synthesised: Sequence[Tile]) -> Page:
    """The images at both ends of a gate, and the synthesised one where there is one."""
    from archlang.studies.tiles import tiles_of
    from archlang.views.sheet import sheet

    name = answers.gates[place]
    rows: list[tuple[str, Sequence[Tile]]] = []
    for title, end in ends.items():
        samples = [row["sample"] for row in end]
        labels = [f"{row['gate']:.3f}" for row in end]
        rows.append((f"{name}: {title}", tiles_of(answers.split, samples, labels)))
    if synthesised:
        rows.append((f"{name}: synthesised", synthesised))
    return sheet(rows)
