"""`archlang show patches MODEL IMAGE... | --data NAME`: which expert took which patch."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from archlang.cli.commands.show_routes import inputs_of
from archlang.cli.files import PLOTS, ending, open_model, write_page
from archlang.cli.options import device, formats, opening, output, refuse
from archlang.cli.session import Session
from archlang.cli.waiting import slow

if TYPE_CHECKING:
    from archlang.studies.patch_experts.patches import Usage


@click.command("patches", short_help="Which expert took which patch, and how much each is used.")
@click.argument("model", metavar="MODEL")
@click.argument("images", nargs=-1, metavar="IMAGE...")
@click.option("--data", metavar="NAME|MODULE:FUNCTION", help="Usage on its test part, and images from there.")
@click.option("--samples", metavar="I,J,...", help="Which of its images to draw, from 0; the first if it is not said.")
@output("Where to draw the images with the experts of their patches (.svg, .png, .pdf, .tex).")
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("following patches")
def command(session: Session, model: str, images: tuple[str, ...], data: str | None, samples: str | None,
            output: str | None, device: str) -> None:
    """The usage of each expert of the model file MODEL, on each IMAGE or on the test part of the data.

    With -o, each image is drawn with its patches in the colours of the experts that weigh most for them. How usage went
    over a training stands in its run folder: usage.csv and usage.svg, thresholds.csv and thresholds.svg.
    """
    from archlang.studies.patch_experts.patches import patches_of, usage_of
    from archlang.studies.tiles import tile_of
    from archlang.views.patch_experts import PatchedImage, patched

    if bool(images) == (data is not None):
        raise refuse("give images, or `--data` with `--samples`")
    if samples is not None and (images or output is None):
        raise refuse("`--samples` picks which images of `--data` are drawn with `-o`")
    ending(output, *PLOTS)

    # Samples of `--data` are looked at one by one only to be drawn; usage is over all of its test part.
    loaded = open_model(session, model)
    batches = []
    if output is not None or data is None:
        batches = inputs_of(loaded, images, data, samples)
    pictures: list[PatchedImage] = []
    usage: list[tuple[str, tuple[Usage, ...]]] = []
    for names, batch in batches:
        taken, used = patches_of(loaded, batch, device=device)
        usage.append((", ".join(names), used))
        for name, image, stages in zip(names, batch, taken, strict=True):
            pictures.append(PatchedImage(tile_of(image, name), [(stage.site, stage.cells) for stage in stages]))
    if data is not None:
        usage = [(data, usage_of(loaded, data, device=device, tell=session.line))]

    if output is not None:
        write_page(session, output, patched(pictures))
    if output == "-":  # standard output holds the picture, and nothing else
        return
    if session.format == "json":
        entries = [{"of": name, "sites": [asdict(site) for site in sites]} for name, sites in usage]
        session.document({"usage": entries})
    else:
        session.data("\n\n".join(f"{name}\n{usage_table(sites)}" for name, sites in usage))


def usage_table(sites: tuple[Usage, ...]) -> str:
    """A block for each stage: a line for each expert, then the thresholds."""
    lines = []
    for site in sites:
        lines.append(f"{site.site}: {site.rows:,} rows")
        for i, (mean, largest) in enumerate(zip(site.mean, site.largest, strict=True), 1):
            bar = "#" * round(40 * mean)
            lines.append(f"  expert {i:<3} mean weight {mean:.3f}, largest in {100 * largest:5.1f} %  {bar}")

        # Only an adaptive threshold differs from row to row.
        if site.thresholds is not None:
            mean, least, most = site.thresholds.mean, site.thresholds.least, site.thresholds.most
            names = ("max", "entropy", "gap")
            parts = ", ".join(f"{name} {part:.3f}" for name, part in zip(names, site.thresholds.parts, strict=True))
            lines.append(f"  threshold {mean:.3f} ({least:.3f} to {most:.3f}); its parts: {parts}")
    return "\n".join(lines)
