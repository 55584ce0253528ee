"""`archlang fuse MODEL`: the inference form."""

from __future__ import annotations

import click

from archlang.cli.files import ending, open_model, write_model
from archlang.cli.options import opening, output
from archlang.cli.session import Session


@click.command("fuse", short_help="Fuse a model to its inference form.")
@click.argument("model", metavar="MODEL")
@output("Where to write the fused model (.safetensors).")
@click.option("--verify", is_flag=True, help="Compare both on random inputs first; leave with status 3 if they differ.")
@opening
@click.pass_obj
def command(session: Session, model: str, output: str | None, verify: bool) -> None:
    """Make what is linear around the convolutions of the model file MODEL part of them: batch norms, parallel branches.

    Without `-o` nothing is written.
    """
    from archlang.compiler import fuse

    ending(output, ".safetensors")
    before = open_model(session, model)
    after = fuse(before)
    numbers = [sum(p.numel() for p in m.parameters()) for m in (before, after)]
    report = after.meta["report"]
    session.note(f"folded {len(report.merges)} parts: {numbers[0]:,} parameters became {numbers[1]:,}")
    for skip in report.skipped:
        session.note(f"kept {skip.what}: {skip.name}: {skip.reason}")
    if verify:
        from archlang.cli.verify import node_errors, verify_equal

        for line in node_errors(before, after):
            session.note(line)
        session.note(verify_equal(before, after))
    if output is not None:
        write_model(session, after, output)
