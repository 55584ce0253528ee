"""`archlang cluster FILE --data NAME --clusters K`: neural mixture EM."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from archlang.cli.files import open_network, write, write_page
from archlang.cli.options import data, device, formats, reading, refuse
from archlang.cli.session import Session

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from archlang.elaborate import Network
    from archlang.studies.clustering.clustering import Clustered
    from archlang.views.canvas.shapes import Page


@click.command("cluster", short_help="Cluster data without labels (neural mixture EM).")
@click.argument("file", metavar="FILE")
@data
@click.option("--clusters", type=click.IntRange(2, 10_000), metavar="K", help="How many (default: as the file says).")
@click.option("--epochs", type=click.IntRange(1, 10**6), metavar="N", help="Epochs in all (default: as the file says).")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help="The seed (default: the file's).")
@click.option("--baseline", type=click.Choice(["iic"]), help="Train by invariant information clustering instead.")
@click.option("--tsne", is_flag=True, help="Draw a t-SNE map of the relevance too.")
@click.option("--no-pictures", is_flag=True, help="Draw nothing.")
@click.option("--run", "folder", metavar="FOLDER", help="Where to keep all of it (default: runs/NAME-1, -2, ...).")
@click.option("--resume", is_flag=True, help="Go on with the clustering in the run folder (default: the newest one's).")
@device
@formats("human", "json")
@reading
@click.pass_obj
def command(session: Session, file: str, data: str, clusters: int | None, epochs: int | None, seed: int | None,
            baseline: str | None, tsne: bool, no_pictures: bool, folder: str | None, resume: bool, device: str,
            dials: Mapping[str, str]) -> None:
    """Train the network of FILE as its `train { }` says on all samples of the data, without labels, and assign them.

    The run's folder gets assignments.csv, last.safetensors and what a training leaves there; members.svg (the best
    samples of each cluster and a synthesised one) or, for points in the plane, contours.svg; tsne.svg where asked for.
    Accuracy (clusters named after classes as well as possible) and NMI are told where the data has labels.
    """
    if tsne and no_pictures:
        raise refuse("`--tsne` draws a picture, `--no-pictures` draws none")
    network = open_network(session, file, _with_clusters(dials, clusters))
    _fits(network, clusters)

    # torch takes a second: what is wrong with the file or the call is said before.
    from archlang.cli.progress import watch
    from archlang.studies.clustering.clustering import cluster
    from archlang.train import newest_folder, next_folder

    start: Literal["new", "resume"] = "new"
    if resume:
        start = "resume"
    if folder is not None:
        where = Path(folder)
    elif resume:
        where = newest_folder(network.name)
    else:
        where = next_folder(network.name)
    with watch() as progress:
        training, clustered = cluster(network, data, epochs=epochs, seed=seed, device=device, run=where,
                                      progress=progress, baseline=baseline, start=start)

    write(session, str(where / "assignments.csv"), assignments(clustered).encode())
    if not no_pictures:
        for name, picture in _pictures(training.model, data, clustered, network, device, tsne):
            write_page(session, str(where / name), picture)
    if session.format == "json":
        session.document({
            "samples": len(clustered.assigned), "counts": list(clustered.counts),
            "accuracy": clustered.accuracy, "nmi": clustered.information, "run": str(where),
        })
    else:
        session.data(summary(clustered))
    session.note(f"kept in {where}")


def _with_clusters(dials: Mapping[str, str], clusters: int | None) -> dict[str, str]:
    if clusters is not None and "clusters" in dials:
        raise refuse("`--clusters` and `-p clusters=` say the same")
    if clusters is None:
        return dict(dials)
    return {**dials, "clusters": str(clusters)}


def _fits(network: Network, clusters: int | None) -> None:
    """Raises ArchError where the network has another number of clusters than was asked for."""
    from archlang.diagnostics import ArchError, error
    from archlang.studies.clustering.clustering import port_of

    # A file may take no notice of its dial: `linear(10)` stays ten clusters.
    count = network.graph.type(port_of(network)).dims[0]
    if clusters is not None and count != clusters:
        message = f"the network has {count} clusters, {clusters} are asked for"
        raise ArchError(error("bad-dial", message, help="let the dial `clusters` decide: `linear(clusters)`"))


def _pictures(model: GraphModule, data: str, found: Clustered, network: Network, device: str,
              tsne: bool) -> list[tuple[str, Page]]:
    from archlang.shapes import Tensor
    from archlang.studies.clustering.pictures import contours, members, neighbours

    # Points in the plane are drawn where they lie; all other samples as images.
    pictures = []
    if network.graph.inputs[0].type == Tensor((2,)):
        pictures.append(("contours.svg", contours(model, data, found, gamma_of(network))))
    else:
        pictures.append(("members.svg", members(model, data, found, device=device)))
    if tsne:
        pictures.append(("tsne.svg", neighbours(found)))
    return pictures


def gamma_of(network: Network) -> float:
    """The gamma of the file's clustering loss; 1 where none has one."""
    from archlang.train.optimization.planning import plan_of, steps_of

    for step in steps_of(plan_of(network)):
        for loss in step.losses:
            gamma: Any = loss.option.args.get("gamma")
            if gamma is not None:
                return float(gamma)
    return 1.0


def assignments(found: Clustered) -> str:
    """A row for each sample, the training part first: its number, cluster, relevance to that, and label if any."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["sample", "cluster", "relevance"]
    if found.labels is not None:
        head.append("label")
    writer.writerow(head)

    for i, cluster in enumerate(found.assigned.tolist()):
        row = [i, cluster, f"{float(found.relevance[i, cluster]):.6g}"]
        if found.labels is not None:
            row.append(int(found.labels[i]))
        writer.writerow(row)
    return text.getvalue()


def summary(found: Clustered) -> str:
    """Accuracy and NMI where there are labels, then the size of each cluster."""
    counts = ", ".join(map(str, found.counts))
    head = f"{len(found.assigned)} samples in {len(found.counts)} clusters"
    if found.accuracy is not None and found.information is not None:
        head += f": accuracy {100 * found.accuracy:.2f} %, NMI {100 * found.information:.2f} %"
    return f"{head}\nsamples in each: {counts}"
