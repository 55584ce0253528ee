"""Studies of a network whose branches follow codes: single classes, early decoding, branches removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.emit import observing
from archlang.graph.coded import CodedBlock, coded_blocks, within
from archlang.graph.removal import At, with_mask
from archlang.rewrite.extract import extract
from archlang.train.data.splits import Split
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import BATCH, data_of, in_order, losses_of, record_of
from archlang.train.losses.coded import table_of
from archlang.train.losses.objective import hits, scores_port, values_of


@dataclass(frozen=True)
class Judged:
    """A network of a few classes on data: the threshold of its largest score, set on the training part; the rest on the
    test part.
    """

    threshold: float
    precision: float
    recall: float
    samples: int


@dataclass(frozen=True)
class Decoded:
    """A block on the test part of data: the share of samples whose energies are nearest to their class's word, and the
    mean energies [classes, branches], each class's own.
    """

    block: str
    code: str
    accuracy: float
    energies: tuple[tuple[float, ...], ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Removed:
    """A block with k branches of each sample at zero, drawn by a seed: the accuracy that is left.

    `at` says whether they were taken out before or after energies were normalised.
    """

    block: str
    what: str
    count: int
    accuracy: float
    at: At = "after"


def class_numbers(model: fx.GraphModule, names: Sequence[str]) -> tuple[int, ...]:
    """Classes by name, or by number from 0. Raises ArchError (unknown-name)."""
    record = record_of(model)
    sites = list(record.network.graph.coded.values())
    if not sites:
        raise ArchError(error("pass-does-not-apply", "this network has no branches of a code"))
    count = sites[0].code.classes
    labels = record.labels or sites[0].code.names or tuple(map(str, range(count)))
    found = []
    for name in names:
        if name in labels:
            found.append(labels.index(name))
        elif name.isascii() and name.isdigit() and int(name) < count:
            found.append(int(name))
        else:
            help = (*did_you_mean(name, labels), f"there are {count} classes, also by number from 0 to {count - 1}")
            raise ArchError(error("unknown-name", f"no class is called `{one_line(name, 80)}`", help=help))
    return tuple(sorted(set(found)))


def judge(model: fx.GraphModule, classes: Sequence[int], data: object) -> Judged:
    """An extracted network as a detector of its classes. The threshold is the one with the largest F1 in training."""
    found, record = data_of(model, data), record_of(model)
    scores, wanted = _scores(model, record, found.train, classes)
    threshold = best_threshold(scores, wanted)
    scores, wanted = _scores(model, record, found.test, classes)
    told = scores >= threshold
    right = int((told & wanted).sum())
    precision, recall = right / max(int(told.sum()), 1), right / max(int(wanted.sum()), 1)
    return Judged(threshold, precision, recall, len(scores))


def best_threshold(scores: torch.Tensor, wanted: torch.Tensor) -> float:
    """The score from which on samples are told to be wanted, with the largest F1; the lowest of equals.

    >>> best_threshold(torch.tensor([0.1, 0.9, 0.8]), torch.tensor([False, True, True]))
    0.45
    """
    order = scores.double().sort(descending=True)
    right = wanted[order.indices].double().cumsum(0)
    told = torch.arange(1, len(scores) + 1, dtype=torch.float64)
    f1 = 2 * right / (told + wanted.sum())
    best = int(f1.argmax())
    here = float(order.values[best])
    below = float(order.values[best + 1]) if best + 1 < len(scores) else here
    return round((here + below) / 2, 6)


def decode(model: fx.GraphModule, data: object) -> tuple[Decoded, ...]:
    """Early decoding from every coded block, on the test part of data (Coded ResNeXt, early decoding)."""
    record = _whole(model)
    graph, blocks = record.network.graph, _blocks(record.network.graph)
    seen = observing(model, graph, [block.energies for block in blocks]).eval()
    energies: list[list[torch.Tensor]] = [[] for _ in blocks]
    labels = []
    for inputs, label in _batches(model, record, data_of(model, data).test):
        for into, value in zip(energies, seen(inputs)[1], strict=True):
            into.append(value.double().cpu())
        labels.append(label)
    return tuple(_decoded(b, torch.cat(e), torch.cat(labels)) for b, e in zip(blocks, energies, strict=True))


def nearest(energies: torch.Tensor, words: tuple[str, ...]) -> torch.Tensor:
    """The class whose word is nearest to energies [batch, branches], each times its share of ones: [batch].

    >>> nearest(torch.tensor([[2.0, 0.1]]), ("01", "10"))
    tensor([1])
    """
    table = table_of(words).to(energies)
    share = table.mean(1)[None, :, None]
    return (share * energies[:, None] - table).square().sum(2).argmin(1)


def _decoded(block: CodedBlock, energies: torch.Tensor, label: torch.Tensor) -> Decoded:
    code = block.coded.code
    accuracy = float((nearest(energies, code.words) == label).double().mean())
    means = [energies[label == c].mean(0) if bool((label == c).any()) else energies[:0].sum(0)
             for c in range(code.classes)]
    rows = tuple(tuple(round(v, 6) for v in row.tolist()) for row in means)
    return Decoded(block.name, code.name, accuracy, rows, code.words)


def ablate(
    model: fx.GraphModule, data: object, *, block: str | None = None, most: int | None = None,
    what: Sequence[str] = ("active", "inactive"), seed: int = 0, at: At = "after",
) -> tuple[Removed, ...]:
    """Accuracy on the test part of data with 0, 1, ... `most` branches of a block at zero, drawn for each sample among
    those that work for its class (`active`) or do not (`inactive`). Without `block`, of every block in turn.

    Branches go `after` energies were normalised, so that those that are left keep theirs, or `before` that, as in the
    authors' code: those that are left are normalised by themselves, with a mean over all branches.
    """
    record = _whole(model)
    split, found = data_of(model, data).test, []
    for one in _chosen(_blocks(record.network.graph), block):
        masked = observing(model, with_mask(record.network.graph, one, at), ()).eval()
        active = min(word.count("1") for word in one.coded.code.words)
        for kind in what:
            top = active if kind == "active" else one.coded.code.branches - active
            for count in range(min(top, most if most is not None else top) + 1):
                accuracy = _masked(model, masked, record, split, one, kind == "active", count, seed)
                found.append(Removed(one.name, kind, count, accuracy, at))
    return tuple(found)


def _masked(model: fx.GraphModule, masked: fx.GraphModule, record: Any, split: Split, block: CodedBlock, active: bool,
            count: int, seed: int) -> float:
    graph = record.network.graph
    port, right, samples = scores_port(graph, losses_of(graph)), 0, 0
    table, chance = table_of(block.coded.code.words), torch.Generator().manual_seed(seed)
    for inputs, label in _batches(model, record, split):
        rows = table[label]
        able = rows if active else 1 - rows
        order = torch.rand(able.shape, generator=chance, dtype=torch.float64) - 2 * able
        mask = torch.ones_like(able).scatter_(1, order.argsort(1)[:, :count], 0.0)
        result = masked(inputs, mask.to(inputs))
        found = hits(values_of(graph, result, label)[port].cpu(), label)
        right, samples = right + (0 if found is None else int(found.sum())), samples + len(label)
    return right / samples


def _chosen(blocks: tuple[CodedBlock, ...], name: str | None) -> tuple[CodedBlock, ...]:
    found = tuple(b for b in blocks if name is None or name == b.name or within(name, b.coded.region))
    if found:
        return found
    known = [b.name for b in blocks]
    help = (*did_you_mean(name or "", known), f"there are: {', '.join(known)}")
    raise ArchError(error("unknown-name", f"no coded block is called `{one_line(name or '', 80)}`", help=help))


def _blocks(graph: Any) -> tuple[CodedBlock, ...]:
    blocks = coded_blocks(graph)
    if not blocks:
        raise ArchError(error("pass-does-not-apply", "this network has no block of coded branches"))
    return blocks


def _whole(model: fx.GraphModule) -> Any:
    record = record_of(model)
    if record.passes:
        message = "this looks into a model as it was trained, not into a rewritten one"
        raise ArchError(error("pass-does-not-apply", message))
    return record


@torch.no_grad()
def _scores(
    model: fx.GraphModule, record: Any, split: Split, classes: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest score of each sample, and whether it is of one of the classes."""
    scores, labels = [], []
    for inputs, label in _batches(model, record, split):
        result = model(inputs)
        scores.append((next(iter(result.values())) if isinstance(result, dict) else result).amax(1).cpu())
        labels.append(label)
    return torch.cat(scores), torch.isin(torch.cat(labels), torch.tensor(list(classes)))


def _batches(model: fx.GraphModule, record: Any, split: Split) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Samples as the model wants them, and their labels."""
    kept = next(iter(model.parameters()), torch.zeros(()))
    fit = fit_of(record.network.graph, record.mean, record.std, record.image)
    model.eval()
    for rows in in_order(len(split), BATCH):
        samples, label = split.batch(rows)
        with torch.no_grad():
            yield fit(samples.to(kept.device)).to(kept.dtype), label.cpu()


__all__ = ["Decoded", "Judged", "Removed", "ablate", "class_numbers", "decode", "extract", "judge", "nearest"]
