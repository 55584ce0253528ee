"""`archlang show weights MODEL`: weights of operations that stand side by side in parallel paths."""

from __future__ import annotations

from dataclasses import asdict

import click

from archlang.cli.files import PLOTS, ending, open_model, write_page
from archlang.cli.options import formats, opening, output
from archlang.cli.session import Session
from archlang.cli.waiting import slow


@click.command("weights", short_help="Weight histograms of parallel operations.")
@click.argument("model", metavar="MODEL")
@output("Where to draw (.svg, .png, .pdf, .tex): a panel for each layer, a colour for each path.")
@formats("human", "json")
@opening
@click.pass_obj
@slow("reading weights")
def command(session: Session, model: str, output: str | None) -> None:
    """The weights of each parallel operation of the model file MODEL, peers on one axis."""
    from archlang.studies.multipath.weights import parallel_weights
    from archlang.views.histogram import Bars, Histogram, histograms

    ending(output, *PLOTS)
    layers = parallel_weights(open_model(session, model))
    if output is not None:
        panels = []
        for layer in layers:
            # Peers have one axis, so that their histograms can be compared by eye.
            bars = [Bars(path.name, path.counts) for path in layer.members]
            panels.append(Histogram(layer.name, layer.low, layer.high, bars, "weight"))
        write_page(session, output, histograms(panels))

    if output == "-":  # standard output holds the picture, and nothing else
        return
    if session.format == "json":
        session.document({"layers": [asdict(layer) for layer in layers]})
        return

    lines = []
    for layer in layers:
        wide = max(len(path.name) for path in layer.members)
        lines.append(f"{layer.name}  (weights from {layer.low:.4f} to {layer.high:.4f})")
        for path in layer.members:
            lines.append(f"  {path.name:{wide}} {path.count:>9} weights  mean {path.mean:8.4f}  "
                         f"deviation {path.deviation:.4f}  from {path.least:.4f} to {path.most:.4f}")
    session.data("\n".join(lines))
