"""`archlang show clusters MODEL... --data NAME`: samples by what networks say of their clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import PLOTS, ending, open_model, shown_name, told_apart, write_page
from archlang.cli.options import data, device, formats, opening, output, seed
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    from archlang.studies.clustering.clustering import Clustered


@click.command("clusters", short_help="Samples by what networks say of their clusters, as maps in the plane (t-SNE).")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@data
@output("Where to draw (.svg, .png, .pdf, .tex): a map for each model, a colour for each cluster.")
@seed
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("assigning samples")
def command(session: Session, models: tuple[str, ...], data: str, output: str | None, seed: int, device: str) -> None:
    """Tell how many samples each MODEL puts in each cluster, and map its relevance before the softmax to the plane.

    Several models stand side by side: one before its training (`archlang compile`), one trained without
    standardisation, one with. Clusters are told apart by the scores that the file's losses read, or by its only output.
    """
    from archlang.studies.clustering.clustering import assign

    ending(output, *PLOTS)
    if output is not None:
        from archlang.studies.embedding import require_tsne

        # A map that cannot be made is refused before a model runs for minutes.
        require_tsne()
    loaded = [open_model(session, file) for file in models]
    found = []
    for number, model in enumerate(loaded):
        session.line(number, len(loaded))
        found.append(assign(model, data))

    if output is not None:
        from archlang.studies.clustering.pictures import responses_page

        session.line.stage("mapping samples")
        write_page(session, output, responses_page(list(zip(told_apart(models), found, strict=True)), seed=seed))
    if output == "-":  # standard output holds the picture, and nothing else
        return

    if session.format == "json":
        session.document({"models": [_as_json(file, one) for file, one in zip(models, found, strict=True)]})
        return
    for file, one in zip(models, found, strict=True):
        held = [count for count in one.counts if count]
        session.data(f"{one_line(shown_name(file), 200)}: {len(one.assigned)} samples in {len(held)} of "
                     f"{len(one.counts)} clusters: {', '.join(map(str, one.counts))}")


def _as_json(file: str, found: Clustered) -> dict[str, Any]:
    return {"model": file, "samples": len(found.assigned), "counts": list(found.counts), "accuracy": found.accuracy,
            "nmi": found.information}
