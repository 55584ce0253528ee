"""`archlang show routes MODEL IMAGE... | --data NAME`: the way of inputs through a network of parallel paths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archlang.cli.files import open_model, write
from archlang.cli.options import device, formats, opening, output, refuse
from archlang.cli.session import Session
from archlang.diagnostics.render_json import FORMAT_VERSION
from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    import torch

    from archlang.graph.ir import Graph
    from archlang.studies.multipath.gates import Route

Way = tuple[str, "tuple[Route, ...]"]


@click.command("routes", short_help="The way of given inputs through parallel paths.")
@click.argument("model", metavar="MODEL")
@click.argument("images", nargs=-1, metavar="IMAGE...")
@click.option("--data", metavar="NAME|MODULE:FUNCTION", help="Take inputs from the test part of this data.")
@click.option("--samples", metavar="I,J,...", help="Which of them, from 0; the first if it is not said.")
@click.option("--mean", is_flag=True, help="One diagram of all of them; without --samples, of all data.")
@output("Where to draw (.svg, .png, .pdf, .dot); of several inputs the second is NAME-2.")
@device
@formats("human", "json")
@opening
@click.pass_obj
def command(session: Session, model: str, images: tuple[str, ...], data: str | None, samples: str | None, mean: bool,
            output: str | None, device: str) -> None:
    """How open the gates are for each IMAGE, and how active the paths, in a table and as a diagram."""
    from archlang.studies.multipath.gates import mean_route, routes
    from archlang.train.loop.evaluation import record_of
    from archlang.views.files import format_of

    if bool(images) == (data is not None):
        raise refuse("give images, or `--data` with `--samples`")
    if output not in (None, "-"):
        format_of(str(output))
    loaded = open_model(session, model)
    batches = inputs_of(images, data, samples, everything=mean)
    ways: list[Way] = []
    for names, batch in batches:
        ways += zip(names, routes(loaded, batch, device=device), strict=True)
    if mean:
        ways = [(f"mean of {len(ways)} inputs", mean_route([way for _, way in ways]))]
    graph = record_of(loaded).network.graph
    for number, (name, way) in enumerate(ways if output else ()):
        write(session, _numbered(str(output), number), _drawn(graph, way, name, str(output)))
    if output == "-":
        return
    if session.format == "json":
        session.document({"format_version": FORMAT_VERSION, "inputs": [_as_json(*way) for way in ways]})
    else:
        session.data("\n\n".join(route_table(*way) for way in ways))


def inputs_of(images: tuple[str, ...], data: str | None, samples: str | None, everything: bool = False,
              ) -> list[tuple[list[str], torch.Tensor]]:
    """Batches of images with their names: files, or samples of the test part of data."""
    return _images(images) if data is None else _samples(data, samples, everything)


def _images(paths: tuple[str, ...]) -> list[tuple[list[str], torch.Tensor]]:
    from archlang.train.prediction import read_image

    return [([one_line(path, 80)], read_image(path)[None]) for path in paths]


def _samples(data: str, samples: str | None, everything: bool) -> list[tuple[list[str], torch.Tensor]]:
    from archlang.train.data.sources import find
    from archlang.train.loop.evaluation import BATCH, in_order

    found = find(data)
    split, words = found.test, [w.strip() for w in samples.split(",")] if samples is not None else ["0"]
    if not all(w.isascii() and w.isdigit() and len(w) < 19 for w in words):
        raise refuse(f"`--samples` wants numbers with commas between, not `{one_line(str(samples), 80)}`")
    picked = [int(w) for w in words]
    if samples is None and everything:
        picked = list(range(len(split)))
    if max(picked) >= len(split):
        raise refuse(f"the test part has {len(split)} samples, from 0 to {len(split) - 1}; there is no {max(picked)}")
    made = []
    for rows in in_order(len(picked), BATCH):
        part = picked[rows.start : rows.stop]
        made.append(([f"{found.name} {i}" for i in part], split.batch(part)[0]))
    return made


def _drawn(graph: Graph, way: tuple[Route, ...], name: str, output: str) -> bytes:
    from archlang.views.files import draw
    from archlang.views.multipath import Strengths, route_picture

    held = {id: Strengths(r.gates, r.inputs, r.outputs) for r in way for id in r.nodes}
    made = draw(route_picture(graph, held, name), "svg" if output == "-" else output)
    return made if isinstance(made, bytes) else made.encode()


def _numbered(output: str, number: int) -> str:
    path = Path(output)
    return output if not number or output == "-" else str(path.with_name(f"{path.stem}-{number + 1}{path.suffix}"))


def route_table(name: str, way: tuple[Route, ...]) -> str:
    """A block for each router: each input with its share and its gates, then the outputs' shares."""
    lines = [name]
    for router in way:
        lines.append(f"  {router.router}")
        lines.append(f"    {'':9}{'active':>8}" + "".join(f"{f'to {j}':>8}" for j in range(len(router.outputs))))
        for i, (share, row) in enumerate(zip(router.inputs, router.gates, strict=True)):
            lines.append(f"    {f'path {i}':9}{share:8.3f}" + "".join(f"{gate:8.3f}" for gate in row))
        lines.append(f"    {'active':9}{'':8}" + "".join(f"{share:8.3f}" for share in router.outputs))
    return "\n".join(lines)


def _as_json(name: str, way: tuple[Route, ...]) -> dict[str, object]:
    return {"name": name, "routers": [
        {"router": r.router, "gates": r.gates, "inputs": r.inputs, "outputs": r.outputs} for r in way
    ]}
