"""`archlang import SOURCE`: a torch model becomes a readable file, with its weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import deliver, ending, write, write_model
from archlang.cli.options import formats, opening, output, refuse
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    from archlang.importing import ImportedModel

SHOWN = 5
"""Tensors of a torch model that are listed by name."""


def _sizes(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    for word in words:
        if not re.fullmatch(r"[1-9]\d{0,5}(x[1-9]\d{0,5}){0,3}", word):
            raise refuse(f"`{one_line(word, 40)}` is no size of a sample", ("`--input 3x224x224`",))
    return tuple(tuple(int(size) for size in word.split("x")) for word in words)


@click.command("import", short_help="Make a readable file of a torch model, with its weights.")
@click.argument("source", metavar="SOURCE")
@output("Where to write the file (.arch; default standard output).")
@click.option("--weights", metavar="FILE", help="Where to write the model with its weights (.safetensors).")
@click.option("--input", "sizes", multiple=True, metavar="SIZE", callback=_sizes,
              help="The sizes of a sample, as in 3x224x224, for each input.")
@click.option("--name", metavar="NAME", help="The network's name in the file.")
@click.option("--pretrained", is_flag=True, help="Let timm or torchvision fetch their trained weights.")
@formats("human", "json")
@opening
@click.pass_obj
@slow("importing")
def command(
    session: Session, source: str, output: str | None, weights: str | None, sizes: tuple[tuple[int, ...], ...],
    name: str | None, pretrained: bool,
) -> None:
    """Make a readable .arch file of a torch model, and prove that both compute the same.

    SOURCE is `timm:NAME`, `torchvision:NAME`, `module:function` (a function without arguments that gives a module, or
    a module and its inputs), an `.onnx`, or a `.pt2`, whose opening may run code that it brings. What has no word in
    the language is refused, each place with its module; no file is written then.
    """
    ending(output, ".arch")
    ending(weights, ".safetensors")
    if weights == "-" and output in (None, "-"):
        raise refuse("the file and its weights cannot both go to standard output")

    from archlang.importing import import_source, open_source

    opened = open_source(source, sizes, pretrained)
    session.line.stage(f"importing {source}, and comparing both")
    imported = import_source(opened, name=name, limits=session.limits)
    _report(session, imported)
    # The weights first: where they cannot be written, there is no file that looks as if they were.
    if weights is not None:
        write_model(session, imported.model, weights)
    # Standard output holds the weights then, and nothing else.
    if weights == "-":
        write(session, str(output), imported.text.encode())
        return
    deliver(session, output, imported.text.encode(), {**_facts(imported), "weights": weights})


def _facts(imported: ImportedModel) -> dict[str, Any]:
    """The same as `_report` says, as data."""
    return {
        "network": imported.network.name, "parameters": imported.network.parameters, "blocks": imported.blocks,
        "difference": imported.difference, "tensors": len(imported.mapped), "notes": list(imported.notes),
        "left_over": list(imported.left),
    }


def _report(session: Session, imported: ImportedModel) -> None:
    """Say what came in, what did not, and how equal both are."""
    network = imported.network
    session.note(
        f"imported {network.name}: {network.parameters:,} parameters, {imported.text.count(chr(10))} lines, "
        f"{imported.blocks} blocks"
    )
    session.note(
        f"verified in float64 with weights drawn anew: outputs equal to {imported.difference:.1g}, "
        f"all {len(imported.mapped)} tensors mapped"
    )
    for note in imported.notes:
        session.note(note)

    left = imported.left
    if left:
        shown = ", ".join(f"`{name}`" for name in left[:SHOWN])
        more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        session.note(f"left over, since evaluation never reads them: {shown}{more}")
    session.warnings(network.warnings)
