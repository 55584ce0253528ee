"""The augmentations of a `train`, checked against the input of the finished network."""

from __future__ import annotations

from archlang.elaborate.context import Build
from archlang.graph.plan import Plan
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import AugmentationFacts
from archlang.ops.values import Option
from archlang.shapes import Tensor
from archlang.source import Span

IMAGE = 3
"""Sizes of an image: channels, rows and columns."""


def augmentations_fit(b: Build) -> None:
    """Augmentations change images, and move them by no more pixels than they have."""
    plan = b.graph.plan
    if plan is None:
        return
    if len(b.graph.inputs) != 1:
        for option in plan.augment:
            b.refuse("conflicting-arguments", f"`{option.name}` changes the images of a network with one input, and "
                     f"this one has {len(b.graph.inputs)}", _place(plan, option),
                     help="change them, alike, in the function that gives the data")
        return

    image = b.graph.inputs[0].type
    for option in plan.augment:
        span = _place(plan, option)
        if image.rank == IMAGE:
            _moves_within(b, option, image, span)
        else:
            b.refuse("wrong-rank", f"`{option.name}` changes images, and the network's input is {image}", span,
                     help="leave `augment` out, or give the network an input of [channels, rows, columns]")


def _moves_within(b: Build, option: Option, image: Tensor, span: Span) -> None:
    argument = facts_of(option, AugmentationFacts).pixels
    if argument is None:
        return

    # A symbolic size is known with the data, and then judged by training.
    pixels = option.args.get(argument)
    known = [size for size in image.dims[1:] if isinstance(size, int)]
    if isinstance(pixels, int) and known and pixels > min(known):
        b.refuse("out-of-range", f"`{option}` moves images by more pixels than they have, {image}", span,
                 help=f"`{argument}` is at most {min(known)}")


def _place(plan: Plan, option: Option) -> Span:
    span: Span = getattr(option.origin, "span", plan.span)
    return span
