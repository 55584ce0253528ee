"""`archlang show routes MODEL IMAGE... | --data NAME`: the way of inputs through a network of parallel paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archlang.cli.files import PLOTS, ending, numbered, open_model, single, write, write_page
from archlang.cli.options import device, formats, opening, output, refuse
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    import torch
    from torch.fx import GraphModule

    from archlang.graph.ir import Graph
    from archlang.studies.multipath.gates import Route
    from archlang.views.canvas.shapes import Page
    from archlang.views.multipath import Strengths

PICTURES = (*PLOTS, ".dot", ".mmd", ".html")
Way = tuple[str, "tuple[Route, ...]"]


@click.command("routes", short_help="The way of given inputs through parallel paths.")
@click.argument("model", metavar="MODEL")
@click.argument("images", nargs=-1, metavar="IMAGE...")
@click.option("--data", metavar="NAME|MODULE:FUNCTION", help="Take inputs from the test part of this data.")
@click.option("--samples", metavar="I,J,...", help="Which of them, from 0; the first if it is not said.")
@click.option("--mean", is_flag=True, help="One diagram of all of them; without --samples, of all data.")
@click.option("--network", "whole", is_flag=True, help="Draw the whole network, not its routers alone.")
@output("Where to draw (.svg, .png, .pdf, .tex; the network also .dot, .mmd, .html, and its second input NAME-2).")
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("following routes")
def command(session: Session, model: str, images: tuple[str, ...], data: str | None, samples: str | None, mean: bool,
            whole: bool, output: str | None, device: str) -> None:
    """Show how open the gates are for each IMAGE, and how active the paths, in a table and as a diagram."""
    from archlang.studies.multipath.gates import mean_route, routes
    from archlang.train.loop.evaluation import record_of

    if bool(images) == (data is not None):
        raise refuse("give images, or `--data` with `--samples`")
    if images and samples is not None:
        raise refuse("`--samples` picks from `--data`; images are all shown")
    ending(output, *PICTURES)

    loaded = open_model(session, model)
    batches = inputs_of(loaded, images, data, samples, everything=mean)
    ways: list[Way] = []
    for names, batch in batches:
        ways += zip(names, routes(loaded, batch, device=device), strict=True)
    if mean:
        ways = [(f"mean of {len(ways)} inputs", mean_route([way for _, way in ways]))]

    if output is not None and not (whole or output.lower().endswith(PICTURES[len(PLOTS):])):
        write_page(session, output, _rows(ways))
    elif output is not None:
        graph = record_of(loaded).network.graph
        single(output, len(ways))
        for number, (name, way) in enumerate(ways):
            write(session, numbered(output, number), _drawn(graph, way, name, output))
    if output == "-":  # standard output holds the picture, and nothing else
        return
    if session.format == "json":
        session.document({"inputs": [_as_json(*way) for way in ways]})
    else:
        session.data("\n\n".join(route_table(*way) for way in ways))


def _rows(ways: list[Way]) -> Page:
    """All ways on one page, a row each."""
    from archlang.views.route_plot import RouterRow, route_page

    rows = []
    for name, way in ways:
        rows.append((name, [RouterRow(r.router, *_ends(r)) for r in way]))
    return route_page(rows)


def _ends(route: Route) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...], tuple[float, ...]]:
    """Gates [inputs][outputs] with the shares at both ends; experts' results are weighed into a single sum."""
    if route.weighs_results:
        return tuple((gate,) for gate in route.gates[0]), route.outputs, (1.0,)
    return route.gates, route.inputs, route.outputs


def inputs_of(model: GraphModule, images: tuple[str, ...], data: str | None, samples: str | None,
              everything: bool = False) -> list[tuple[list[str], torch.Tensor]]:
    """Batches of images with their names, as the model takes them: files, or samples of the test part of data."""
    if data is None:
        return _images(model, images)
    return _samples(model, data, samples, everything)


def _images(model: GraphModule, paths: tuple[str, ...]) -> list[tuple[list[str], torch.Tensor]]:
    from archlang.train.data.ready import preparation_of
    from archlang.train.loop.evaluation import record_of
    from archlang.train.prediction import read_image

    # One by one: pictures of different sizes make no batch.
    preparation = preparation_of(record_of(model))
    return [([one_line(path, 80)], read_image(path, preparation)[None]) for path in paths]


def _samples(model: GraphModule, data: str, samples: str | None, everything: bool
             ) -> list[tuple[list[str], torch.Tensor]]:
    from archlang.train.loop.evaluation import BATCH, data_of, in_order

    read = data_of(model, data)
    split = read.test
    if samples is not None:
        picked = _numbers(samples)
    elif everything:
        picked = list(range(len(split)))
    else:
        picked = [0]
    if max(picked) >= len(split):
        raise refuse(f"the test part has {len(split)} samples, from 0 to {len(split) - 1}; there is no {max(picked)}")

    batches = []
    for rows in in_order(len(picked), BATCH):
        part = picked[rows.start : rows.stop]
        batches.append(([f"{read.name} {i}" for i in part], split.batch(part)[0]))
    return batches


def _numbers(samples: str) -> list[int]:
    """The numbers of `--samples 3,14,15`. Raises ArchError (usage)."""
    words = [word.strip() for word in samples.split(",")]
    # `int` would take `-1`, `1_0` and digits of other scripts; nineteen digits fit into no index.
    if not all(word.isascii() and word.isdigit() and len(word) < 19 for word in words):
        raise refuse(f"`--samples` wants numbers with commas between, not `{one_line(samples, 80)}`")
    return [int(word) for word in words]


def _drawn(graph: Graph, way: tuple[Route, ...], name: str, output: str) -> bytes:
    from archlang.views.files import draw
    from archlang.views.multipath import route_picture

    by_node = {}
    for route in way:
        for id in route.nodes:
            by_node[id] = strengths(route)

    place = output
    if output == "-":
        place = "svg"  # `draw` takes the name of a format too
    drawing = draw(route_picture(graph, by_node, name), place)
    if isinstance(drawing, str):
        return drawing.encode()
    return drawing


def strengths(route: Route) -> Strengths:
    """The numbers of a router for the diagram: of its weighted sum, or of the sum of its experts' results."""
    from archlang.views.multipath import Strengths

    # Such a router has gates for each result and a single output, their sum.
    if route.weighs_results:
        return Strengths([[gate] for gate in route.gates[0]], route.outputs, [1.0], weighs_results=True)
    return Strengths(route.gates, route.inputs, route.outputs)


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
