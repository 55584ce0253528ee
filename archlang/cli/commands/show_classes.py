"""`archlang show classes MODEL --data NAME`: gates by the class of their input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from archlang.cli.commands.show_gates import range_table
from archlang.cli.files import PLOTS, ending, open_model, write_page
from archlang.cli.options import data, device, formats, opening, output
from archlang.cli.session import Session
from archlang.cli.waiting import slow


@click.command("classes", short_help="Histograms and means of each gate, class by class.")
@click.argument("model", metavar="MODEL")
@data
@click.option("--gate", "chosen", multiple=True, metavar="ROUTER.I.J",
              help="This gate only; may be given several times.")
@click.option("--class", "classes", multiple=True, metavar="NAME", help="This class only; may be given several times.")
@output("Where to draw (.svg, .png, .pdf, .tex): a panel for each gate, a ridge for each class.")
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("reading gates")
def command(session: Session, model: str, data: str, chosen: tuple[str, ...], classes: tuple[str, ...],
            output: str | None, device: str) -> None:
    """Show how the gates of the model file MODEL answer the samples of each class, over the test part of the data."""
    from archlang.studies.inside import named
    from archlang.studies.multipath.gates import responses
    from archlang.views.histogram import Bars, Histogram, ridges

    ending(output, *PLOTS)
    answers = responses(open_model(session, model), data, device=device, tell=session.line)
    gates: Sequence[int] = range(len(answers.gates))
    if chosen:
        gates = [named(answers.gates, gate) for gate in chosen]

    rows = {}
    for place in gates:
        by_class = answers.by_class(place)
        wanted: Sequence[int] = range(len(by_class))
        if classes:
            names = [name for name, _ in by_class]
            wanted = [named(names, name, "class") for name in classes]
        rows[answers.gates[place]] = [by_class[number][1] for number in wanted]

    if output is not None:
        panels = []
        for name, ranges in rows.items():
            bars = [Bars(one.name, one.counts) for one in ranges]
            panels.append(Histogram(name, 0.0, 1.0, bars, "gate"))  # a gate lies between 0 and 1
        write_page(session, output, ridges(panels))

    if output == "-":  # standard output holds the picture, and nothing else
        return
    if session.format == "json":
        entries = [{"gate": name, "classes": [asdict(one) for one in ranges]} for name, ranges in rows.items()]
        session.document({"gates": entries})
    else:
        session.data("\n\n".join(f"{name}\n{range_table('class', ranges)}" for name, ranges in rows.items()))
