"""`archlang fuse MODEL`: the inference form."""

from __future__ import annotations

import click

from archlang.cli.files import open_model, write_model
from archlang.cli.options import opening, output
from archlang.cli.session import Session


@click.command("fuse", short_help="The inference form of a model.")
@click.argument("model", metavar="MODEL")
@output("Where to write the fused model (.safetensors).")
@click.option("--verify", is_flag=True, help="Compare both on random inputs first; leave with status 3 if they differ.")
@opening
@click.pass_obj
def command(session: Session, model: str, output: str | None, verify: bool) -> None:
    """Fold the batch norms of the model file MODEL into the convolutions before them.

    Without `-o` nothing is written.
    """
    from archlang.compiler import fuse

    before = open_model(session, model)
    after = fuse(before)
    numbers = [sum(p.numel() for p in m.parameters()) for m in (before, after)]
    report = after.meta["report"]
    session.note(f"folded {len(report.folded)} parts: {numbers[0]:,} parameters became {numbers[1]:,}")
    for what, reason in report.skipped:
        session.note(f"kept {what}: {reason}")
    if verify:
        from archlang.cli.verify import verify_equal

        session.note(verify_equal(before, after))
    if output is not None:
        write_model(session, after, output)
