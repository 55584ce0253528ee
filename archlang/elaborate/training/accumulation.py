"""Batches that are calculated in parts: only losses that are means over samples give the gradient of the whole."""

from __future__ import annotations

from collections.abc import Mapping

from archlang.elaborate.context import Build
from archlang.graph.plan import Loss, Plan
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import LossFacts
from archlang.source import Span


def accumulates(b: Build, plan: Plan, spans: Mapping[str, Span]) -> None:
    """A batch has as many samples as parts, and every loss of it is the mean of those of its parts."""
    if plan.accumulate == 1:
        return

    where = spans["accumulate"]
    if plan.accumulate > plan.batch:
        b.refuse("out-of-range", f"a batch of {plan.batch} samples has no {plan.accumulate} parts", where,
                 help="`batch` counts the samples of all parts together")

    for loss in (*plan.losses, *(loss for step in plan.steps for loss in step.losses)):
        reason = _reason(loss)
        if reason is not None:
            b.refuse("conflicting-arguments", f"`{loss.option.name}` {reason}: parts of a batch would give another "
                     "gradient than the whole", where, help="leave `accumulate` out, or choose a loss by samples")


def _reason(loss: Loss) -> str | None:
    """The reason that keeps a loss from being the mean over the samples of a batch; None where it is."""
    if not facts_of(loss.option, LossFacts).by_sample:
        return "is no mean over samples"
    # Such a mean is over what counts, of which one part may have more than another.
    for name in ("ignore", "weights"):
        if loss.option.args.get(name) is not None:
            return f"with `{name}` is no mean over samples"
    return None
