"""The geometry of what slides over a map: how much padding, how many places."""

from __future__ import annotations

from archlang.ops.kinds import Fault, OneOf, SizeOf, Words
from archlang.ops.model import OpCall
from archlang.ops.rules import need_at_least, need_divides
from archlang.ops.values import Size
from archlang.shapes import Dim, Tensor, at_least, product

Pairs = tuple[tuple[int, int], ...]
"""Cells before and after each spatial axis, rows first."""

MOST = 1 << 28
"""Numbers of a sample that padding may add: a gibibyte of float32."""

KERNELS = {1: "5", 2: "3x3", 3: "3x3x3"}


def padding_kind(rank: int) -> OneOf:
    """`none`, `same`, a number for all sides, or a size."""
    return OneOf((Words(("none", "same")), SizeOf(rank, 0)))


def window_padding(rank: int) -> OneOf:
    """The kind of a convolution's or pool's padding: that of `padding_kind`, `tf_same`, and over lines `causal`."""
    words = ("none", "same", "tf_same", "causal") if rank == 1 else ("none", "same", "tf_same")
    return OneOf((Words(words), SizeOf(rank, 0)))


def same(kernel: Size, dilation: Size) -> Pairs:
    """Padding that keeps the size at stride 1: `d (k - 1)` in all, the odd one after.

    >>> same(Size((3, 4)), Size((1, 1)))
    ((1, 1), (1, 2))
    """
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    # An even kernel has no middle cell; torch's padding="same" puts the odd cell after the end, too.
    return tuple((total // 2, total - total // 2) for total in totals)


def pairs(padding: Size | str | None, kernel: Size, dilation: Size, auto: str = "same") -> Pairs:
    """The padding that an argument stands for; `auto` says what None means."""
    if padding is None:
        padding = auto

    if isinstance(padding, Size):
        return tuple((cells, cells) for cells in padding)
    if padding == "same":
        return same(kernel, dilation)
    return ((0, 0),) * len(kernel)


def window_pairs(call: OpCall, kernel: Size, stride: Size, dilation: Size, auto: str = "same") -> Pairs:
    """The padding that the argument `padding` of a convolution or pool stands for.

    `causal` is `d (k - 1)` cells before and none after: a place reads none behind it. Raises unknown-size.
    """
    padding = call["padding"]
    if padding == "causal":
        return tuple((d * (k - 1), 0) for k, d in zip(kernel, dilation, strict=True))
    if padding == "tf_same":
        sizes = call.x.dims[1:]
        return tuple(_tf_same(*one) for one in zip(sizes, kernel, stride, dilation, strict=True))
    return pairs(padding, kernel, dilation, auto)


def _tf_same(size: Dim, k: int, s: int, d: int) -> tuple[int, int]:
    """The padding of TensorFlow's SAME: the cells that `ceil(size / s)` windows reach past the map, the odd one after.

    `max(0, (ceil(size / s) - 1) s + d (k - 1) + 1 - size)`. Raises unknown-size where `s` may not divide a symbol.
    """
    reach = d * (k - 1) + 1
    if isinstance(size, int):
        rest = size % s
    else:
        need_divides(s, size, "how much `tf_same` pads depends on what the stride leaves of the size", "padding")
        rest = 0

    # The last window begins `rest` cells before the end, or a whole stride where the strides divide the size.
    total = max(0, reach - (rest or s))
    return total // 2, total - total // 2


def symmetric(padding: Pairs) -> bool:
    """Tell whether each axis has as much before as after."""
    return all(before == after for before, after in padding)


def as_pad(padding: Pairs) -> tuple[int, ...]:
    """In the order of `torch.nn.functional.pad`: the last axis first.

    >>> as_pad(((1, 2), (3, 4)))
    (3, 4, 1, 2)
    """
    return tuple(cells for pair in reversed(padding) for cells in pair)


def slide(sizes: tuple[Dim, ...], kernel: Size, stride: Size, dilation: Size, padding: Pairs) -> tuple[Dim, ...]:
    """Count the places along each axis. Raises kernel-too-large, or unknown-size naming the bound.

    `floor((size + before + after - d (k - 1) - 1) / stride) + 1`
    """
    places: list[Dim] = []
    for size, k, s, d, (before, after) in zip(sizes, kernel, stride, dilation, padding, strict=True):
        reach = d * (k - 1) + 1
        padded = ""
        if before or after:
            padded = f" with its padding of {before} and {after}"
        message = f"a kernel that reaches over {reach} cells does not fit into {size}{padded}"
        help = "a smaller kernel, `padding`, or fewer strides and pools before it"
        # Without this the floor below gives 0 places or fewer, and torch fails only when the network runs.
        need_at_least(size, reach - before - after, "kernel-too-large", message, help=help)

        places.append((size + (before + after - reach)) // s + 1)
    return tuple(places)


def padding_fits(x: Tensor, padding: Pairs) -> None:
    """Nothing, if the cells around a map are no more than a network can hold. Raises too-much-memory."""
    wider = [size + before + after for size, (before, after) in zip(x.dims[1:], padding, strict=True)]
    added = x.dims[0] * (product(wider) - product(x.dims[1:]))

    # Of a symbolic map it may not be known: only what is certainly too much is refused.
    if at_least(added, MOST + 1) is True:
        message = f"the padding adds {added} numbers to a sample; {MOST} is the limit"
        raise Fault("too-much-memory", message, argument="padding", help="a smaller `dilation`, or a `padding` given")


def trimmed(padding: Pairs, sizes: tuple[Dim, ...], places: tuple[Dim, ...], kernel: Size, stride: Size) -> Pairs:
    """The same padding without the cells after the end that no window reaches: symmetric where that is possible.

    torch's own modules take symmetric padding only, and are faster than a separate `pad`.
    """
    result = []
    for (before, after), size, count, k, s in zip(padding, sizes, places, kernel, stride, strict=True):
        # Cells after the end that the last window covers; with a stride it may stop short of some.
        reached = (count - 1) * s + k - size - before
        if isinstance(reached, int) and reached <= before < after:
            after = before
        result.append((before, after))
    return tuple(result)


def fits_mode(mode: str, padding: Pairs, sizes: tuple[Dim, ...]) -> None:
    """Nothing, if the map is large enough to be mirrored or wrapped that far. Raises kernel-too-large."""
    # A reflection leaves the border cell itself out and so needs one cell more; `zeros` and `replicate` need none.
    extra = {"reflect": 1, "circular": 0}.get(mode)
    if extra is None:
        return

    for (before, after), size in zip(padding, sizes, strict=True):
        most = max(before, after)
        if most:
            message = f"padding of {most} by `{mode}` needs at least {most + extra} cells, here are {size}"
            need_at_least(size, most + extra, "kernel-too-large", message, "padding_mode")


def half_at_most(padding: Pairs, kernel: Size, dilation: Size) -> None:
    """Nothing, if a pool's padding is no more than half its window. Raises out-of-range."""
    # A window that lay in the padding alone would have no cell to take the largest or the mean of; torch refuses it.
    for (before, after), k, d in zip(padding, kernel, dilation, strict=True):
        reach = d * (k - 1) + 1
        if max(before, after) > reach // 2:
            text = f"a pool's padding may be at most half of its window: {reach // 2}, this is {max(before, after)}"
            raise Fault("out-of-range", text, argument="padding")
