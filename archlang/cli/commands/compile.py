"""`archlang compile FILE`: the model, or any stage on the way to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from archlang.cli.files import open_network, read_bytes, shown_name, write, write_model
from archlang.cli.options import output, reading, refuse, seed
from archlang.cli.session import Session

if TYPE_CHECKING:
    from archlang.graph.network import Network

STAIRS = ("tree", "graph", "module", "python")


class Stair(click.ParamType):
    """A stage of the way: one of `STAIRS`, or `after:PASS`."""

    name = "stair"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click calls it so
        """How the help writes it."""
        return "|".join([*STAIRS, "after:PASS"])

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word itself, or click's complaint."""
        if value in STAIRS or (value.startswith("after:") and value != "after:"):
            return value
        self.fail(f"{value!r} is none of {', '.join(STAIRS)}, after:PASS", param, ctx)


@click.command("compile", short_help="Compile a file to a model, or show any stage of the way.")
@click.argument("file", metavar="FILE")
@output("Where to write the model (.safetensors).")
@seed
@click.option("--show", "stair", type=Stair(), help="Print this stage; torch is needed for the last three only.")
@reading
@click.pass_obj
def command(
    session: Session, file: str, output: str | None, seed: int, stair: str | None, dials: Mapping[str, str]
) -> None:
    """Compile the network of FILE to a torch.fx module.

    Without `-o` and `--show` nothing is written: it shows that the file compiles.
    """
    if output == "-" and stair is not None:
        raise refuse("the model and `--show` cannot both go to standard output")
    if stair == "tree":
        write(session, "-", _tree(session, file).encode())
        if output is None:
            return
    network = open_network(session, file, dials)
    if stair not in (None, "tree"):
        session.data(shown(network, str(stair), seed))
    if output is None and stair is not None:
        return
    from archlang.compiler import compile

    model = compile(network, seed=seed)
    session.note(f"compiled {network.name}: {network.parameters:,} parameters, seed {seed}")
    if output is not None:
        write_model(session, model, output)


def _tree(session: Session, file: str) -> str:
    from archlang.syntax import decode, dump, parse

    return dump(parse(decode(read_bytes(file, session.limits), shown_name(file)), session.limits)) + "\n"


def shown(network: Network, stair: str, seed: int) -> str:
    """The text of a stage."""
    if stair == "graph":
        from archlang.views import dump

        return dump(network)
    if stair.startswith("after:"):
        return _after(network, stair.removeprefix("after:"), seed)
    from archlang.compiler import compile

    model = compile(network, seed=seed)
    return str(model) if stair == "module" else str(model.code)


def _after(network: Network, passed: str, seed: int) -> str:
    if passed != "fuse":
        from archlang.compiler import transform

        return transform(network, passed).text
    from archlang.compiler import compile, fuse

    return str(fuse(compile(network, seed=seed).eval()).code)
