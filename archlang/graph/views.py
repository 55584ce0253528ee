"""Views of the samples that a training sees: two of them for some losses, windows of larger images for some changes."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.graph.plan import Loss
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import AugmentationFacts, LossFacts, ViewPair
from archlang.ops.values import Option


def views_of(loss: Loss) -> ViewPair | None:
    """The two views of the samples that a loss reads; None where it reads one, or is told `augmented = false`.

    Such a loss reads the tensors of the main view, then those of the second one, of which the label is none.
    """
    # Over sites there is one view: `elaborate` refuses another.
    if loss.sites or loss.option.args.get("augmented") is False:
        return None
    return facts_of(loss.option, LossFacts).views


def larger_side(augmentations: Sequence[Option]) -> int | None:
    """The shorter side, in pixels, of the images that windows are cut out of; None where images have their own size.

    >>> larger_side([Option("flip", "augmentation"), Option("crop_from", "augmentation", {"side": 256})])
    256
    """
    for option in augmentations:
        argument = facts_of(option, AugmentationFacts).larger
        if argument is not None:
            side = option.args[argument]
            assert isinstance(side, int), "its kind is a whole number"
            return side
    return None
