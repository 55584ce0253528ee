"""The augmentations of a `train`, checked against the inputs of the finished network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archlang.diagnostics import did_you_mean
from archlang.elaborate.context import Build
from archlang.graph.ir import InputSpec
from archlang.graph.plan import Plan, named_inputs
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


def _place(plan: Plan, option: Option) -> Span:
    span: Span = getattr(option.origin, "span", plan.span)
    return span
