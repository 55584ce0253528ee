"""`archlang compile FILE`: the model, or any stage on the way to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archlang.cli.adopting import adopting, init
from archlang.cli.files import ending, open_network, read_bytes, shown_name, write, write_model
from archlang.cli.options import formats, output, reading, refuse, seed
from archlang.cli.session import Session
from archlang.cli.waiting import slow

if TYPE_CHECKING:
    from archlang.elaborate.network import Network

STAIRS = ("tree", "graph", "module", "python")


def _stair(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None or value in STAIRS or (value.startswith("after:") and value != "after:"):
        return value
    raise click.BadParameter(f"{value!r} is none of {', '.join(STAIRS)}, after:PASS", context, parameter)


def _tuning(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int | None] | None:
    """`32x224` as a batch and a size, `32` as a batch alone."""
    if value is None:
        return None
    batch, cross, size = value.partition("x")
    numbers = [part for part in (batch, size) if part.isascii() and part.isdigit() and 0 < len(part) < 7]
    if len(numbers) != 1 + len(cross) or "0" in [number.lstrip("0") or "0" for number in numbers]:
        raise click.BadParameter(f"{value!r} is no BATCH such as 32, or BATCHxSIZE such as 32x224", context, parameter)
    if not cross:
        return int(batch), None
    return int(batch), int(size)


@click.command("compile", short_help="Compile a file to a model, or show any stage of the way.")
@click.argument("file", metavar="FILE")
@output("Where to write the model (.safetensors).")
@seed
@click.option(
    "--show", "stair", callback=_stair, metavar="|".join([*STAIRS, "after:PASS"]),
    help="Print this stage; tree and graph need no torch.",
)
@click.option(
    "--tune", callback=_tuning, metavar="BATCHxSIZE",
    help="Time the ways in which parts can run, and remember the fastest; SIZE is for sizes that the file leaves open.",
)
@formats("human", "json")
@init
@reading
@click.pass_obj
@slow("compiling")
def command(
    session: Session, file: str, output: str | None, seed: int, stair: str | None, tune: tuple[int, int | None] | None,
    init: str | None, names: Mapping[str, str], dials: Mapping[str, str]
) -> None:
    """Compile the network of FILE to a torch.fx module.

    Without `-o` and `--show` nothing is written: it shows that the file compiles. FILE may be the folder of a training
    with checkpoints in shards, of which the best model is put together, or one of these.
    """
    ending(output, ".safetensors")
    if _is_in_shards(file):
        if seed or stair or tune or init or dials:
            raise refuse("the model of a training is put together as it is: `-o` alone goes with its folder")
        _put_together(session, Path(file), output)
        return
    if output == "-" and stair is not None:
        raise refuse("the model and `--show` cannot both go to standard output")

    # The tree is shown before names are looked up, so that a file with such mistakes still has one.
    text = None
    if stair == "tree":
        text = _tree(session, file)
        _show(session, stair, text, output)
        if output is None:
            return

    network = open_network(session, file, dials)
    if stair not in (None, "tree"):
        text = shown(network, str(stair), seed, session.plugins)
        _show(session, str(stair), text, output)
    if output is None and stair is not None:
        return

    from archlang.compiler import compile

    model = compile(network, seed=seed)
    tuned: Mapping[str, str] = {}
    if tune is not None:
        tuned = _tuned(session, network, seed, *tune)
    adopt = adopting(session, init, names)
    # Nothing is announced before the weights fit.
    adopted = None
    if adopt is not None:
        adopted = adopt(model)
    session.note(f"compiled {network.name}: {network.parameters:,} parameters, seed {seed}")
    if output is not None:
        write_model(session, model, output)
    else:
        session.note("no model was written: `-o NAME.safetensors` keeps it")
    if session.format == "json" and output != "-":
        session.document({
            "network": network.name, "parameters": network.parameters, "seed": seed, "output": output,
            "tuned": dict(tuned), "init": adopted and asdict(adopted), "stage": stair, "text": text,
        })


def _is_in_shards(file: str) -> bool:
    """Tell whether a name is that of a training with checkpoints in shards, or of one of these."""
    # Another command's file may have a name that no folder can have; who reads it tells that.
    with suppress(OSError, ValueError):
        folder = Path(file)
        return folder.is_dir() and (folder.suffix == ".shards" or any(folder.glob("checkpoint-*.shards")))
    return False


def _put_together(session: Session, checkpoint: Path, output: str | None) -> None:
    """Put the model of a training's checkpoint together."""
    from archlang.train.kept.runs import best_shards
    from archlang.train.kept.sharded import ENDING, model_bytes

    if checkpoint.suffix != ENDING:
        checkpoint = best_shards(checkpoint)
    data = model_bytes(checkpoint)
    session.note(f"put together the model of {checkpoint}")
    if output is not None:
        write(session, output, data)
    if session.format == "json" and output != "-":
        session.document({"checkpoint": str(checkpoint), "bytes": len(data), "output": output})


def _show(session: Session, stair: str, text: str, output: str | None) -> None:
    """Print a stage; in JSON it stands in the one document, which a model that is written has too."""
    if session.format != "json":
        session.data(text)
    elif output is None:
        session.document({"stage": stair, "text": text})


def _tuned(session: Session, network: Network, seed: int, batch: int, size: int | None) -> Mapping[str, str]:
    """Time a network's parts with random inputs, and say what was chosen: part to way."""
    import torch

    from archlang.compiler import compile
    from archlang.exporting.checking import drawn_inputs, fitting

    symbols = network.graph.symbols
    if size is not None and not symbols:
        raise refuse(f"`--tune {batch}x{size}`: this network leaves no size open", (f"`--tune {batch}` is enough",))
    sizes = {symbol.name: fitting(symbol, size or 32) for symbol in symbols}
    other = [name for name, fits in sizes.items() if size not in (None, fits)]
    if other:
        raise refuse(f"`--tune {batch}x{size}`: {other[0]} cannot be {size}", (f"{sizes[other[0]]} is near",))

    session.line.stage("timing the ways that parts can run in")
    inputs = drawn_inputs(network.graph, sizes, batch, seed, torch.get_default_dtype())
    model = compile(network, seed=seed, tune=inputs)
    for part, way in model.meta["tuned"].items():
        session.note(f"tuned {part}: {way}")
    return {part: str(way) for part, way in model.meta["tuned"].items()}


def _tree(session: Session, file: str) -> str:
    from archlang.syntax import decode, dump, parse

    return dump(parse(decode(read_bytes(file, session.limits), shown_name(file)), session.limits)) + "\n"


def shown(network: Network, stair: str, seed: int, plugins: Sequence[str] = ()) -> str:
    """The text of a stage."""
    if stair == "graph":
        from archlang.views import dump

        return dump(network)
    if stair.startswith("after:"):
        return _after(network, stair.removeprefix("after:"), seed, plugins)
    from archlang.compiler import compile

    model = compile(network, seed=seed)
    if stair == "module":
        return str(model)
    return str(model.code)


def _after(network: Network, passed: str, seed: int, plugins: Sequence[str]) -> str:
    """The text of a network after a pass, or the code of its model after one."""
    from archlang.passes.plugins import passes_with

    chosen = passes_with(plugins).parse(passed)
    if chosen.subject == "network":
        from archlang.compiler import transform

        return transform(network, chosen).listing

    # In evaluation mode: passes over models are about inference.
    from archlang.compiler import compile
    from archlang.rewrite.applying import rewrite

    return str(rewrite(compile(network, seed=seed).eval(), chosen).code)
