"""`archlang show positions MODEL...`: how much each position of the kernels weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from archlang.cli.files import PLOTS, ending, open_model, told_apart, write_page
from archlang.cli.options import device, formats, opening, output, refuse
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    from archlang.studies.pbconv.magnitudes import LayerPositions, PrunedPosition
    from archlang.views.canvas.shapes import Page

Shown = list[tuple[str, "tuple[LayerPositions, ...]"]]


@click.command("positions", short_help="How much each position of kernels weighs, by layer and branch.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--layer", "wanted", multiple=True, metavar="NAME", help="This layer only; may be given several times.")
@click.option("--branches", is_flag=True, help="The branches of each layer, as they are before fusion.")
@click.option("--prune", metavar="DATA", help="Set each position to zero in turn, and measure the accuracy on DATA.")
@click.option("--course", is_flag=True, help="The mean maps of several models in order, such as those of a training.")
@output("Where to draw (.svg, .png, .pdf, .tex).")
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("reading kernels")
def command(session: Session, models: tuple[str, ...], wanted: tuple[str, ...], branches: bool, prune: str | None,
            course: bool, output: str | None, device: str) -> None:
    """The mean magnitude at each kernel position, by layer, of each model file MODEL; a baseline stands beside.

    Magnitudes are those of the kernel that all branches and batch norms of a layer amount to, the largest is 1.
    """
    from archlang.studies.inside import named
    from archlang.studies.pbconv.magnitudes import means_of, positions_of, pruned

    # What cannot be drawn together is refused before any model is opened.
    ending(output, *PLOTS)
    if branches + course + (prune is not None) > 1:
        raise refuse("`--branches`, `--prune` and `--course` are three pictures: give one of them")
    if (branches or prune is not None) and len(models) > 1:
        raise refuse("`--branches` and `--prune` take one model")
    if course and len(models) < 2:
        raise refuse("`--course` takes several models in order", ("such as a model kept after each of some epochs",))
    if wanted and (prune is not None or course):
        raise refuse("`--prune` and `--course` are about all layers of a kernel size")

    # Every model is opened before one is worked on, so that a wrong name at the end costs nothing.
    loaded = [open_model(session, file) for file in models]
    shown: Shown = []
    for file, model in zip(models, loaded, strict=True):
        layers = positions_of(model)
        if wanted:
            known = [layer.name for layer in layers]
            layers = tuple(layers[named(known, name, "layer")] for name in wanted)
        shown.append((file, layers))
    if branches and not any(layer.branches for _, layers in shown for layer in layers):
        help = ("`archlang transform FILE pbconv{seed=1}` gives them several",)
        raise refuse("these layers have one branch each", help)

    # An accuracy for each position: the longest part by far, so it tells how far it is.
    whole: float | None = None
    left: tuple[PrunedPosition, ...] = ()
    if prune is not None:
        whole, left = pruned(loaded[0], prune, device=device,
                             tell=session.line)
    if output is not None:
        write_page(session, output, _drawn(shown, branches, course, whole, left))
    if output == "-":  # standard output holds the picture, and nothing else
        return

    if session.format == "json":
        entries = [{"model": file, "layers": [asdict(layer) for layer in layers],
                    "means": [asdict(mean) for mean in means_of(layers)]} for file, layers in shown]
        session.document({"models": entries, "accuracy": whole,
                          "pruned": [asdict(one) for one in left]})
    else:
        session.data("\n\n".join([*(_table(file, layers) for file, layers in shown), *_pruned_table(whole, left)]))


def _table(file: str, layers: Sequence[LayerPositions]) -> str:
    from archlang.studies.pbconv.magnitudes import means_of

    lines = [one_line(file, 200)]
    for mean in means_of(layers):
        lines.append(f"  {mean.size} kernels, mean of {mean.layers}: dispersion {mean.dispersion:.4f}")
        lines += ["    " + "".join(f"{value:7.3f}" for value in row) for row in mean.map]
    for layer in layers:
        most = max((value, -r, -c) for r, row in enumerate(layer.map) for c, value in enumerate(row))
        lines.append(f"  {layer.name}: {layer.size}, largest at {1 - most[1]}, {1 - most[2]}")
    return "\n".join(lines)


def _pruned_table(whole: float | None, left: Sequence[PrunedPosition]) -> list[str]:
    if whole is None:
        return []
    lines = [f"accuracy {100 * whole:.2f} %; with a position at zero in all layers"]
    for one in left:
        lines.append(f"  {one.size} at {one.row}, {one.column}: magnitude {one.magnitude:.3f}, "
                     f"accuracy {100 * one.accuracy:.2f} %, a fall of {100 * (whole - one.accuracy):.2f} points")
    return ["\n".join(lines)]


def _drawn(shown: Shown, branches: bool, course: bool, whole: float | None, left: Sequence[PrunedPosition]) -> Page:
    from archlang.views.positions import branch_page, course_page, layer_page, pruning_page

    if whole is not None:
        points = [(f"{one.size} {one.row}, {one.column}", one.magnitude, whole - one.accuracy) for one in left]
        return pruning_page(points)
    if branches:
        return branch_page([(layer.name, layer.map, layer.branches) for _, layers in shown for layer in layers
                            if layer.branches])
    if course:
        from archlang.studies.pbconv.magnitudes import means_of

        return course_page([{mean.size: mean.map for mean in means_of(layers)} for _, layers in shown])
    called = told_apart([file for file, _ in shown])
    return layer_page([(name, [(layer.name, layer.map) for layer in layers])
                       for name, (_, layers) in zip(called, shown, strict=True)])
