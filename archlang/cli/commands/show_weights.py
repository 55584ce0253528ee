"""`archlang show weights MODEL`: weights of operations that stand side by side in parallel paths."""

from __future__ import annotations

from dataclasses import asdict

import click

from archlang.cli.files import ending, open_model, write
from archlang.cli.options import formats, opening, output
from archlang.cli.session import Session
from archlang.diagnostics.render_json import FORMAT_VERSION


@click.command("weights", short_help="Weight histograms of parallel operations.")
@click.argument("model", metavar="MODEL")
@output("Where to draw the histograms (.svg): a panel for each layer, a colour for each path.")
@formats("human", "json")
@opening
@click.pass_obj
def command(session: Session, model: str, output: str | None) -> None:
    """The weights of each parallel operation of the model file MODEL, peers on one axis."""
    from archlang.studies.multipath.weights import parallel_weights
    from archlang.views.histogram import Bars, Histogram, histograms

    ending(output, ".svg")
    found = parallel_weights(open_model(session, model))
    if output is not None:
        panels = [
            Histogram(one.name, one.low, one.high, [Bars(w.name, w.counts) for w in one.members]) for one in found
        ]
        write(session, output, histograms(panels).encode())
    if output == "-":
        return
    if session.format == "json":
        session.document({"format_version": FORMAT_VERSION, "layers": [asdict(one) for one in found]})
        return
    lines = []
    for one in found:
        wide = max(len(w.name) for w in one.members)
        lines.append(f"{one.name}  (weights from {one.low:.4f} to {one.high:.4f})")
        lines += [f"  {w.name:{wide}} {w.count:>9} weights  mean {w.mean:8.4f}  deviation {w.deviation:.4f}  "
                  f"from {w.least:.4f} to {w.most:.4f}" for w in one.members]
    session.data("\n".join(lines))
