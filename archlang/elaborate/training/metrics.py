"""The metrics of a `train`: whether the network's scores have them, and which of them chooses the best epoch."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import ArchError
from archlang.elaborate.context import Build
from archlang.graph.ir import Port
from archlang.graph.plan import Loss
from archlang.graph.scores import LABEL, class_axis, scores_port
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import LossFacts, MetricFacts
from archlang.ops.values import Option
from archlang.source import Span


def metrics_of(
    b: Build, metrics: Sequence[Option], best: Option | str | None, losses: Sequence[Loss], spans: dict[str, Span],
    span: Span,
) -> tuple[Option, ...]:
    """The metrics, with the one that chooses the best epoch. Raises `Poisoned` for one that the scores cannot have."""
    where = spans.get("metrics", span)
    for number, metric in enumerate(metrics):
        if metric in metrics[:number]:
            raise b.refuse("already-bound", f"the metric `{metric}` is listed twice", _place(metric, where))

    if isinstance(best, Option) and best not in metrics:
        metrics = (*metrics, best)

    # A network that hands nothing out is a mistake of its own, and has no scores to judge.
    if not metrics or not b.graph.outputs:
        return ()
    named = [read for loss in losses for read in loss.reads if isinstance(read, str) and read != LABEL]
    if named:
        raise b.refuse("conflicting-arguments", f"a metric reads `{LABEL}`, and the losses read `{named[0]}`: the data "
                       "has several labels", _place(metrics[0], where), help="leave `metrics` and `best` out")
    try:
        port = scores_port(b.graph, losses)
    except ArchError as problem:
        reason = problem.diagnostics[0]
        raise b.refuse("unknown-site", reason.message, where, help=reason.help) from None
    for metric in metrics:
        place = _place(metric, where)
        _has(b, metric, port, place)
        _reads_the_same(b, metric, losses, place)
    return tuple(metrics)


def _place(metric: Option, elsewhere: Span) -> Span:
    """The place where a metric is written, be it under `metrics` or `best`."""
    place: Span = getattr(metric.origin, "span", elsewhere)
    return place


def _reads_the_same(b: Build, metric: Option, losses: Sequence[Loss], span: Span) -> None:
    """Compare what a metric reads in labels with what the losses do: classes, or numbers."""
    judged = facts_of(metric, MetricFacts).target
    readers = [facts_of(loss.option, LossFacts) for loss in losses if LABEL in loss.reads]
    # `mse` and `bce` read class numbers as one-hot rows, so either may stand behind their labels.
    classes = any(facts.target == "classes" or facts.reads_classes for facts in readers)
    numbers = any(facts.target != "classes" for facts in readers)

    if readers and judged == "classes" and not classes:
        raise b.refuse("conflicting-arguments", f"`{metric.name}` is a figure of classes, and the losses compare the "
                       f"label as {_held(readers)}", span, help="`mae`, `psnr` and `ssim` are figures of numbers")
    if readers and judged == "numbers" and not numbers:
        raise b.refuse("conflicting-arguments", f"`{metric.name}` is a figure of numbers, and the losses read classes "
                       "in the label", span, help="`top_k`, `pixel_accuracy`, `miou` and `nmi` are figures of classes")


def _held(readers: Sequence[LossFacts]) -> str:
    if all(facts.target == "pairs" for facts in readers):
        return "whether pairs belong together"
    return "numbers"


def _has(b: Build, metric: Option, port: Port, span: Span) -> None:
    """Compare the form of the scores with what a metric wants of them."""
    facts, scores = facts_of(metric, MetricFacts), b.graph.type(port)
    if facts.ranks and scores.rank not in facts.ranks:
        raise b.refuse("wrong-rank", f"`{metric.name}` is a figure of maps, and the scores of this task are {scores}",
                       span)

    classes = scores.dims[class_axis(b.graph, port)]
    if not isinstance(classes, int):
        return
    if classes < facts.least:
        raise b.refuse("wrong-count", f"`{metric.name}` is a figure of classes, and the scores {scores} tell no two "
                       "apart", span)

    k, ignore = metric.args.get("k"), metric.args.get("ignore")
    if isinstance(k, int) and k > classes:
        raise b.refuse("out-of-range", f"`{metric.name}` looks at {k} scores, and there are {classes}", span)
    if isinstance(ignore, int) and ignore < classes:
        raise b.refuse("out-of-range", f"`ignore = {ignore}` is a class: the scores tell 0 to {classes - 1} apart",
                       span, help="a label that is ignored is no class; 255 is usual")
