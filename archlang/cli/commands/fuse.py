"""`archlang fuse MODEL`: the inference form."""

from __future__ import annotations

import click

from archlang.cli.commands.transform import rewritten
from archlang.cli.files import ending
from archlang.cli.options import formats, opening, output
from archlang.cli.session import Session
from archlang.cli.waiting import slow


@click.command("fuse", short_help="Fuse a model to its inference form.")
@click.argument("model", metavar="MODEL")
@output("Where to write the fused model (.safetensors).")
@click.option("--verify", is_flag=True, help="Compare both on random inputs first; leave with status 3 if they differ.")
@formats("human", "json")
@opening
@click.pass_obj
@slow("fusing")
def command(session: Session, model: str, output: str | None, verify: bool) -> None:
    """Make what is linear around the convolutions of the model file MODEL part of them: batch norms, parallel branches.

    Without `-o` nothing is written. `archlang transform MODEL "fuse{shared=clone}"` takes the options of the pass.
    """
    from archlang.passes.catalogue import PASSES

    # `fuse` is a short way to `transform MODEL fuse`, and does the same.
    ending(output, ".safetensors")
    rewritten(session, model, PASSES.parse("fuse"), output, verify)
