"""Data as a training takes it, looked at before anything is written."""

from __future__ import annotations

from archlang.elaborate.network import Network
from archlang.graph.plan import Plan
from archlang.train.data.augmentation.augment import require_unmoved
from archlang.train.data.augmentation.jointly import check_sample
from archlang.train.data.label_tables import require_labels
from archlang.train.data.reading import drawing_by
from archlang.train.data.ready import for_training
from archlang.train.data.splits import Data
from archlang.train.inputs import fit_of_inputs, named_data
from archlang.train.losses.classes import class_output
from archlang.train.optimization.planning import ignored_label, steps_of

LOOKED_AT = 16
"""Samples of the training part that augmentations are checked with."""


@drawing_by(0)
def training_data(network: Network, plan: Plan, data: Data) -> Data:
    """Data made ready for the training of a network (`data.ready.for_training`).

    Raises `ArchError` (bad-data) for classes that the file does not name, labels that are no classes, samples that do
    not fit the network's input, and augmentations that the samples or their labels cannot take.
    """
    graph = network.graph
    losses = [loss for step in steps_of(plan) for loss in step.losses]
    named = named_data(data, graph)
    require_labels([read for loss in losses for read in loss.reads if isinstance(read, str)], named.label_places)
    ready = for_training(named, graph, plan.labels, class_output(graph, losses))

    # One sample of each other part is enough: sizes that do not fit do not fit anywhere.
    fit = fit_of_inputs(graph, places=ready.input_places)
    for part in ready.parts[1:]:
        fit.shape(part.batch([0])[0])
    samples, labels = ready.train.batch(range(min(LOOKED_AT, len(ready.train))))
    check_sample(plan.augment, fit.shape_for_training(samples), labels, ignored_label(plan), ready.input_places)
    if any(len(place.sizes) >= 2 for place in ready.label_places):
        require_unmoved(plan.augment)
    return ready
