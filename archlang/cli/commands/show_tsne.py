"""`archlang show tsne MODEL --data NAME --stage NAME`: what leaves stages, as maps of samples in the plane."""

from __future__ import annotations

import click

from archlang.cli.files import PLOTS, ending, open_model, write_page
from archlang.cli.options import data, device, formats, opening, output, seed
from archlang.cli.session import Session
from archlang.cli.waiting import slow


@click.command("tsne", short_help="What leaves stages, as maps of samples in the plane (t-SNE).")
@click.argument("model", metavar="MODEL")
@data
@click.option("--stage", "stages", multiple=True, required=True, metavar="NAME",
              help="A stage by its name in the file, or a path in one; may be given several times.")
@click.option("--count", type=click.IntRange(4, 10_000), default=500, show_default=True,
              help="At most so many samples, evenly spread over the test part.")
@output("Where to draw (.svg, .png, .pdf, .tex): a map for each stage, a colour for each class.")
@seed
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("mapping samples")
def command(session: Session, model: str, data: str, stages: tuple[str, ...], count: int, output: str | None,
            seed: int, device: str) -> None:
    """Map what leaves stages of the model file MODEL to the plane, samples that are like one another close together.

    Maps and sequences count by their means over all places. The figure behind a stage is the share of samples whose
    nearest neighbour, among what leaves the stage, is of their class.
    """
    from archlang.studies.embedding import nearest_alike, places_of, plane_of, require_tsne
    from archlang.studies.stages import features_of
    from archlang.views.scatter import planes

    ending(output, *PLOTS)
    # A map that cannot be made is refused before a model runs for minutes.
    require_tsne()
    found = features_of(open_model(session, model), data, stages, most=count, device=device)
    labels = found.labels.tolist()
    names = [str(number) for number in range(max(labels) + 1)]
    if found.classes is not None:
        names[: len(found.classes)] = found.classes[: len(names)]

    drawn, entries, lines = [], [], []
    for stage, rows in found.rows.items():
        places = places_of(rows, seed)
        alike = nearest_alike(rows, found.labels)
        drawn.append(plane_of(f"{stage}: {100 * alike:.1f} %", places, labels, names))
        entries.append({"stage": stage, "features": rows.shape[1], "alike": alike, "places": places.tolist()})
        lines.append(f"{stage}: {len(labels)} samples, {rows.shape[1]} features; the nearest neighbour is of the same "
                     f"class for {100 * alike:.1f} %")

    if output is not None:
        write_page(session, output, planes(drawn))
    if output == "-":  # standard output holds the picture, and nothing else
        return
    if session.format == "json":
        session.document({"labels": labels, "classes": names, "stages": entries})
        return
    session.data("\n".join(lines))
