"""Clustering with neural mixture EM: trained on all samples, without labels; judged by them where there are any."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Literal

import numpy
import torch
from torch import fx

from archlang.diagnostics import ArchError, error
from archlang.elaborate.network import Network
from archlang.emit import observing
from archlang.graph.ir import Port
from archlang.graph.plan import Plan, TrainingStep
from archlang.graph.scores import LABEL, main_output
from archlang.layers.clustering import likelihood_log
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import LossFacts
from archlang.ops.values import Option
from archlang.train import fit
from archlang.train.data.sources import find
from archlang.train.data.splits import Data, Joined
from archlang.train.fitting import fit_of
from archlang.train.groupings import matched, mutual
from archlang.train.loop.evaluation import BATCH, data_of, in_order, record_of
from archlang.train.loop.progress import Progress, Result
from archlang.train.losses.objective import values_of
from archlang.train.optimization.planning import plan_of, steps_of
from archlang.train.processes.devices import evaluating

Counts = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.int64]]


@dataclass(frozen=True)
class Clustered:
    """The clusters of data: for every sample the relevance [samples, clusters], its cluster, its label if any.

    `accuracy` is that under the best one-to-one assignment of clusters to classes, `information` the normalised mutual
    information of clusters and classes; None without labels.
    """

    relevance: torch.Tensor
    assigned: torch.Tensor
    labels: torch.Tensor | None
    accuracy: float | None
    information: float | None

    @property
    def counts(self) -> tuple[int, ...]:
        """Samples in each cluster."""
        return tuple(torch.bincount(self.assigned, minlength=self.relevance.shape[1]).tolist())


def whole(data: object) -> Data:
    """The data with all samples for training: clustering sees no labels, so nothing has to be kept from it."""
    known = find(data)
    # Without `classes` nothing asks for a score for each class: clusters need not be as many as classes.
    return replace(known, train=Joined(known.parts), validation=None, classes=None)


def cluster(
    network: Network, data: object, *, epochs: int | None = None, seed: int | None = None, device: str = "auto",
    run: str | os.PathLike[str] | None = None, progress: Progress | None = None, baseline: str | None = None,
    start: Literal["new", "resume"] = "new",
) -> tuple[Result, Clustered]:
    """Train what the file declares, a clustering, on all samples of `data`, and assign them.

    `baseline = "iic"` trains the same network by invariant information clustering instead, with the last step's
    optimiser. Raises `ArchError`: unknown-site where nothing clusters, and what `fit` does.
    """
    port = port_of(network)
    if baseline == "iic":
        node = network.graph.node(port.node)
        # IIC knows no such normalisation: it reads the scores before they were standardised over the batch.
        if node.op.gives == ("standardised",):
            port = node.inputs[0]
        network = _with_iic(network, port)

    samples = whole(data)
    trained = fit(network, samples, epochs=epochs, seed=seed, device=device, run=run, progress=progress, start=start)
    return trained, assign(trained.model, data, port)


def port_of(network: Network) -> Port:
    """The scores that a file's clustering is over. Raises `ArchError` (unknown-site)."""
    graph = network.graph
    for step in steps_of(plan_of(network)):
        for loss in step.losses:
            # A loss reads tensors inside the network too, which nobody outside could assign samples by.
            reads = [read for read in loss.reads if isinstance(read, Port) and graph.is_output(read)]
            if facts_of(loss.option, LossFacts).clusters and reads:
                return reads[0]

    message = f"the file of `{network.name}` clusters nothing that it hands out"
    raise ArchError(error("unknown-site", message, help="`loss = mixture_em(scores, gamma = 5)`, scores an output"))


def scores_of(network: Network) -> Port:
    """The scores that a file's clustering is over, or else its main output."""
    try:
        return port_of(network)
    except ArchError:
        return main_output(network.graph)


def _with_iic(network: Network, port: Port) -> Network:
    plan = plan_of(network)
    # The last step trains the network by itself; those before it (of the mixture's energies, say) are not IIC's.
    last = steps_of(plan)[-1]
    loss = replace(last.losses[0], option=Option("iic", "loss", {"standardized": False}), reads=(port,), sites=())
    only_iic: Plan = replace(plan, losses=(), optimizer=None, steps=(TrainingStep("iic", (loss,), last.optimizer),))
    graph = replace(network.graph, plan=only_iic)
    return replace(network, graph=graph)


@torch.no_grad()
def assign(model: fx.GraphModule, data: object, port: Port | None = None) -> Clustered:
    """The cluster of every sample of `data`, training part first: where the relevance that the file clusters by, or
    that at `port`, is largest.
    """
    record = record_of(model)
    graph = record.network.graph
    if port is None:
        port = scores_of(record.network)

    split = Joined(data_of(model, data).parts)
    fitted = fit_of(graph, record.mean, record.std, record.image)
    # A network without parameters runs on the CPU in float32.
    first = next(iter(model.parameters()), torch.zeros(()))

    scores, labels = [], []
    with evaluating(model):
        # Scores that are no output are read from inside: a module that shares the model's weights hands them out.
        inner: tuple[Port, ...] = ()
        run = model
        if not graph.is_output(port):
            inner = (port,)
            run = observing(model, graph, inner)

        for rows in in_order(len(split), BATCH):
            samples, label = split.batch(list(rows))
            outputs = run(fitted(samples.to(first.device)).to(first.dtype))
            values = values_of(graph, outputs, label, inner)
            scores.append(values[port].double().cpu())
            labels.append(values[LABEL])

    return judged(torch.cat(scores), torch.cat(labels))


def judged(relevance: torch.Tensor, labels: torch.Tensor) -> Clustered:
    """A clustering beside labels; labels that are no classes (below 0, or fractions) do not count."""
    assigned = relevance.argmax(1)
    if labels.ndim != 1 or labels.is_floating_point() or int(labels.min()) < 0:
        return Clustered(relevance, assigned, None, None, None)
    return Clustered(relevance, assigned, labels, accuracy(assigned, labels), information(assigned, labels))


def contingency(assigned: torch.Tensor, labels: torch.Tensor) -> Counts:
    """Count the samples of each pair of a cluster (row) and a class (column)."""
    clusters, classes = int(assigned.max()) + 1, int(labels.max()) + 1
    flat = torch.bincount(assigned * classes + labels, minlength=clusters * classes)
    return flat.reshape(clusters, classes).numpy()


def accuracy(assigned: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of samples that are right when clusters are named after classes as well as possible, one to one.

    >>> accuracy(torch.tensor([1, 1, 0, 2]), torch.tensor([0, 0, 1, 1]))
    0.75
    """
    return matched(contingency(assigned, labels))


def information(assigned: torch.Tensor, labels: torch.Tensor) -> float:
    """Mutual information of clusters and classes over the mean of their entropies; 1 where both are one group.

    >>> round(information(torch.tensor([1, 1, 0, 0]), torch.tensor([0, 0, 1, 1])), 6)
    1.0
    """
    return mutual(contingency(assigned, labels))


def distributions(relevance: torch.Tensor, gamma: float) -> torch.Tensor:
    """Each cluster's distribution `h = sigmoid(a* / gamma)` (eq. 4.12); over data its mean is near 0.5 (eq. 4.14)."""
    return likelihood_log(relevance, gamma).exp()
