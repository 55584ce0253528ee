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
from archlang.graph.scores import main_output, scores_port
from archlang.rewrite.extract import extract
from archlang.train.data.splits import Split
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import BATCH, data_of, in_order, losses_of, record_of
from archlang.train.losses.coded import table_of
from archlang.train.losses.objective import hits, tensors_of, values_of
from archlang.train.processes.devices import evaluating


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
    numbers = []
    for name in names:
        # A label that looks like a number is a label first: classes `7` and `3` of digits may stand in any order.
        if name in labels:
            numbers.append(labels.index(name))
        # `isdigit` alone is true of superscripts too, which `int` refuses.
        elif name.isascii() and name.isdigit() and int(name) < count:
            numbers.append(int(name))
        else:
            help = (*did_you_mean(name, labels), f"there are {count} classes, also by number from 0 to {count - 1}")
            raise ArchError(error("unknown-name", f"no class is called `{one_line(name, 80)}`", help=help))

    return tuple(sorted(set(numbers)))


def judge(model: fx.GraphModule, classes: Sequence[int], data: object) -> Judged:
    """An extracted network as a detector of its classes. The threshold is the one with the largest F1 in training."""
    known, record = data_of(model, data), record_of(model)
    scores, wanted = _scores(model, record, known.train, classes)
    threshold = best_threshold(scores, wanted)

    # The threshold was chosen on the training part, so only samples that it never saw may judge it.
    scores, wanted = _scores(model, record, known.test, classes)
    told = scores >= threshold
    right = int((told & wanted).sum())
    # Where nothing was told, or nothing is there to be told, the share is 0 rather than undefined.
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
    # F1 = 2 TP / (TP + FP + TP + FN): those told, and those wanted.
    f1 = 2 * right / (told + wanted.sum())
    best = int(f1.argmax())

    # Half way to the next score below: samples of another part fall between the two on either side.
    here = below = float(order.values[best])
    if best + 1 < len(scores):
        below = float(order.values[best + 1])
    return round((here + below) / 2, 6)


def decode(model: fx.GraphModule, data: object) -> tuple[Decoded, ...]:
    """Early decoding from every coded block, on the test part of data (Coded ResNeXt, early decoding)."""
    record = _whole(model)
    graph, blocks = record.network.graph, _blocks(record.network.graph)
    energies: list[list[torch.Tensor]] = [[] for _ in blocks]
    labels = []
    with evaluating(model):
        seen = observing(model, graph, [block.energies for block in blocks])
        for inputs, label in _batches(model, record, data_of(model, data).test):
            for into, value in zip(energies, seen(inputs)[1], strict=True):
                into.append(value.double().cpu())
            labels.append(label)

    label = torch.cat(labels)
    return tuple(_decoded(b, torch.cat(rows), label) for b, rows in zip(blocks, energies, strict=True))


def nearest(energies: torch.Tensor, words: tuple[str, ...]) -> torch.Tensor:
    """The class whose word is nearest to energies [batch, branches], each times its share of ones: [batch].

    >>> nearest(torch.tensor([[2.0, 0.1]]), ("01", "10"))
    tensor([1])
    """
    # Normalised energies have a mean of 1 over the branches; times a word's share of ones they sum to its number of
    # ones, as the word itself does.
    table = table_of(words).to(energies)
    share = table.mean(1)[None, :, None]
    return (share * energies[:, None] - table).square().sum(2).argmin(1)


def _decoded(block: CodedBlock, energies: torch.Tensor, label: torch.Tensor) -> Decoded:
    code = block.coded.code
    accuracy = float((nearest(energies, code.words) == label).double().mean())

    means = []
    for number in range(code.classes):
        of_class = energies[label == number]
        # The mean of no sample is not a number; a class that the test part lacks has energies of 0.
        if len(of_class):
            means.append(of_class.mean(0))
        else:
            means.append(energies.new_zeros(energies.shape[1]))

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
    split, removed = data_of(model, data).test, []
    for one in _chosen(_blocks(record.network.graph), block):
        # Words may differ in their number of ones: no sample can lose more active branches than the lightest has.
        active = min(word.count("1") for word in one.coded.code.words)

        for kind in what:
            limit = active
            if kind != "active":
                limit = one.coded.code.branches - active
            if most is not None:
                limit = min(limit, most)
            with evaluating(model):
                masked = observing(model, with_mask(record.network.graph, one, at), ())
                for count in range(limit + 1):
                    accuracy = _masked(model, masked, record, split, one, kind == "active", count, seed)
                    removed.append(Removed(one.name, kind, count, accuracy, at))

    return tuple(removed)


def _masked(model: fx.GraphModule, masked: fx.GraphModule, record: Any, split: Split, block: CodedBlock, active: bool,
            count: int, seed: int) -> float:
    graph = record.network.graph
    port = scores_port(graph, losses_of(graph))
    # The same seed for every count: the branches removed at k are among those removed at k + 1.
    table, chance = table_of(block.coded.code.words), torch.Generator().manual_seed(seed)

    right = samples = 0
    for inputs, label in _batches(model, record, split):
        rows = table[label]
        able = rows if active else 1 - rows
        # Draws lie below 1, so taking 2 off puts every branch that may go before all that may not.
        order = torch.rand(able.shape, generator=chance, dtype=torch.float64) - 2 * able
        mask = torch.ones_like(able).scatter_(1, order.argsort(1)[:, :count], 0.0)

        result = masked(inputs, mask.to(inputs))
        correct = hits(values_of(graph, result, label)[port].cpu(), label)
        if correct is not None:
            right += int(correct.sum())
        samples += len(label)

    return right / samples


def _chosen(blocks: tuple[CodedBlock, ...], name: str | None) -> tuple[CodedBlock, ...]:
    chosen = tuple(b for b in blocks if name is None or name == b.name or within(name, b.coded.region))
    if chosen:
        return chosen

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
    # A pass may have fused the branches into one operation, or taken out the energies that are read here.
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
    # The first output holds the scores, unless that is a bundle.
    main_output(record.network.graph)
    with evaluating(model):
        for inputs, label in _batches(model, record, split):
            scores.append(tensors_of(model(inputs))[0].amax(1).cpu())
            labels.append(label)
    return torch.cat(scores), torch.isin(torch.cat(labels), torch.tensor(list(classes)))


def _batches(model: fx.GraphModule, record: Any, split: Split) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Samples as the model wants them, and their labels. The model is in evaluation mode already."""
    kept = next(iter(model.parameters()), torch.zeros(()))
    fit = fit_of(record.network.graph, record.mean, record.std, record.image)

    for rows in in_order(len(split), BATCH):
        samples, label = split.batch(rows)
        with torch.no_grad():
            yield fit(samples.to(kept.device)).to(kept.dtype), label.cpu()


__all__ = ["Decoded", "Judged", "Removed", "ablate", "class_numbers", "decode", "extract", "judge", "nearest"]
