"""Writers of stages: from the arguments that a framework takes to those that an operation here takes.

A writer returns None if an argument has no counterpart. It never leaves one out silently, unless it changes nothing
here: the channels that enter are known, and no activation works in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archlang.elaborate.habits.habit import CallReading, short_size, size_text

Writer = Callable[[CallReading], str | None]

_SAME_AS_DEFAULT = ""
"""The padding that need not be written."""


def stage(name: str, positional: Sequence[str | None], named: Mapping[str, str | None]) -> str | None:
    """A stage with its arguments: `conv(3x3, 64, stride = 2)`. None if a positional one is not known.

    >>> stage("conv", ["3x3", "64"], {"stride": "2", "groups": None})
    'conv(3x3, 64, stride = 2)'
    """
    words = []
    for text in positional:
        if text is None:
            return None
        words.append(text)
    words.extend(f"{key} = {text}" for key, text in named.items() if text is not None)

    if not words:
        return name
    return f"{name}({', '.join(words)})"


def unless(text: str | None, default: str) -> str | None:
    """The text if it is not the default, else None, so that it is not written."""
    if text == default:
        return None
    return text


def plain(
    name: str, *positional: str, named: Mapping[str, str] | None = None, defaults: Mapping[str, str] | None = None
) -> Writer:
    """Write a stage whose arguments have the same values here.

    Args:
        name: the stage.
        positional: parameters there whose values are given by place here.
        named: for each argument here that is given by name, the parameter there.
        defaults: values there, by parameter, that need not be written.
    """

    def write(call: CallReading) -> str | None:
        given = {}
        for here, there in (named or {}).items():
            text = call.text(there)
            if defaults is not None and text == defaults.get(there):
                text = None
            given[here] = text
        return stage(name, [call.text(there) for there in positional], given)

    return write


def always(name: str) -> Writer:
    """Write a stage whatever the arguments are."""
    return lambda call: name


def convolution(name: str, rank: int, transposed: bool = False) -> Writer:
    """Write a convolution of PyTorch, whose padding is 0 unless given; here it keeps the size unless given.

    Args:
        name: the operation here.
        rank: axes of the map: 1 for a line, 3 for a volume.
        transposed: its default padding here is another one.
    """

    def write(call: CallReading) -> str | None:
        kernel = call.numbers("kernel_size", rank)
        stride, dilation = call.numbers("stride", rank, 1), call.numbers("dilation", rank, 1)
        added = call.numbers("output_padding", rank, 0)
        if kernel is None or stride is None or dilation is None or added is None:
            return None

        padding = _padding(call, kernel, dilation, keeps=not transposed)
        if any(added) and padding == "none":  # it goes with a padding in numbers alone
            padding = "0"
        if padding is None:
            return None
        named = {
            "stride": unless(short_size(stride), "1"),
            "padding": unless(padding, _SAME_AS_DEFAULT),
            "output_padding": unless(short_size(added), "0"),
            "dilation": unless(short_size(dilation), "1"),
            "groups": unless(call.text("groups"), "1"),
            "padding_mode": unless(call.text("padding_mode"), "zeros"),
            "bias": unless(call.text("bias"), "true"),
        }
        return stage(name, [size_text(kernel), call.text("out_channels")], named)

    return write


def pool(name: str, rank: int) -> Writer:
    """Write a pool of PyTorch.

    Its padding is 0 unless given. Here that holds for a pool without a stride; with a stride it keeps the size.
    """

    def write(call: CallReading) -> str | None:
        kernel, dilation = call.numbers("kernel_size", rank), call.numbers("dilation", rank, 1)
        if kernel is None or dilation is None:
            return None

        stride: tuple[int, ...] | None = kernel  # as there, where a pool's windows lie side by side by default
        if call.gives("stride"):
            stride = call.numbers("stride", rank)
        if stride is None:
            return None

        has_stride = stride != kernel
        padding = _padding(call, kernel, dilation, keeps=has_stride)
        if padding is None:
            return None
        # Without a stride the default here is no padding, as in torch, and need not be written.
        if not has_stride:
            padding = unless(padding, "none") or _SAME_AS_DEFAULT

        named = {
            "padding": unless(padding, _SAME_AS_DEFAULT),
            "ceil": unless(call.text("ceil_mode"), "false"),
            "dilation": unless(short_size(dilation), "1"),
            "count_padding": unless(call.text("count_include_pad"), "true"),
        }
        if has_stride:
            named = {"stride": short_size(stride), **named}
        return stage(name, [size_text(kernel)], named)

    return write


def _padding(call: CallReading, kernel: Sequence[int], dilation: Sequence[int], keeps: bool) -> str | None:
    """The argument `padding`: empty if the default does the same, None if the values are not written out.

    Args:
        call: the arguments there.
        kernel: cells of the window along each axis.
        dilation: steps between them.
        keeps: the default here keeps the size at stride 1.
    """
    # torch takes a word for convolutions: `same` and `valid` are Keras's spelling of it.
    word = call.word("padding")
    if word == "same" and keeps:
        return _SAME_AS_DEFAULT
    if word in ("same", "valid"):
        return {"same": "same", "valid": "none"}[word]

    padding = call.numbers("padding", len(kernel), 0)
    if padding is None:
        return None

    # The default puts d (k - 1) cells around an axis; PyTorch's number counts those on one side.
    same = all(2 * p == d * (k - 1) for p, k, d in zip(padding, kernel, dilation, strict=True))
    if same and keeps:
        return _SAME_AS_DEFAULT
    if not any(padding):
        return "none"
    return short_size(padding)
