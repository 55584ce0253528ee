"""`archlang show samples DATA...`: what is in data sets."""

from __future__ import annotations

from dataclasses import asdict

import click

from archlang.cli.files import PLOTS, ending, write_page
from archlang.cli.options import debug, formats, output
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics.text import one_line


@click.command("samples", short_help="What is in data sets: sizes, and a picture of some samples.")
@click.argument("names", nargs=-1, required=True, metavar="DATA...")
@click.option("--count", type=click.IntRange(1, 100), default=10, show_default=True, help="Images of each data set.")
@output("Where to draw test samples (.svg, .png, .pdf, .tex).")
@formats("human", "json")
@debug
@click.pass_obj
@slow("reading data")
def command(session: Session, names: tuple[str, ...], count: int, output: str | None) -> None:
    """Show the sizes of each data set DATA, named as for `--data`, and draw samples of its test part."""
    from archlang.studies.samples import glance, picture

    ending(output, *PLOTS)
    found = [glance(name) for name in names]
    if output is not None:
        write_page(session, output, picture(found, count))
    if output == "-":  # standard output holds the picture, and nothing else
        return

    if session.format == "json":
        session.document({"data": [asdict(seen) for _, seen in found]})
        return
    for _, seen in found:
        sizes = "x".join(map(str, seen.sample))
        parts = f"{seen.train} samples to train on, {seen.test} to test on"
        if seen.validation is not None:
            parts += f", {seen.validation} to validate on"
        kinds = ""
        if seen.classes is not None:
            kinds = f", {seen.classes} classes"
        session.data(f"{one_line(seen.name, 80)}: {parts}, each {sizes}{kinds}")
