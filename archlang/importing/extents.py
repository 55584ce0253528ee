"""Dials for the size of an input, where a network takes maps of any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlang.importing.steps import Step, Traced
from archlang.ops import CATALOGUE

FREE = frozenset({
    "add", "sub", "mul", "div", "maximum", "minimum", "scale", "affine", "linear", "dropout", "drop_channels",
    "drop_path", "batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm", "reduce", "channel_shuffle",
    "pixel_shuffle", "pixel_unshuffle", "l2_normalize",
})
"""Operations whose arguments say nothing of the size of a map; those of `FAMILIES`, too."""

FAMILIES = frozenset({"convolution", "pooling", "activation", "element-wise"})
"""Families of the catalogue none of whose arguments is a size of a map; a pool to cells has so many for every map."""


def sides(traced: Traced) -> tuple[int, ...] | None:
    """The height and width of the only input, where the network takes maps of any; None where it may not.

    A file was read off one size. It may hold for others where no step says a size, and nothing was left out because it
    did nothing at this one (`Traced.sized`). Numbers that code worked out of a size show in no form: a second size,
    `another`, is compared before the size becomes a dial.
    """
    if traced.sized or len(traced.inputs) != 1:
        return None
    (_, value), = traced.inputs
    sizes = traced.sizes[value]
    if len(sizes) != 3 or any(not _free(step, traced.sizes) for step in traced.steps):
        return None
    return sizes[1:]


def another(sides: Sequence[int]) -> tuple[int, ...]:
    """Other sides to try: smaller ones of a large map, which cost less, and larger ones of a small map.

    >>> another((224, 224)), another((16, 16))
    ((96, 96), (32, 32))
    """
    if min(sides) > SMALL_SIDE:
        return tuple(min(SMALL_SIDE * side // min(sides), side) // 32 * 32 for side in sides)
    return tuple(2 * side for side in sides)


SMALL_SIDE = 96
"""A side that networks take that halve their maps five times."""


def _free(step: Step, sizes: Mapping[int, tuple[int, ...]]) -> bool:
    """Tell whether a step says nothing of the size of a map."""
    entering = [sizes[value] for value in step.inputs]
    if step.op == "parameter":
        return all(size == 1 for size in sizes[step.output][1:])
    # A vector that becomes a map of one cell, as gates of channels do.
    if step.op in ("reshape", "flatten"):
        return _single(entering[0]) and _single(sizes[step.output])
    # Channels are taken apart or joined, and not rows.
    if step.op in ("slice", "concat", "split"):
        return "axis" not in step.args
    if step.op == "upsample":
        return "size" not in step.args
    facts = CATALOGUE.ops[step.op]
    return step.op in FREE or facts.family in FAMILIES


def _single(sizes: Sequence[int]) -> bool:
    return all(size == 1 for size in sizes[1:])
