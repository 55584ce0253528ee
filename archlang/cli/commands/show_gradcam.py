"""`archlang show gradcam MODEL... IMAGE... | --data NAME`: where in an image a class is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archlang.cli.commands.show_routes import inputs_of
from archlang.cli.files import PLOTS, ending, open_model, told_apart, write_page
from archlang.cli.options import device, formats, opening, output, refuse
from archlang.cli.session import Session
from archlang.cli.waiting import slow

if TYPE_CHECKING:
    from archlang.views.attention_maps import MappedImage


@click.command("gradcam", short_help="Where in an image a class is seen (Grad-CAM).")
@click.argument("model", metavar="MODEL")
@click.argument("images", nargs=-1, metavar="IMAGE...")
@click.option("--beside", multiple=True, metavar="MODEL", help="Another model to draw beside, such as a baseline.")
@click.option("--data", metavar="NAME|MODULE:FUNCTION", help="Take inputs from the test part of this data.")
@click.option("--samples", metavar="I,J,...", help="Which of them, from 0; the first if it is not said.")
@click.option("--stage", metavar="NAME", help="The stage whose maps are weighed (default: the last that has maps).")
@click.option("--class", "wanted", type=click.IntRange(0), metavar="K",
              help="The number of a class (default: the one that is predicted).")
@output("Where to draw (.svg, .png, .pdf, .tex): images with the places that speak for the class.")
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("mapping")
def command(session: Session, model: str, images: tuple[str, ...], beside: tuple[str, ...], data: str | None,
            samples: str | None, stage: str | None, wanted: int | None, output: str | None, device: str) -> None:
    """Show which places of each IMAGE speak for its class in the model file MODEL, by the score's gradients."""
    from archlang.studies.gradcam import class_maps
    from archlang.studies.tiles import tile_of
    from archlang.train.loop.evaluation import data_of, record_of
    from archlang.views.attention_maps import MappedImage, mapped

    if bool(images) == (data is not None):
        raise refuse("give images, or `--data` with `--samples`")
    if images and samples is not None:
        raise refuse("`--samples` picks from `--data`; images are all shown")
    ending(output, *PLOTS)

    rows: dict[str, MappedImage] = {}
    entries: list[dict[str, Any]] = []
    files = (model, *beside)
    for file, called in zip(files, told_apart(files), strict=True):
        loaded = open_model(session, file)
        labels = record_of(loaded).labels
        true = {}
        if data is not None:
            true = _labels(data_of(loaded, data))
        for names, batch in inputs_of(loaded, images, data, samples):
            used, found = class_maps(loaded, batch, stage, wanted, device=device)
            for name, image, one in zip(names, batch, found, strict=True):
                right = _named(true.get(name), labels)
                told = []
                if right:
                    told.append(f"true {right}")
                told += [f"predicted {_named(one.predicted, labels)}", f"map of {_named(one.wanted, labels)}"]
                entries.append({"model": file, "stage": used, "name": name, "true": right or None,
                                "predicted": _named(one.predicted, labels), "class": _named(one.wanted, labels),
                                "map": one.map.tolist()})
                row = rows.setdefault(name, MappedImage(tile_of(image, name), []))
                shown = one.resized(*image.shape[-2:])
                row.maps.append((f"{called}, {used}", ", ".join(told), shown.tolist()))

    if output is not None:
        write_page(session, output, mapped(list(rows.values())))
    if output == "-":  # standard output holds the picture, and nothing else
        return
    if session.format == "json":
        session.document({"maps": entries})
    else:
        session.data("\n".join(map(_line, entries)))


def _labels(read: Any) -> dict[str, int]:
    """The true class of each sample of the test part, by the name that its picture has."""
    labels = read.test.batch(range(len(read.test)))[1]
    if labels.ndim != 1 or labels.is_floating_point():
        return {}
    return {f"{read.name} {i}": int(label) for i, label in enumerate(labels)}


def _named(number: int | None, labels: tuple[str, ...] | None) -> str:
    if number is None:
        return ""
    if labels is not None and 0 <= number < len(labels):
        return labels[number]
    return str(number)


def _line(entry: dict[str, Any]) -> str:
    """The stage, the classes, and the place that speaks most for the class, in shares of height and width."""
    rows = entry["map"]
    value, up, left = max((value, -r, -c) for r, row in enumerate(rows) for c, value in enumerate(row))
    true = ""
    if entry["true"]:
        true = f"true {entry['true']}, "
    place = "nothing speaks for it"
    if value > 0:
        place = f"most at {(0.5 - up) / len(rows):.2f} down, {(0.5 - left) / len(rows[0]):.2f} across"
    return f"{entry['name']}: {true}predicted {entry['predicted']}; {entry['class']} in {entry['stage']}: {place}"
