"""The places and classes that experts on patches have specialised in, and how much each expert is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from archlang.diagnostics import ArchError, error
from archlang.emit.names import module_name
from archlang.graph.ir import Graph
from archlang.graph.patch_experts import dispatching, expert_sites, router_of
from archlang.layers.patch_experts.dispatch import dispatches
from archlang.layers.patch_experts.keys import Keyed, unit
from archlang.studies.patch_experts.patches import watching
from archlang.train.loop.evaluation import BATCH, data_of, evaluate, in_order, record_of

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Specialisation:
    """A stage of experts on the test part of data.

    by_place    the mean weight of each expert at each place, [experts][rows][columns]; a single place where rows are
                whole samples
    by_class    the mean weight of each expert for each class, [classes][experts]
    about_class the mutual information of the expert that weighs most and the class, in bits
    about_place that of the expert and the place of the patch, in bits
    cosines     those between the experts' keys, [experts][experts]; None without keys
    """

    site: str
    experts: int
    by_place: tuple[Rows, ...]
    by_class: Rows
    about_class: float
    about_place: float
    cosines: Rows | None


@dataclass(frozen=True)
class SwitchedOff:
    """A stage with one expert (from 1) switched off, its weight shared by the others in proportion; what is left."""

    site: str
    expert: int
    accuracy: float


def specialisation_of(
    model: fx.GraphModule, data: object, *, device: str = "auto", tell: Callable[[int, int], None] | None = None
) -> tuple[tuple[Specialisation, ...], tuple[str, ...]]:
    """Measure every stage of experts; returns the names of the classes too.

    Raises `ArchError`: unsupported-module (no experts), unknown-data, bad-data (no classes).
    """
    record = record_of(model)
    read = data_of(model, data)
    labels: list[Tensor] = []
    with watching(model, device) as (run, seen, sites):
        for rows in in_order(len(read.test), BATCH):
            samples, label = read.test.batch(rows)
            if label.ndim != 1 or label.is_floating_point():
                raise ArchError(error("bad-data", "the data has no classes",
                                      help="labels must be whole numbers, one a sample"))
            run(samples)
            labels.append(label)
            if tell is not None:
                tell(rows.stop, len(read.test))

        classes = torch.cat(labels)
        count = int(classes.max()) + 1
        names = record.labels or read.classes or ()
        # Data may have more classes than there are names.
        names = (*names[:count], *map(str, range(len(names), count)))
        graph: Graph = record.network.graph
        return tuple(
            _site(model, graph, number, site.name, seen[site.name].all_of(seen[site.name].weights), site.cut, classes)
            for number, site in enumerate(sites)
        ), names


def _site(model: fx.GraphModule, graph: Graph, number: int, name: str, weights: Tensor, cut: Any, classes: Tensor
          ) -> Specialisation:
    experts = weights.shape[1]
    # Rows lie sample by sample, and every sample has as many.
    each = len(weights) // len(classes)
    by_sample = weights.reshape(len(classes), each, experts)

    shape = (1, each)
    if cut is not None and each == cut.args["rows"] * cut.args["columns"]:
        shape = (cut.args["rows"], cut.args["columns"])
    places = by_sample.mean(0).t().reshape(experts, *shape)

    count = int(classes.max()) + 1
    # A class without samples has no mean; zeros say so.
    by_class = torch.zeros(count, experts, dtype=torch.float64)
    for kind in range(count):
        if (classes == kind).any():
            by_class[kind] = by_sample[classes == kind].mean((0, 1))

    first = weights.argmax(1)
    place = torch.arange(each).repeat(len(classes))
    return Specialisation(
        name, experts, tuple(_rows(one) for one in places), _rows(by_class),
        mutual_information(first, classes.repeat_interleave(each)), mutual_information(first, place),
        _cosines(model, graph, number))


def mutual_information(one: Tensor, other: Tensor) -> float:
    """The mutual information of two rows of whole numbers from 0, in bits: `sum p(a, b) log2(p(a, b) / (p(a) p(b)))`.

    >>> mutual_information(torch.tensor([0, 0, 1, 1]), torch.tensor([1, 1, 0, 0]))
    1.0
    """
    across = int(other.max()) + 1
    joint = torch.bincount(one * across + other, minlength=(int(one.max()) + 1) * across).double().reshape(-1, across)
    joint = joint / joint.sum()
    alone = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    # Pairs that do not occur add nothing.
    held = joint > 0
    return max(float((joint[held] * (joint[held] / alone[held]).log2()).sum()), 0.0)


def _cosines(model: fx.GraphModule, graph: Graph, number: int) -> Rows | None:
    """The cosines between the keys of a stage's router."""
    for node in router_of(graph, dispatching(graph)[number]):
        name = module_name(node.path)
        held = dict(model.named_modules()).get(name)
        if isinstance(held, Keyed):
            keys = unit(held.keys.detach().double())
            return _rows(keys @ keys.t())
    return None


def switched_off(
    model: fx.GraphModule, data: object, *, device: str = "auto", tell: Callable[[int, int], None] | None = None
) -> tuple[float, tuple[SwitchedOff, ...]]:
    """The accuracy of a model, and with each expert of each stage switched off alone.

    Raises `ArchError`: unsupported-module (no experts), unknown-data, bad-data (nothing is classified).
    """
    graph: Graph = record_of(model).network.graph
    whole = _accuracy(model, data, device)
    places = dispatches(model)
    found = []
    sites = list(zip(dispatching(graph), expert_sites(graph), strict=True))
    total = sum(site.experts for _, site in sites)
    for node, site in sites:
        for expert in range(site.experts):
            with _without(places[module_name(node.path)], expert):
                found.append(SwitchedOff(site.name, expert + 1, _accuracy(model, data, device)))
            if tell is not None:
                tell(len(found), total)
    return whole, tuple(found)


@contextmanager
def _without(dispatch: torch.nn.Module, expert: int) -> Iterator[None]:
    """One expert has weight 0, and the others share what it had in proportion."""
    def look(_module: torch.nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        weights, *rest = inputs
        left = weights.clone()
        left[:, expert] = 0
        total = left.sum(1, keepdim=True)
        # A row that only this expert took has nobody left: its result is 0.
        return (left / torch.where(total > 0, total, torch.ones_like(total)), *rest)

    handle = dispatch.register_forward_pre_hook(look)
    try:
        yield
    finally:
        handle.remove()


def _accuracy(model: fx.GraphModule, data: object, device: str) -> float:
    found = evaluate(model, data, device=device).accuracy
    if found is None:
        raise ArchError(error("bad-data", "nothing is classified here, so switching an expert off costs no accuracy"))
    return found


def _rows(values: Tensor) -> Rows:
    return tuple(tuple(row) for row in values.double().tolist())
