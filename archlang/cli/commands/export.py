"""`archlang export MODEL|FILE`: a model leaves, proved equal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import click

from archlang.cli.files import deliver, ending, open_model, open_network
from archlang.cli.incoming import is_model
from archlang.cli.options import formats, output, reading, refuse, seed
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    from torch.fx import GraphModule

ENDINGS = {"python": ".py", "state_dict": ".safetensors", "pt2": ".pt2", "aot": ".pt2", "onnx": ".onnx"}
"""Every format and the ending of its files."""


@click.command("export", short_help="Write a model as PyTorch source, ONNX, .pt2 or bare weights.")
@click.argument("source", metavar="MODEL|FILE")
@click.option("--to", type=click.Choice(list(ENDINGS)), help="The format, where the name does not say it.")
@output("Where to write it: NAME.py, NAME.safetensors, NAME.pt2 or NAME.onnx (Python source: default standard output).")
@seed
@formats("human", "json")
@reading
@click.pass_obj
@slow("exporting")
def command(
    session: Session, source: str, to: str | None, output: str | None, seed: int, dials: Mapping[str, str]
) -> None:
    """Write the model file MODEL, or the network of FILE, in a form that needs no archlang.

    `python` is source with a class for each block, which needs torch alone; `aot` is a .pt2 of machine code, for which
    a C++ compiler must be here. Before anything is written it is run and compared with the model; where it is not equal
    nothing is written, and the exit status is 3.
    """
    chosen = _format(to, output)
    if output is None and chosen != "python":
        raise refuse(f"`-o NAME{ENDINGS[chosen]}` says where to write it")
    ending(output, ENDINGS[chosen])
    # What takes long to make should not find out at the end that there is no place for it.
    if output not in (None, "-") and not Path(output).parent.is_dir():
        shown = one_line(str(output), 200)
        raise ArchError(error("unwritable-output", f"`{shown}` cannot be written: there is no such folder"))
    if chosen == "onnx":
        from archlang.exporting.onnx_file import require

        require()
    if chosen == "aot":
        from archlang.exporting.aot_file import require_compiler

        require_compiler()

    from archlang.exporting import export

    model = _model(session, source, seed, dials)
    session.line.stage(f"exporting as {chosen}, and comparing both")
    exported = export(model, chosen)
    session.note(exported.checked)
    if exported.note:
        session.note(f"note: {exported.note}")
    facts = {"form": chosen, "checked": exported.checked, "note": exported.note}
    deliver(session, output, exported.data, facts)


def _format(to: str | None, output: str | None) -> str:
    """The format that is asked for, by name or by the ending of the file. Raises ArchError (usage)."""
    if to is not None:
        return to
    if output is not None:
        suffix = PurePath(output).suffix.lower()
        for name, known in ENDINGS.items():
            if suffix == known:
                return name

        shown = one_line(str(PurePath(output).with_suffix("")), 80)
        # What `torch.save` writes is a pickle, of which most readers want the weights.
        if suffix in (".pt", ".pth", ".bin", ".ckpt"):
            raise refuse(f"`{suffix}` is no format to export: a pickle runs code where it is opened",
                         (f"`-o {shown}.safetensors` writes the bare weights", f"`-o {shown}.pt2` a program of torch"))
        raise refuse(f"no format has the ending of `{one_line(output, 80)}`",
                     tuple(f"`-o {shown}{known}`" for known in dict.fromkeys(ENDINGS.values())))
    raise refuse("`--to` says the format", tuple(f"`--to {name}`" for name in ENDINGS))


def _model(session: Session, source: str, seed: int, dials: Mapping[str, str]) -> GraphModule:
    """The model of a model file, or of a network's file."""
    from archlang.compiler import compile

    if not is_model(session, source):
        return compile(open_network(session, source, dials), seed=seed)
    if dials:
        raise refuse("the dials of a model are set already")
    return open_model(session, source)
