"""Gates and their inputs: routes of given images, a gate's range, its strongest and weakest inputs, and by class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import fx

from archlang.studies.inside import Router, ValueRecorder, all_rows, placed, routers
from archlang.train.data.splits import Split
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import BATCH, data_of, in_order, record_of
from archlang.train.problems import bad_data

BINS = 20
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Route:
    """A router on one input: gates [inputs][outputs], and the shares of its inputs and outputs in their layer.

    A tensor's share is its mean absolute value over the sum of those of its layer (Tissera 2023, section 3.5.1).
    `nodes` are the places of its sums in the network's graph. With `weighs_results` its gates weigh results of experts,
    which are its outputs, and the sum brings them together.
    """

    router: str
    gates: tuple[tuple[float, ...], ...]
    inputs: tuple[float, ...]
    outputs: tuple[float, ...]
    nodes: tuple[str, ...]
    weighs_results: bool = False


@dataclass(frozen=True)
class Responses:
    """Every gate on the test part of data: names, values [samples, gates], labels [samples], and the split itself.

    `relevance` is what samples are ranked by, [samples, gates]: the gates before any was left out. A sparse gate's
    values are 0 for the paths that a sample does not take, and 1 where it takes one alone.
    """

    gates: tuple[str, ...]
    values: torch.Tensor
    labels: torch.Tensor
    split: Split
    classes: tuple[str, ...] | None
    relevance: torch.Tensor

    def range_of(self, gate: int) -> Range:
        """The range of one gate's values (Tissera 2023, figure 5.1)."""
        return range_of(self.gates[gate], self.values[:, gate])

    def extremes(self, gate: int, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The samples that answer strongest and weakest, the most extreme first; equal ones in the data's order."""
        strongest = self.relevance[:, gate].argsort(descending=True, stable=True).tolist()
        # Not the strongest backwards: equal samples would then stand in the reverse of the data's order.
        weakest = self.relevance[:, gate].argsort(stable=True).tolist()
        return tuple(strongest[:count]), tuple(weakest[:count])

    def by_class(self, gate: int) -> tuple[tuple[str, Range], ...]:
        """The range of a gate over each class (Tissera 2023, section 3.5.3); classes without samples are left out."""
        if self.labels.ndim != 1 or self.labels.is_floating_point():
            raise bad_data("the data has no classes", help="gates by class need whole numbers as labels")

        found = []
        for number in sorted(set(self.labels.tolist())):
            name = str(number)
            # Data may hold labels that the model has no name for.
            if self.classes and 0 <= number < len(self.classes):
                name = self.classes[number]
            found.append((name, range_of(name, self.values[self.labels == number, gate])))
        return tuple(found)


@dataclass(frozen=True)
class Range:
    """Numbers from 0 to 1: how many, their moments and quantiles, and how many lie in each of `BINS` equal bins."""

    name: str
    samples: int
    mean: float
    deviation: float
    least: float
    median: float
    most: float
    above_half: float
    counts: tuple[int, ...]


def range_of(name: str, values: torch.Tensor) -> Range:
    """The range of values [samples] from 0 to 1.

    >>> range_of("g", torch.tensor([0.0, 0.5, 1.0])).counts[10]
    1
    """
    x = values.double()
    # The value 1 falls into the last bin, which is closed.
    counts = torch.bincount((x * BINS).long().clamp(0, BINS - 1), minlength=BINS)
    return Range(name, len(x), float(x.mean()), float(x.std(correction=0)), float(x.min()), float(x.median()),
                 float(x.max()), float((x > 0.5).double().mean()), tuple(counts.tolist()))


@torch.no_grad()
def routes(model: fx.GraphModule, samples: torch.Tensor, *, device: str = "auto") -> list[tuple[Route, ...]]:
    """For each sample [count, ...] its way through all routers. Raises `ArchError` (unsupported-module, bad-data)."""
    record = record_of(model)
    known = routers(model)
    fit = fit_of(record.network.graph, record.mean, record.std, record.image)
    wanted = [node for router in known for node in (router.call, *router.call.all_input_nodes, *router.sums)]

    ways: list[tuple[Route, ...]] = []
    with placed(model, device) as (target, kind), all_rows(model):
        for rows in in_order(len(samples), BATCH):
            recorder = ValueRecorder(model, wanted)
            recorder.run(fit(samples[rows.start : rows.stop].to(target)).to(kind))
            columns = [_routes_of(router, recorder, len(rows)) for router in known]
            ways += zip(*columns, strict=True)
    return ways


def _routes_of(router: Router, recorder: ValueRecorder, samples: int) -> list[Route]:
    """A router's part of the way of each sample of a batch."""
    gates = router.weights(recorder.seen[router.call], samples)
    entering = [node for node in router.call.args if isinstance(node, fx.Node)]
    before = _sizes([recorder.seen[node] for node in entering], samples)
    after = _sizes([recorder.seen[node] for node in router.sums], samples)
    if router.weighs_results:
        # An expert's result counts as it enters the sum: one that was left out is not active, whatever it would give.
        after = after * gates[:, 0].to(after)

    inputs, outputs = _shares(before).tolist(), _shares(after).tolist()
    return [
        Route(router.name, tuple(map(tuple, gates[i].tolist())), tuple(inputs[i]), tuple(outputs[i]), router.nodes,
              router.weighs_results)
        for i in range(samples)
    ]


def mean_route(ways: Sequence[tuple[Route, ...]]) -> tuple[Route, ...]:
    """The mean of several ways through the same routers."""
    means = []
    for same in zip(*ways, strict=True):
        gates, inputs, outputs = (
            torch.tensor([getattr(route, part) for route in same], dtype=torch.float64).mean(0).tolist()
            for part in ("gates", "inputs", "outputs")
        )
        means.append(replace(same[0], gates=tuple(map(tuple, gates)), inputs=tuple(inputs), outputs=tuple(outputs)))
    return tuple(means)


def _sizes(tensors: Sequence[torch.Tensor], samples: int) -> torch.Tensor:
    """The mean absolute value of each tensor for each sample, [samples, tensors]; rows may be patches of samples."""
    # In double: a mean over a large map in half precision would overflow.
    means = [t.detach().double().abs().reshape(samples, -1).mean(1) for t in tensors]
    return torch.stack(means, 1).cpu()


def _shares(sizes: torch.Tensor) -> torch.Tensor:
    """[batch, tensors], rows summing to 1; equal shares where all are zero."""
    total = sizes.sum(1, keepdim=True)
    # `where` works out both values: the smallest positive divisor keeps the unused one finite.
    return torch.where(total > 0, sizes / total.clamp_min(1e-300), 1 / sizes.shape[1])


@torch.no_grad()
def responses(model: fx.GraphModule, data: object, *, device: str = "auto", tell: Tell | None = None) -> Responses:
    """Every gate on every sample of the test part of `data`.

    Raises `ArchError`: unsupported-module (no gates), unknown-data, bad-data.
    """
    record = record_of(model)
    known = routers(model)
    data = data_of(model, data)
    fit = fit_of(record.network.graph, record.mean, record.std, record.image)

    values: list[torch.Tensor] = []
    relevance: list[torch.Tensor] = []
    labels: list[torch.Tensor] = []
    # With all rows for every expert, gates behind sparse ones answer every sample too.
    with placed(model, device) as (target, kind), all_rows(model):
        for rows in in_order(len(data.test), BATCH):
            samples, label = data.test.batch(rows)
            recorder = ValueRecorder(model, [router.call for router in known])
            recorder.run(fit(samples.to(target)).to(kind))

            given = [(router, recorder.seen[router.call]) for router in known]
            values.append(torch.cat([router.weights(v, len(rows)).flatten(1) for router, v in given], 1).cpu())
            relevance.append(torch.cat([router.relevance(v, len(rows)).flatten(1) for router, v in given], 1).cpu())
            labels.append(label)
            if tell is not None:
                tell(rows.stop, len(data.test))

    names = tuple(gate for router in known for gate in router.gates)
    # A model names the classes that it was trained on; the data at hand may be another.
    classes = record.labels or data.classes
    return Responses(names, torch.cat(values), torch.cat(labels), data.test, classes, torch.cat(relevance))
