"""The cost and gain, at inference, of sending patches only to the experts that weigh enough (PCE, section 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from archlang.diagnostics import ArchError, error
from archlang.layers.patch_experts.dispatch import Executed, dispatches, executed, set_cut
from archlang.train import Evaluation, evaluate


@dataclass(frozen=True)
class Cut:
    """A model on data with one cut: its loss and accuracy, and what each place with experts had to work out."""

    cut: float | None
    found: Evaluation
    sites: Mapping[str, Executed]

    @property
    def pairs(self) -> int:
        """Pairs of a row and an expert that were worked out, over all places."""
        return sum(site.pairs for site in self.sites.values())

    @property
    def of(self) -> int:
        """Pairs that all experts on all rows would be."""
        return sum(site.rows * site.experts for site in self.sites.values())


def evaluate_cuts(
    model: torch.fx.GraphModule, data: object, cuts: Sequence[float], *, device: str = "auto"
) -> tuple[Cut, ...]:
    """A model with experts on the test part of `data`: with all experts first, then with each cut.

    At a cut, a row goes to the experts whose weight is at least `cut` times its largest, and their weights are divided
    by their sum. Raises `ArchError`: unknown-site for a model without experts, out-of-range, and what `evaluate` does.
    """
    if not dispatches(model):
        raise ArchError(error("unknown-site", "this model has no experts that a cut could leave out",
                              help="`experts(n, router) { ... }` makes them"))

    # Cuts are a setting of the model's own modules, so that `evaluate` runs it as it is.
    before = {place: place.cut for place in dispatches(model).values()}
    try:
        return tuple(_measured(model, data, cut, device) for cut in (None, *cuts))
    finally:
        for place, cut in before.items():
            place.cut = cut


def _measured(model: torch.fx.GraphModule, data: object, cut: float | None, device: str) -> Cut:
    set_cut(model, cut)
    return Cut(cut, evaluate(model, data, device=device), executed(model))
