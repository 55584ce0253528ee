"""`archlang show energies MODEL --data NAME`: energies of branches against their code, block by block."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from archlang.cli.files import PLOTS, ending, open_model, write_page
from archlang.cli.options import data, formats, opening, output
from archlang.cli.session import Session
from archlang.cli.waiting import slow

if TYPE_CHECKING:
    from archlang.studies.coded import Decoded


@click.command("energies", short_help="Energies of branches against their code, and early decoding.")
@click.argument("model", metavar="MODEL")
@data
@output("Where to draw energies beside the code, class by branch (.svg, .png, .pdf, .tex).")
@formats("human", "json")
@opening
@click.pass_obj
@slow("reading energies")
def command(session: Session, model: str, data: str, output: str | None) -> None:
    """The mean energies of every coded block of the model file MODEL, and how many samples they tell the class of."""
    from archlang.studies.coded import decode
    from archlang.train.loop.evaluation import record_of
    from archlang.views.coded import energies_page

    ending(output, *PLOTS)
    loaded = open_model(session, model)
    blocks = decode(loaded, data)
    if output is not None:
        drawn = [(block.block, block.energies, block.words) for block in blocks]
        write_page(session, output, energies_page(drawn, record_of(loaded).labels))

    if output == "-":  # standard output holds the picture, and nothing else
        return
    if session.format == "json":
        session.document({"blocks": [asdict(block) for block in blocks]})
    else:
        session.data("\n".join(map(_line, blocks)))


def _line(block: Decoded) -> str:
    """The line of a block: its accuracy, and the mean energies of active and inactive branches times the ratio r."""
    active: list[float] = []
    inactive: list[float] = []
    for energies, word in zip(block.energies, block.words, strict=True):
        for energy, sign in zip(energies, word, strict=True):
            if sign == "1":
                active.append(energy)
            else:
                inactive.append(energy)

    # r is the share of ones in the code: times it, an active branch's energy tends to 1, whatever the code.
    ratio = len(active) / (len(active) + len(inactive))
    means = [ratio * sum(part) / max(len(part), 1) for part in (active, inactive)]
    return (f"{block.block}: {100 * block.accuracy:.2f} % decoded from its energies; "
            f"r E of active branches {means[0]:.3f}, of inactive ones {means[1]:.3f}")
