"""`archlang show specialisation MODEL --data NAME`: what experts on patches have specialised in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from archlang.cli.files import PLOTS, ending, open_model, write_page
from archlang.cli.options import data, device, formats, opening, output
from archlang.cli.session import Session
from archlang.cli.waiting import slow

if TYPE_CHECKING:
    from archlang.studies.patch_experts.specialisation import Specialisation, SwitchedOff


@click.command("specialisation", short_help="What experts on patches have specialised in, and how much each is needed.")
@click.argument("model", metavar="MODEL")
@data
@click.option("--switch-off", "off", is_flag=True, help="Measure the accuracy with each expert switched off, too.")
@output("Where to draw (.svg, .png, .pdf, .tex): experts by place and by class, and the cosines of their keys.")
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("reading weights of experts")
def command(session: Session, model: str, data: str, off: bool, output: str | None, device: str) -> None:
    """Show which places and classes each expert of the model file MODEL takes, on the test part of the data.

    The mutual information says how many bits the expert with the largest weight tells about the class of the image, and
    about the place of the patch.
    """
    from archlang.studies.patch_experts.specialisation import specialisation_of, switched_off
    from archlang.views.specialisation import specialisation_page

    ending(output, *PLOTS)
    loaded = open_model(session, model)
    sites, names = specialisation_of(loaded, data, device=device, tell=session.line)
    whole: float | None = None
    left: tuple[SwitchedOff, ...] = ()
    if off:
        whole, left = switched_off(loaded, data, device=device)

    if output is not None:
        page = specialisation_page(
            [(s.site, s.by_place, s.by_class, s.cosines, s.about_class, s.about_place) for s in sites], names,
            [(one.site, one.expert, one.accuracy) for one in left], whole)
        write_page(session, output, page)
    if output == "-":  # standard output holds the picture, and nothing else
        return
    if session.format == "json":
        session.document({"classes": list(names), "accuracy": whole,
                          "sites": [asdict(site) for site in sites], "switched_off": [asdict(one) for one in left]})
    else:
        session.data("\n\n".join(_block(site, names, whole, left) for site in sites))


def _block(site: Specialisation, names: Sequence[str], whole: float | None, left: Sequence[SwitchedOff]) -> str:
    lines = [f"{site.site}: the expert tells {site.about_class:.3f} bits of the class, "
             f"{site.about_place:.3f} bits of the place"]
    off = {one.expert: one.accuracy for one in left if one.site == site.site}

    for expert in range(site.experts):
        by_class = [row[expert] for row in site.by_class]
        most = max(range(len(by_class)), key=lambda number: by_class[number])
        line = f"  expert {expert + 1:<3} most for {names[most]} ({by_class[most]:.3f})"
        places = [(value, r, c) for r, row in enumerate(site.by_place[expert]) for c, value in enumerate(row)]
        if len(places) > 1:
            value, row, column = max(places)
            line += f", at {row + 1}, {column + 1} ({value:.3f})"
        if whole is not None:
            line += f"; without it {100 * off[expert + 1]:.2f} % of {100 * whole:.2f} %"
        lines.append(line)

    if site.cosines is not None:
        largest = max(value for i, row in enumerate(site.cosines) for j, value in enumerate(row) if i != j)
        lines.append(f"  keys: largest cosine {largest:.3f}")
    return "\n".join(lines)
