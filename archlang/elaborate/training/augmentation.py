"""The augmentations of a `train`, checked against the inputs of the finished network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archlang.diagnostics import did_you_mean
from archlang.elaborate.context import Build
from archlang.graph.ir import InputSpec
from archlang.graph.plan import Plan, named_inputs
from archlang.graph.views import larger_side, views_of
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import AugmentationFacts
from archlang.ops.values import Option
from archlang.source import Span

IMAGE = 3
"""Sizes of an image: channels, rows and columns."""


def unfolded(b: Build, options: Sequence[Option], span: Span) -> tuple[Option, ...]:
    """The augmentations in a row; those inside `on("left", [...])` note the names under `of`. Raises `Poisoned`."""
    found: list[Option] = []
    for option in options:
        if not facts_of(option, AugmentationFacts).holds:
            found.append(option)
            continue

        args: Mapping[str, Any] = option.args
        names = args["inputs"]
        if isinstance(names, str):
            names = (names,)
        for change in args["changes"]:
            if facts_of(change, AugmentationFacts).holds:
                place: Span = getattr(change.origin, "span", span)
                raise b.refuse("conflicting-arguments", f"`{change.name}` stands inside `{option.name}`", place,
                               help="one of them says whose images are changed")
            found.append(replace(change, args={**change.args, "of": tuple(names)}))
    return tuple(found)


def augmentations_fit(b: Build) -> None:
    """Augmentations change images, and move them by no more pixels than they have."""
    plan = b.graph.plan
    if plan is None:
        return
    for option in plan.augment:
        span = _place(plan, option)
        images = _images(b, option, span)
        if len(images) > 1 and len(b.graph.inputs) > 1:
            _alike(b, option, images, span)
        for image in images:
            _moves_within(b, option, image, span)
        if images and larger_side([option]) is not None:
            _cuts_windows(b, plan, option, images[0], span)


def _images(b: Build, option: Option, span: Span) -> list[InputSpec]:
    """The inputs that an augmentation changes: those that it names, or all images; none where it is refused."""
    inputs = {spec.name: spec for spec in b.graph.inputs}
    named = named_inputs(option)
    if named is None:
        found = [spec for spec in b.graph.inputs if _is_image(spec)]
        if not found:
            types = ", ".join(str(spec.type) for spec in b.graph.inputs)
            b.refuse("wrong-rank", f"`{option.name}` changes images, and the network's input is {types}", span,
                     help="leave `augment` out, or give the network an input of [channels, rows, columns]")
        return found

    for name in named:
        if name not in inputs:
            b.refuse("undefined-name", f"the network has no input `{name[:64]}`", span,
                     help=did_you_mean(name, inputs) or (f"its inputs: {', '.join(inputs)}",))
            return []
        if not _is_image(inputs[name]):
            b.refuse("wrong-rank", f"`{option.name}` changes images, and `{name}` is {inputs[name].type}", span)
            return []
    return [inputs[name] for name in named]


def _is_image(spec: InputSpec) -> bool:
    return spec.type.rank == IMAGE and spec.type.range is None


def _alike(b: Build, option: Option, images: Sequence[InputSpec], span: Span) -> None:
    """Refuse what does not change several images alike, and moves by pixels of images that differ in size."""
    facts, names = facts_of(option, AugmentationFacts), ", ".join(f"`{spec.name}`" for spec in images)
    if not facts.joint:
        b.refuse("conflicting-arguments", f"`{option.name}` changes one image, and this network reads {names}", span,
                 help=_named(option, images[0]))
        return

    first = images[0].type
    other = next((spec.type for spec in images if spec.type.dims[1:] != first.dims[1:]), None)
    if facts.pixels is not None and other is not None:
        b.refuse("shape-mismatch", f"`{option}` moves images by pixels, and these differ in size: {first} and {other}",
                 span, help=_named(option, images[0]))


def _named(option: Option, image: InputSpec) -> str:
    return f'say which: `on("{image.name}", [{option.name}])`'


def _moves_within(b: Build, option: Option, image: InputSpec, span: Span) -> None:
    argument = facts_of(option, AugmentationFacts).pixels
    if argument is None:
        return

    # A symbolic size is known with the data, and then judged by training.
    pixels = option.args.get(argument)
    known = [size for size in image.type.dims[1:] if isinstance(size, int)]
    if isinstance(pixels, int) and known and pixels > min(known):
        b.refuse("out-of-range", f"`{option}` moves images by more pixels than they have, {image.type}", span,
                 help=f"`{argument}` is at most {min(known)}")


def _cuts_windows(b: Build, plan: Plan, option: Option, image: InputSpec, span: Span) -> None:
    """Refuse windows that are not smaller than their image, and where nobody could cut the one in the middle."""
    if len(b.graph.inputs) > 1:
        b.refuse("conflicting-arguments", f"`{option.name}` is for a network of one input, and this one has "
                 f"{len(b.graph.inputs)}", span, help="cut them alike in the function that gives the data")
        return
    if sum(other.name == option.name for other in plan.augment) > 1:
        b.refuse("repeated-argument", f"`{option.name}` stands twice", span)
        return

    sizes = [size for size in image.type.dims[1:] if isinstance(size, int)]
    if len(sizes) < len(image.type.dims) - 1:
        b.refuse("conflicting-arguments", f"`{option}` cuts windows of the network's size, which {image.type} leaves "
                 "open", span, help="write its rows and columns, as in `[3, 224, 224]`")
        return
    side = larger_side([option])
    if side is not None and side <= min(sizes):
        b.refuse("out-of-range", f"`{option}` cuts windows of {image.type} out of images whose shorter side has {side} "
                 "pixels", span, help=f"the side is more than {min(sizes)}")

    # When the network is measured, the copy that such a loss compares with would be no window of a larger image.
    losses = (*plan.losses, *(loss for step in plan.steps for loss in step.losses))
    pair = next((loss.option.name for loss in losses if views_of(loss) is not None), None)
    if pair is not None:
        b.refuse("conflicting-arguments", f"`{pair}` compares two copies of a sample, and `{option.name}` gives one "
                 "window of it", span, help="`crop` and `shift` move an image of the network's own size")


def _place(plan: Plan, option: Option) -> Span:
    span: Span = getattr(option.origin, "span", plan.span)
    return span
