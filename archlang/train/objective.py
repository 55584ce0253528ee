"""What a training minimises: a weighted sum of losses, each read from outputs of the network and from the labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch.nn import functional

from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph, Loss, Port
from archlang.layers import coding_loss
from archlang.train.problems import bad_data

Values = Mapping[Port | str, torch.Tensor]
Formula = Callable[[Sequence[torch.Tensor], Mapping[str, Any]], torch.Tensor]
LABEL = "label"


def cross_entropy(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Mean of `-log softmax(logits)[label]`; logits [batch, classes], labels [batch] as numbers or [batch, classes]."""
    logits, label = reads
    if not label.is_floating_point():
        _in_range(label, logits.shape[1])
    return functional.cross_entropy(logits, label, label_smoothing=float(args.get("label_smoothing") or 0.0))


def mse(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Mean of squared differences; class numbers are compared as one-hot rows where the output has several numbers."""
    value, target = reads
    return functional.mse_loss(value, _as_target(value, target))


def bce(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Mean binary cross-entropy of logits, after a sigmoid, with targets from 0 to 1 or class numbers."""
    logits, target = reads
    return functional.binary_cross_entropy_with_logits(logits, _as_target(logits, target))


def kl(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Mean over the batch of `KL(p || q)`: q of logits, p of a target [batch, classes]; no gradient through p."""
    q, p = reads
    log_p, log_q = functional.log_softmax(p.detach(), 1), functional.log_softmax(q, 1)
    return functional.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


def coding(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The coding loss of every site, summed: the label, then energies [batch, branches] of each (Coded ResNeXt)."""
    label, *energies = reads
    tables = [table_of(words).to(e) for words, e in zip(args["words"], energies, strict=True)]
    _in_range(label, len(tables[0]))
    rows = [coding_loss(e, table[label], args["power"]) for e, table in zip(energies, tables, strict=True)]
    return torch.stack(rows).sum()


@lru_cache(maxsize=64)
def table_of(words: tuple[str, ...]) -> torch.Tensor:
    """Words as a table [classes, branches] of zeros and ones."""
    return torch.tensor([[int(sign) for sign in word] for word in words], dtype=torch.float64)


FORMULAS: Mapping[str, Formula] = {"cross_entropy": cross_entropy, "mse": mse, "bce": bce, "kl": kl}
STRUCTURAL: Mapping[str, Formula] = {"coding_loss": coding}
"""Losses over sites of the network: they read what `Loss.reads` says, then a tensor of each site."""


@dataclass(frozen=True)
class Term:
    """One loss of a sum: the name it is reported under, its weight, how it is calculated, what it reads."""

    name: str
    weight: float
    formula: Formula
    args: Mapping[str, Any]
    reads: tuple[Port | str, ...]


@dataclass(frozen=True)
class Objective:
    """A weighted sum of losses."""

    terms: tuple[Term, ...]

    def __call__(self, values: Values) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The sum, a scalar, and every loss by name, unweighted. They are calculated in float32 or wider."""
        parts: dict[str, torch.Tensor] = {}
        total: torch.Tensor | None = None
        for term in self.terms:
            parts[term.name] = term.formula([_wide(values[read]) for read in term.reads], term.args)
            weighted = term.weight * parts[term.name]
            total = weighted if total is None else total + weighted
        if total is None:
            raise ValueError("an objective needs a term")
        return total, parts


def objective(losses: Sequence[Loss], graph: Graph) -> Objective:
    """The objective that a `train` or a step of it declares.

    Raises `ArchError`: not-available for a loss that this version has no formula for, or that reads a tensor inside.
    """
    names: list[str] = []
    terms, problems = [], []
    for loss in losses:
        formula = (STRUCTURAL if loss.sites else FORMULAS).get(loss.option.name)
        if formula is None:
            said = f"the loss `{loss.option.name}` is not part of this version"
            problems.append(error("not-available", said, loss.span))
        elif any(isinstance(read, Port) and not graph.is_output(read) for read in loss.reads):
            problems.append(error(
                "not-available", "a loss reads outputs of the network; this one reads something inside", loss.span,
                help="hand it out too: `output aux = ...`",
            ))
        else:
            count = names.count(loss.option.name) + 1
            names.append(loss.option.name)
            name = loss.option.name if count == 1 else f"{loss.option.name}_{count}"
            reads = (*loss.reads, *(site.port for site in loss.sites))
            words = {"words": [site.code.words for site in loss.sites if site.code is not None]} if loss.sites else {}
            terms.append(Term(name, loss.weight, formula, {**loss.option.args, **words}, reads))
    if problems:
        raise ArchError(problems)
    return Objective(tuple(terms))


def site_ports(losses: Sequence[Loss]) -> tuple[Port, ...]:
    """What structural losses read inside the network."""
    return tuple(dict.fromkeys(site.port for loss in losses for site in loss.sites))


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


def main_output(graph: Graph) -> Port:
    """The network's main output: the one without a name, else the first."""
    return next((output.port for output in graph.outputs if output.name is None), graph.outputs[0].port)


def hits(scores: torch.Tensor, label: torch.Tensor) -> torch.Tensor | None:
    """Whether each sample's largest score is at its label, [batch]; None where that makes no sense."""
    if scores.ndim != 2 or label.ndim != 1 or label.is_floating_point() or scores.shape[1] < 2:
        return None
    return scores.argmax(1) == label


def _wide(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value


def _in_range(label: torch.Tensor, classes: int) -> None:
    low, high = int(label.min()), int(label.max())
    if low < 0 or high >= classes:
        raise bad_data(
            f"the data has the label {low if low < 0 else high}, the network knows 0 to {classes - 1}",
            help="set the network's dial for the number of classes, or check the labels",
        )


def _as_target(value: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    if value.ndim == 2 and target.ndim == 1 and not target.is_floating_point() and value.shape[1] > 1:
        _in_range(target, value.shape[1])
        return functional.one_hot(target, value.shape[1]).to(value.dtype)
    if value.numel() != target.numel():
        given, wanted = list(value.shape[1:]), list(target.shape[1:])
        raise bad_data(f"the network gives {given} for a sample, the data's label is {wanted}")
    return target.to(value.dtype).view_as(value)
