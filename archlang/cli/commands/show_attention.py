"""`archlang show attention MODEL|RUN`: which layers a network attends to."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archlang.cli.files import PLOTS, ending, numbered, open_model, single, write_page
from archlang.cli.options import device, formats, opening, output
from archlang.cli.session import Session
from archlang.cli.waiting import slow

if TYPE_CHECKING:
    from archlang.studies.layer_attention.readings import AttentionCourse, AttentionReading


@click.command("attention", short_help="Which layers a network attends to.")
@click.argument("source", metavar="MODEL|RUN")
@click.option("--data", metavar="NAME|MODULE:FUNCTION", help="Data for attention that depends on the input.")
@output("Where to draw (.svg, .png, .pdf, .tex): of a run folder layers against time.")
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("reading attention")
def command(session: Session, source: str, data: str | None, output: str | None, device: str) -> None:
    """The attention over layers of a model file, or its course over the training in a run folder."""
    from archlang.studies.layer_attention.readings import attention_of, course_of
    from archlang.views.levels import levels

    ending(output, *PLOTS)
    if Path(source).is_dir():
        course = course_of(source)
        if output is not None:
            single(output, len(course.pages))
            for number, page in enumerate(course.pages):
                write_page(session, numbered(output, number), page)
        if output == "-":  # standard output holds the picture, and nothing else
            return

        document = {"columns": list(course.columns), "rows": [list(row) for row in course.rows]}
        shown = course_table(course)
    else:
        readings = attention_of(open_model(session, source), data, device=device)
        if output is not None:
            write_page(session, output, levels([(r.site, r.mean, r.deviation, r.pairs) for r in readings]))
        if output == "-":
            return
        document = {"sites": [asdict(reading) for reading in readings]}
        shown = "\n".join(map(site_table, readings))

    if session.format == "json":
        session.document({**document})
    else:
        session.data(shown)


def site_table(found: AttentionReading) -> str:
    """The attention at one site: a line for each layer, with a bar."""
    lines = [f"{found.site}: {found.kind} ({found.what})"]
    for number, share in enumerate(found.mean):
        spread = ""
        if found.deviation is not None:  # attention that does not depend on the input has none
            spread = f" ± {found.deviation[number]:.3f}"
        bar = "#" * round(40 * max(share, 0.0))  # innate attention is a free weight, and may be below 0
        lines.append(f"  layer {number + 1:<3} {share:.3f}{spread}  {bar}")
    return "\n".join(lines)


def course_table(course: AttentionCourse) -> str:
    """Attention at the first step, at each quarter of the training and at the last: a line for each layer."""
    # A short training has the same step at two quarters, and shows it once.
    count = len(course.rows)
    moments = list(dict.fromkeys([0, count // 4, count // 2, 3 * count // 4, count - 1]))
    wide = max(map(len, course.columns))
    lines = [f"{'':{wide}}" + "".join(f"{f'step {moment + 1}':>12}" for moment in moments)]
    for column, name in enumerate(course.columns):
        shares = "".join(f"{course.rows[moment][column]:12.3f}" for moment in moments)
        lines.append(f"{name:{wide}}{shares}")
    return "\n".join(lines)
