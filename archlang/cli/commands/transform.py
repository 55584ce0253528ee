"""`archlang transform FILE PASS{options}`: a network made into another, or a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import ending, open_model, open_network, write, write_model
from archlang.cli.options import output, reading, refuse
from archlang.cli.session import Session

if TYPE_CHECKING:
    from archlang.passes.base import Pass


@click.command("transform", short_help="Transform a network into another, printed as a file.")
@click.argument("file", metavar="FILE")
@click.argument("pass_", metavar="PASS{OPTIONS}")
@output("Where to write the result (a network: default standard output).")
@click.option("--verify", is_flag=True,
              help="Of a model: compare both on random inputs first; leave with status 3 if they differ.")
@reading
@click.pass_obj
def command(
    session: Session, file: str, pass_: str, output: str | None, verify: bool, dials: Mapping[str, str]
) -> None:
    """Apply a pass such as `multipath{paths=2,router=cross_connection}` to the network of FILE.

    What comes out is an .arch file with the blocks and loops of the first one kept. A pass over models, such as `fuse`,
    wants a model file, and writes one where `-o` says so.
    """
    from archlang.passes.plugins import passes_with

    chosen = passes_with(session.plugins).parse(pass_)
    if chosen.subject == "model":
        if dials:
            raise refuse("the dials of a model are set already")
        rewritten(session, file, chosen, output, verify)
        return

    if verify:
        raise refuse("`--verify` compares models; a transformation makes another network on purpose")
    from archlang.compiler import transform

    ending(output, ".arch")
    transformed = transform(open_network(session, file, dials), chosen)
    session.warnings(transformed.warnings)
    write(session, output or "-", transformed.listing.encode())


def rewritten(session: Session, file: str, chosen: Pass[Any, Any], output: str | None, verify: bool) -> None:
    """Apply a pass to a model file, say what was done, and write the result where that is wanted."""
    from archlang.rewrite.applying import rewrite
    from archlang.rewrite.report import FusionReport

    ending(output, ".safetensors")
    before = open_model(session, file)
    after = rewrite(before, chosen)

    # Only passes that fold leave a report; others change parameters without one.
    report = after.meta.get("report")
    if report is None:
        report = FusionReport()
    numbers = [sum(weight.numel() for weight in m.parameters()) for m in (before, after)]
    session.note(f"folded {len(report.merges)} parts: {numbers[0]:,} parameters became {numbers[1]:,}")
    for skip in report.skipped:
        session.note(f"kept {skip.what}: {skip.name}: {skip.reason}")

    # Before anything is written: a model that differs leaves no file.
    if verify:
        from archlang.cli.verify import node_errors, verify_equal

        for line in node_errors(before, after):
            session.note(line)
        session.note(verify_equal(before, after))
    if output is not None:
        write_model(session, after, output)
