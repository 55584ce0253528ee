"""The objective of a training: a weighted sum of losses, each read from tensors of the network and from the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph, Port
from archlang.graph.plan import Loss
from archlang.graph.scores import LABEL, class_axis
from archlang.graph.views import views_of
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import LossFacts, ViewPair
from archlang.train.data.label_place import LabelPlace
from archlang.train.data.label_tables import labels_of_rows
from archlang.train.losses import catalogue
from archlang.train.losses.catalogue import Formula
from archlang.train.losses.targets import check_numbers
from archlang.train.processes.world import World

Values = Mapping[Port | str, torch.Tensor]


@dataclass(frozen=True)
class LossTerm:
    """One loss of a sum.

    name      what it is reported under
    weight    its factor in the sum
    formula   a function of tensors and arguments, or a module that holds running state
    args      the arguments of the formula
    reads     the tensors of the network that it reads, and `label`
    views     the two views that it reads, if it reads two
    metrics   figures that are reported beside it
    counted   the divisor of its mean, where it may leave places out; None for a mean over samples
    """

    name: str
    weight: float
    formula: Formula | nn.Module
    args: Mapping[str, Any]
    reads: tuple[Port | str, ...]
    views: ViewPair | None = None
    metrics: Mapping[str, Formula] = field(default_factory=dict)
    counted: Formula | None = None

    def tensors(self, values: Values, second: Values | None) -> list[torch.Tensor]:
        """The tensors that it reads, in float32 or wider; of a second view everything but the label."""
        tensors = [_widened(values[read]) for read in self.reads]
        if self.views is not None and second is not None:
            tensors += [_widened(second[read]) for read in self.reads if isinstance(read, Port)]
        return tensors

    def value(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        """The loss, unweighted."""
        if isinstance(self.formula, nn.Module):
            value: torch.Tensor = self.formula(tensors)
            return value
        return self.formula(tensors, self.args)


@dataclass(frozen=True)
class Objective:
    """A weighted sum of losses. `state` holds what stateful losses remember, by their reported names."""

    terms: tuple[LossTerm, ...]
    state: nn.ModuleDict = field(default_factory=nn.ModuleDict)

    @property
    def views(self) -> ViewPair | None:
        """The two views of the samples that it reads; None for one."""
        return next((term.views for term in self.terms if term.views is not None), None)

    @property
    def supervised(self) -> bool:
        """Tell whether it reads labels: only then are hits a figure of what it trains."""
        return any(isinstance(read, str) for term in self.terms for read in term.reads)

    def counted(self, values: Values) -> dict[str, float]:
        """The divisor of the mean of each loss that leaves places out, by its name; none for the others."""
        with torch.no_grad():
            return {term.name: float(term.counted(term.tensors(values, None), term.args))
                    for term in self.terms if term.counted is not None}

    def gathered(self, values: Values, scores: Port, world: World) -> Values:
        """The tensors that losses read, the scores and the labels, of the batch as a whole: every process has a share.

        The labels are those of the whole batch already.
        """
        if world.size == 1:
            return values

        # One order on all processes: each all_gather waits for its like elsewhere.
        ports = [read for term in self.terms for read in term.reads if isinstance(read, Port)]
        count = len(values[LABEL])
        gathered: dict[Port | str, torch.Tensor] = {
            port: world.all_gather(values[port], count) for port in dict.fromkeys([scores, *ports])
        }
        gathered |= {word: value for word, value in values.items() if isinstance(word, str)}
        return gathered

    def __call__(self, values: Values, second: Values | None = None) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The sum, a scalar, and every loss and metric by name, unweighted, calculated in float32 or wider.

        Raises `ArchError` (bad-data) where the labels are none that its losses can read.
        """
        # Of labels alone: NaN in a tensor of the network is a step to be skipped, not wrong data.
        if self.supervised:
            check_numbers(values[LABEL])

        parts: dict[str, torch.Tensor] = {}

        total: torch.Tensor | None = None
        for term in self.terms:
            tensors = term.tensors(values, second)
            parts[term.name] = term.value(tensors)
            weighted = parts[term.name]
            # A product with 1 would be two more kernels in every step.
            if term.weight != 1:
                weighted = term.weight * weighted
            if total is not None:
                weighted = total + weighted
            total = weighted

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
        # A second loss of one name is reported as `mse_2`.
        earlier = sum(other.option.name == loss.option.name for other in losses[:number])
        mark = f"_{earlier + 1}" if earlier else ""
        term = _term(loss, graph, mark)
        if term is None:
            message = f"the loss `{loss.option.name}` is not part of this version"
            problems.append(error("not-available", message, loss.span))
        else:
            terms.append(term)

    if len({term.views for term in terms if term.views is not None}) > 1:
        message = "losses that read different views of the samples stand in one sum"
        problems.append(error("bad-phase", message, losses[0].span, help="give each its own `step`"))
    if problems:
        raise ArchError(problems)

    state = {term.name: term.formula for term in terms if isinstance(term.formula, nn.Module)}
    return Objective(tuple(terms), nn.ModuleDict(state))


def _term(loss: Loss, graph: Graph, mark: str) -> LossTerm | None:
    """The term of a loss; `mark` tells it from earlier ones of its name. None without a formula."""
    name = loss.option.name
    reads = (*loss.reads, *(site.port for site in loss.sites))
    args = {**loss.option.args, "sites": loss.sites}
    formula = _formula(loss, graph, args, reads)
    if formula is None:
        return None

    if facts_of(loss.option, LossFacts).target is not None and isinstance(reads[0], Port):
        args["class_axis"] = class_axis(graph, reads[0])
    metrics = {f"{metric}{mark}": formula for metric, formula in catalogue.METRICS.get(name, {}).items()}
    return LossTerm(f"{name}{mark}", loss.weight, formula, args, reads, views_of(loss), metrics,
                    _counted(loss, args))


def _counted(loss: Loss, args: Mapping[str, Any]) -> Formula | None:
    """The formula of the divisor of a loss that leaves places out; None for one that counts every place alike."""
    if args.get("ignore") is None and args.get("weights") is None:
        return None
    return catalogue.COUNTED.get(loss.option.name)


def _formula(loss: Loss, graph: Graph, args: Mapping[str, Any], reads: Sequence[Port | str]
             ) -> Formula | nn.Module | None:
    """The formula of a loss, made for the sizes of what it reads where it has running state."""
    name = loss.option.name
    if name in catalogue.STATEFUL:  # over tensors and over sites alike
        return catalogue.STATEFUL[name](args, [_sizes(graph, read) for read in reads])
    if loss.sites:
        return catalogue.STRUCTURAL.get(name)
    return catalogue.FORMULAS.get(name)


def _sizes(graph: Graph, read: Port | str) -> tuple[int, ...]:
    if not isinstance(read, Port):
        return ()
    return tuple(size if isinstance(size, int) else 0 for size in graph.type(read).dims)


def inner_ports(losses: Sequence[Loss], graph: Graph) -> tuple[Port, ...]:
    """The ports that losses read inside the network, beside its outputs."""
    return tuple(dict.fromkeys(port for loss in losses for port in loss.ports if not graph.is_output(port)))


def values_of(
    graph: Graph, result: Any, label: torch.Tensor, ports: Sequence[Port] = (), places: Sequence[LabelPlace] = ()
) -> dict[Port | str, torch.Tensor]:
    """The tensors that losses may read: the network's outputs by their ports, the labels as `label`, those of `ports`.

    Of labels with names, whose `places` in the rows of `label` are told, each is there by its own word too.
    With `ports`, the result is that of a model which hands them out beside its outputs (`emit.observing`).
    """
    inner: Sequence[torch.Tensor] = ()
    if ports:
        result, inner = result
    values: dict[Port | str, torch.Tensor] = {LABEL: label}
    values.update(labels_of_rows(label, places))
    for output, tensor in zip(graph.outputs, tensors_of(result), strict=True):
        values[output.port] = tensor
    return values | dict(zip(ports, inner, strict=True))


def tensors_of(result: Any) -> list[Any]:
    """All tensors that a network gives, in the order of `graph.outputs`.

    Several outputs come as a dict by their names, the members of a bundle as a tuple. So do the nodes of an fx graph.
    """
    outputs = [result]
    if isinstance(result, dict):
        outputs = list(result.values())

    tensors: list[Any] = []
    for output in outputs:
        if isinstance(output, tuple):
            tensors.extend(output)
        else:
            tensors.append(output)
    return tensors


def hits(scores: torch.Tensor, label: torch.Tensor) -> torch.Tensor | None:
    """Tell whether each sample's largest score is at its label, [batch]; None where that makes no sense."""
    # Maps of classes, target images and single logits have no one class for each sample.
    if scores.ndim != 2 or label.ndim != 1 or label.is_floating_point() or scores.shape[1] < 2:
        return None
    return scores.argmax(1) == label


def labelled(label: torch.Tensor) -> bool:
    """Tell whether samples have labels; -1 stands for none."""
    if label.is_floating_point() or label.is_complex() or label.numel() == 0:
        return True
    return bool((label >= 0).any())


def _widened(value: torch.Tensor) -> torch.Tensor:
    if value.dtype in (torch.float16, torch.bfloat16):
        return value.float()
    return value
