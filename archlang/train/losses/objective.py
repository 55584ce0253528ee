"""What a training minimises: a weighted sum of losses, each read from tensors of the network and from the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph, Port
from archlang.graph.plan import Loss
from archlang.train.data.labels import ClassScores
from archlang.train.losses import catalogue as tables
from archlang.train.losses.catalogue import Formula, ViewPair, views_of
from archlang.train.processes.world import World

Values = Mapping[Port | str, torch.Tensor]
LABEL = "label"


@dataclass(frozen=True)
class LossTerm:
    """One loss of a sum: the name it is reported under, its weight, how it is calculated, what it reads.

    `views` says which two views it reads, if it reads two; `metrics` are reported beside it.
    """

    name: str
    weight: float
    formula: Formula | nn.Module
    args: Mapping[str, Any]
    reads: tuple[Port | str, ...]
    views: ViewPair | None = None
    metrics: Mapping[str, Formula] = field(default_factory=dict)

    def tensors(self, values: Values, second: Values | None) -> list[torch.Tensor]:
        """What it reads, in float32 or wider; of a second view everything but the label."""
        found = [_wide(values[read]) for read in self.reads]
        if self.views is not None and second is not None:
            found += [_wide(second[read]) for read in self.reads if isinstance(read, Port)]
        return found

    def value(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        """The loss, unweighted."""
        if isinstance(self.formula, nn.Module):
            found: torch.Tensor = self.formula(tensors)
            return found
        return self.formula(tensors, self.args)


@dataclass(frozen=True)
class Objective:
    """A weighted sum of losses. `state` holds what stateful losses remember, by their reported names."""

    terms: tuple[LossTerm, ...]
    state: nn.ModuleDict = field(default_factory=nn.ModuleDict)

    @property
    def views(self) -> ViewPair | None:
        """Which two views of the samples it reads; None for one."""
        return next((term.views for term in self.terms if term.views is not None), None)

    def whole(self, values: Values, scores: Port, world: World) -> Values:
        """Of what each process has of a batch, the whole: what the losses read, the scores, the labels.

        The labels are those of the whole batch already.
        """
        if world.size == 1:
            return values
        read = dict.fromkeys([scores, LABEL, *(read for term in self.terms for read in term.reads)])
        count = len(values[LABEL])
        return {key: values[key] if key == LABEL else world.whole(values[key], count) for key in read}

    @property
    def supervised(self) -> bool:
        """Whether it reads labels: only then are hits a figure of what it trains."""
        return any(LABEL in term.reads for term in self.terms)

    def __call__(self, values: Values, second: Values | None = None) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The sum, a scalar, and every loss and metric by name, unweighted. They are calculated in float32 or wider."""
        parts: dict[str, torch.Tensor] = {}
        total: torch.Tensor | None = None
        for term in self.terms:
            tensors = term.tensors(values, second)
            parts[term.name] = term.value(tensors)
            weighted = term.weight * parts[term.name]
            total = weighted if total is None else total + weighted
            with torch.no_grad():
                parts |= {name: formula(tensors, term.args) for name, formula in term.metrics.items()}
        if total is None:
            raise ValueError("an objective needs a term")
        return total, parts


def objective(losses: Sequence[Loss], graph: Graph) -> Objective:
    """The objective that a `train` or a step of it declares.

    Raises `ArchError`: not-available for a loss that this version has no formula for, bad-phase where losses of one sum
    read different views of the samples.
    """
    terms: list[LossTerm] = []
    problems = []
    for number, loss in enumerate(losses):
        earlier = sum(other.option.name == loss.option.name for other in losses[:number])
        term = _term(loss, graph, f"_{earlier + 1}" if earlier else "")
        if term is None:
            said = f"the loss `{loss.option.name}` is not part of this version"
            problems.append(error("not-available", said, loss.span))
        else:
            terms.append(term)
    if len({term.views for term in terms if term.views is not None}) > 1:
        said = "losses that read different views of the samples stand in one sum"
        problems.append(error("bad-phase", said, losses[0].span, help="give each its own `step`"))
    if problems:
        raise ArchError(problems)
    state = {term.name: term.formula for term in terms if isinstance(term.formula, nn.Module)}
    return Objective(tuple(terms), nn.ModuleDict(state))


def _term(loss: Loss, graph: Graph, mark: str) -> LossTerm | None:
    kind = loss.option.name
    reads = (*loss.reads, *(site.port for site in loss.sites))
    args = {**loss.option.args, "sites": loss.sites}
    formula: Formula | nn.Module | None = (tables.STRUCTURAL if loss.sites else tables.FORMULAS).get(kind)
    if kind in tables.STATEFUL:
        formula = tables.STATEFUL[kind](args, [_sizes(graph, read) for read in reads])
    if formula is None:
        return None
    metrics = {f"{name}{mark}": metric for name, metric in tables.METRICS.get(kind, {}).items()}
    return LossTerm(f"{kind}{mark}", loss.weight, formula, args, reads, views_of(loss), metrics)


def _sizes(graph: Graph, read: Port | str) -> tuple[int, ...]:
    dims = graph.type(read).dims if isinstance(read, Port) else ()
    return tuple(size if isinstance(size, int) else 0 for size in dims)


def inner_ports(losses: Sequence[Loss], graph: Graph) -> tuple[Port, ...]:
    """What losses read inside the network, beside its outputs."""
    return tuple(dict.fromkeys(port for loss in losses for port in loss.ports if not graph.is_output(port)))


def values_of(
    graph: Graph, result: Any, label: torch.Tensor, ports: Sequence[Port] = ()
) -> dict[Port | str, torch.Tensor]:
    """What losses may read: the network's outputs by their ports, the labels as `label`, and the values of `ports`.

    With `ports`, the result is that of a model which hands them out beside its outputs (`emit.observing`).
    """
    inner: Sequence[torch.Tensor] = ()
    if ports:
        result, inner = result
    tensors = list(result.values()) if isinstance(result, dict) else [result]
    found: dict[Port | str, torch.Tensor] = {LABEL: label}
    for output, tensor in zip(graph.outputs, tensors, strict=True):
        found[output.port] = tensor
    return found | dict(zip(ports, inner, strict=True))


def scores_port(graph: Graph, losses: Sequence[Loss]) -> Port:
    """The output whose largest number is the class: what the first loss with labels reads, else the main one."""
    for loss in losses:
        found = [read for read in loss.reads if isinstance(read, Port)]
        if LABEL in loss.reads and found and graph.is_output(found[0]):
            return found[0]
    return main_output(graph)


def class_scores(graph: Graph, losses: Sequence[Loss]) -> ClassScores | None:
    """The output whose loss compares it with class numbers; None where no loss does."""
    for loss in losses:
        ports = [read for read in loss.reads if isinstance(read, Port)]
        if loss.option.name == "cross_entropy" and LABEL in loss.reads and ports:
            dims = graph.type(ports[0]).dims
            classes = dims[0] if len(dims) != 2 else dims[-1]
            return ClassScores(classes if isinstance(classes, int) else None, len(dims) + 1)
    return None


def main_output(graph: Graph) -> Port:
    """The network's main output: the one without a name, else the first."""
    return next((output.port for output in graph.outputs if output.name is None), graph.outputs[0].port)


def hits(scores: torch.Tensor, label: torch.Tensor) -> torch.Tensor | None:
    """Whether each sample's largest score is at its label, [batch]; None where that makes no sense."""
    if scores.ndim != 2 or label.ndim != 1 or label.is_floating_point() or scores.shape[1] < 2:
        return None
    return scores.argmax(1) == label


def labelled(label: torch.Tensor) -> bool:
    """Whether samples have labels; -1 stands for none."""
    return label.is_floating_point() or label.numel() == 0 or bool((label >= 0).any())


def _wide(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
