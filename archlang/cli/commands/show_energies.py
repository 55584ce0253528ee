"""`archlang show energies MODEL --data NAME`: energies of branches against their code, block by block."""

from __future__ import annotations

from dataclasses import asdict

import click

from archlang.cli.files import ending, open_model, write
from archlang.cli.options import data, formats, opening, output
from archlang.cli.session import Session
from archlang.diagnostics.render_json import FORMAT_VERSION


@click.command("energies", short_help="Energies of branches against their code, and early decoding.")
@click.argument("model", metavar="MODEL")
@data
@output("Where to draw energies beside the code, class by branch (.svg).")
@formats("human", "json")
@opening
@click.pass_obj
def command(session: Session, model: str, data: str, output: str | None) -> None:
    """The mean energies of every coded block of the model file MODEL, and how many samples they tell the class of."""
    from archlang.studies.coded import decode
    from archlang.views.coded import energies_svg

    ending(output, ".svg")
    found = decode(open_model(session, model), data)
    if output is not None:
        write(session, output, energies_svg([(d.block, d.energies, d.words) for d in found]).encode())
    if output == "-":
        return
    if session.format == "json":
        session.document({"format_version": FORMAT_VERSION, "blocks": [asdict(row) for row in found]})
        return
    lines = []
    for one in found:
        signs = [(e, w) for row, word in zip(one.energies, one.words, strict=True)
                 for e, w in zip(row, word, strict=True)]
        on, off = ([e for e, w in signs if w == sign] for sign in "10")
        share = len(on) / (len(on) + len(off))
        means = [share * sum(part) / max(len(part), 1) for part in (on, off)]
        lines.append(f"{one.block}: {100 * one.accuracy:.2f} % decoded from its energies; "
                     f"r E of active branches {means[0]:.3f}, of inactive ones {means[1]:.3f}")
    session.data("\n".join(lines))
