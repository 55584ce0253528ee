"""How gates answer inputs: routes of given images, a gate's range, its strongest and weakest inputs, and by class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import fx

from archlang.studies.inside import Watch, placed, routers
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
    `nodes` are the places of its sums in the network's graph.
    """

    router: str
    gates: tuple[tuple[float, ...], ...]
    inputs: tuple[float, ...]
    outputs: tuple[float, ...]
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Responses:
    """Every gate on the test part of data: names, values [samples, gates], labels [samples], and the split itself."""

    gates: tuple[str, ...]
    values: torch.Tensor
    labels: torch.Tensor
    split: Split
    classes: tuple[str, ...] | None

    def range_of(self, gate: int) -> Range:
        """How far one gate's values reach (Tissera 2023, figure 5.1)."""
        return range_of(self.gates[gate], self.values[:, gate])

    def extremes(self, gate: int, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The samples that answer strongest and weakest, the most extreme first; equal ones in the data's order."""
        order = self.values[:, gate].argsort(descending=True, stable=True).tolist()
        back = self.values[:, gate].argsort(stable=True).tolist()
        return tuple(order[:count]), tuple(back[:count])

    def by_class(self, gate: int) -> tuple[tuple[str, Range], ...]:
        """The range of a gate over each class (Tissera 2023, section 3.5.3); classes without samples are left out."""
        if self.labels.ndim != 1 or self.labels.is_floating_point():
            raise bad_data("the data has no classes", help="gates by class need whole numbers as labels")
        found = []
        for number in sorted(set(self.labels.tolist())):
            names = self.classes
            name = names[number] if names and 0 <= number < len(names) else str(number)
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
    counts = torch.bincount((x * BINS).long().clamp(0, BINS - 1), minlength=BINS)
    return Range(name, len(x), float(x.mean()), float(x.std(correction=0)), float(x.min()), float(x.median()),
                 float(x.max()), float((x > 0.5).double().mean()), tuple(counts.tolist()))


@torch.no_grad()
def routes(model: fx.GraphModule, samples: torch.Tensor, *, device: str = "auto") -> list[tuple[Route, ...]]:
    """For each sample [count, ...] its way through all routers. Raises `ArchError` (unsupported-module, bad-data)."""
    record = record_of(model)
    found = routers(model)
    fit = fit_of(record.network.graph, record.mean, record.std, record.image)
    ways: list[tuple[Route, ...]] = []
    with placed(model, device) as (target, kind):
        wanted = [n for r in found for n in (r.call, *r.call.all_input_nodes, *r.sums)]
        for rows in in_order(len(samples), BATCH):
            watch = Watch(model, wanted)
            watch.run(fit(samples[rows.start : rows.stop].to(target)).to(kind))
            parts = [
                (r.name, watch.seen[r.call].double().cpu(), _shares([watch.seen[n] for n in _entering(r.call)]),
                 _shares([watch.seen[n] for n in r.sums]), r.nodes) for r in found
            ]
            ways += [
                tuple(Route(name, tuple(map(tuple, gates[i].tolist())), tuple(before[i].tolist()),
                            tuple(after[i].tolist()), nodes) for name, gates, before, after, nodes in parts)
                for i in range(len(rows))
            ]
    return ways


def mean_route(ways: Sequence[tuple[Route, ...]]) -> tuple[Route, ...]:
    """The mean of several ways through the same routers."""
    made = []
    for same in zip(*ways, strict=True):
        parts = [torch.tensor([getattr(r, part) for r in same], dtype=torch.float64).mean(0).tolist()
                 for part in ("gates", "inputs", "outputs")]
        made.append(Route(same[0].router, tuple(map(tuple, parts[0])), tuple(parts[1]), tuple(parts[2]), same[0].nodes))
    return tuple(made)


def _entering(call: fx.Node) -> list[fx.Node]:
    return [n for n in call.args if isinstance(n, fx.Node)]


def _shares(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """[batch, tensors], rows summing to 1; equal shares where all are zero."""
    sizes = torch.stack([t.detach().double().abs().flatten(1).mean(1) for t in tensors], 1).cpu()
    whole = sizes.sum(1, keepdim=True)
    return torch.where(whole > 0, sizes / whole.clamp_min(1e-300), 1 / sizes.shape[1])


@torch.no_grad()
def responses(model: fx.GraphModule, data: object, *, device: str = "auto", tell: Tell | None = None) -> Responses:
    """Every gate on every sample of the test part of `data`.

    Raises `ArchError`: unsupported-module (no gates), unknown-data, bad-data.
    """
    record = record_of(model)
    found = routers(model)
    data = data_of(model, data)
    fit = fit_of(record.network.graph, record.mean, record.std, record.image)
    values, labels = [], []
    with placed(model, device) as (target, kind):
        for rows in in_order(len(data.test), BATCH):
            samples, label = data.test.batch(rows)
            watch = Watch(model, [r.call for r in found])
            watch.run(fit(samples.to(target)).to(kind))
            values.append(torch.cat([watch.seen[r.call].double().flatten(1) for r in found], 1).cpu())
            labels.append(label)
            if tell is not None:
                tell(rows.stop, len(data.test))
    names = tuple(gate for r in found for gate in r.gates)
    return Responses(names, torch.cat(values), torch.cat(labels), data.test, record.labels or data.classes)
