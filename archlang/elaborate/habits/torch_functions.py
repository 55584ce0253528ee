"""PyTorch's functions and methods of tensors, its losses and optimizers, and names that have no counterpart here."""

from __future__ import annotations

from archlang.elaborate.habits.axes import AXES, axis_word
from archlang.elaborate.habits.axis_functions import reduced
from archlang.elaborate.habits.habit import CallReading, Habit, items_of, whole_number
from archlang.elaborate.habits.writing import always, stage
from archlang.syntax.tree import Expr

# --- merging ---------------------------------------------------------------------------------------------------------


def _joined(here: str, *names: str) -> Habit:
    """Tensors of a list along an axis: the first needs no word. PyTorch's default is the batch, which nobody means."""

    def write(call: CallReading) -> str | None:
        if not call.gives("dim"):
            return here
        dim = whole_number(call.values["dim"])
        if dim in (0, 1):
            return here

        word = axis_word(dim, call.rank)
        if word is None or here == "stack":  # `stack` makes a first axis and no other
            return None
        return stage(here, [], {"axis": word})

    example = (f"torch.{names[0]}([x, y], dim=1)", f"(x, y) -> {here}")
    return Habit("PyTorch", names, ("dim",), write, here, (example,), "[8]", gathers=True)


def _with_other(here: str, *names: str, on: str = "[3, 32, 32]") -> Habit:
    """A function of two tensors: the first flows in, the other is an argument."""

    def write(call: CallReading) -> str | None:
        return stage(here, [call.text("other")], {})

    example = (f"torch.{names[0]}(x, y)", f"x -> {here}(y)")
    return Habit("PyTorch", names, ("other",), write, f"{here}(other)", (example,), on)


def _concatenate(call: CallReading) -> str | None:
    """Keras's and NumPy's `concatenate`, whose last axis is that of the channels."""
    axis = 1
    if call.gives("axis"):
        axis = whole_number(call.values["axis"]) or 0
    if axis in (0, 1, -1):
        return "concat"
    return None


MERGES: tuple[Habit, ...] = (
    _joined("concat", "cat", "concat", "hstack"), _joined("stack", "stack"),
    Habit("Keras", ("concatenate",), ("axis",), _concatenate, "concat",
          (("keras.layers.concatenate([x, y], axis=-1)", "(x, y) -> concat"),), "[3, 32, 32]",
          "channels stand first here, and `concat` works along them", gathers=True),
    _with_other("add", "add"), _with_other("sub", "sub", "subtract"), _with_other("mul", "mul", "multiply"),
    _with_other("div", "div", "divide", "true_divide"), _with_other("maximum", "maximum"),
    _with_other("minimum", "minimum"),
    _with_other("matmul", "matmul", "bmm", "mm", on="[8, 8]"),
)


# --- methods ---------------------------------------------------------------------------------------------------------


def _positional(call: CallReading) -> tuple[Expr, ...]:
    """The values of a method with any number of arguments, given one by one or as a list."""
    values = tuple(argument.value for argument in call.arguments if argument.name is None)
    if len(values) == 1:
        return items_of(values[0])
    return values


def _view(call: CallReading) -> str | None:
    """Drop the first size, which is the batch; a single other one is all that there is."""
    sizes = _positional(call)[1:]
    if len(sizes) <= 1:
        return "flatten"
    return stage("reshape", [f"[{', '.join(call.text_of(size) for size in sizes)}]"], {})


def _permute(call: CallReading) -> str | None:
    numbers = [whole_number(value) for value in _positional(call)]
    rank = len(numbers) - 1
    if rank not in AXES or numbers[0] != 0:  # the batch stays where it is
        return None

    words = [word for number in numbers[1:] if (word := axis_word(number, rank))]
    if len(set(words)) != rank:
        return None
    return stage("permute", [f"[{', '.join(words)}]"], {})


def _transpose(call: CallReading) -> str | None:
    """Two axes exchanged. The others are named too, so the type of the tensor must be known."""
    words = [axis_word(whole_number(value), call.rank) for value in _positional(call)]
    if call.rank is None or len(words) != 2:
        return None

    first, second = words
    if first is None or second is None:
        return None
    swapped = {first: second, second: first}
    return stage("permute", [f"[{', '.join(swapped.get(word, word) for word in AXES[call.rank])}]"], {})


def _mean(call: CallReading) -> str | None:
    """The mean over the places of a map, or over the positions of a sequence, pools it to one number a channel."""
    if not call.gives("dim") or call.truth("keepdim", False) is not False:
        return reduced(call, "mean")

    dims = {whole_number(item) for item in items_of(call.values["dim"])}
    if dims in ({2, 3}, {-1, -2}) or (dims == {1} and call.rank == 2):
        return "global_avg_pool"
    return reduced(call, "mean")


def _chunk(call: CallReading) -> str | None:
    if call.numbers("dim", 1, 1) == (1,):
        return stage("split", [call.text("chunks")], {})

    word = axis_word(whole_number(call.values["dim"]), call.rank)
    if word is None:
        return None
    return stage("split", [call.text("chunks")], {"axis": word})


def _unsqueezed(call: CallReading) -> str | None:
    """A new axis of size 1: the sizes of the others are those of the tensor, which must have a name for it."""
    dim = whole_number(call.values["dim"]) if call.gives("dim") else None
    if dim is None or call.rank not in (1, 2) or not call.source.isidentifier():
        return None
    if dim < 0:
        dim += call.rank + 2
    if not 1 <= dim <= call.rank + 1:
        return None
    sizes = [f"{call.source}.{word}" for word in AXES[call.rank]]
    sizes.insert(dim - 1, "1")
    return stage("reshape", [f"[{', '.join(sizes)}]"], {})


def _nothing(call: CallReading) -> str | None:
    """Leave it to the form of the row to say what there is instead."""
    return None


METHODS: tuple[Habit, ...] = (
    Habit("PyTorch", ("view", "reshape"), (), _view, "reshape(sizes)", (
        ("x.view(x.size(0), -1)", "x -> flatten"), ("x.view(-1, 3072)", "x -> flatten"),
        ("x.reshape(-1, 3, 1024)", "x -> reshape([3, 1024])"),
    ), note="the batch is never written, and no `reshape` touches it"),
    Habit("PyTorch", ("permute",), (), _permute, "permute([axes])",
          (("x.permute(0, 2, 3, 1)", "x -> permute([height, width, channels])"),), note="axes have names here"),
    Habit("PyTorch", ("transpose", "swapaxes"), (), _transpose, "permute([axes])",
          (("x.transpose(1, 2)", "x -> permute([features, positions])"),), "[5, 16]", note="axes have names here"),
    Habit("PyTorch", ("mean",), ("dim", "keepdim"), _mean, "reduce(axis)", (
        ("x.mean(dim=[2, 3])", "x -> global_avg_pool"), ("x.mean((2, 3))", "x -> global_avg_pool"),
        ("x.mean(dim=1)", "x -> reduce(channels)"),
        ("x.mean(dim=(2, 3), keepdim=True)", "x -> reduce([height, width], keep = true)"),
    )),
    Habit("PyTorch", ("chunk",), ("chunks", "dim"), _chunk, "split(parts)"),
    Habit("PyTorch", ("squeeze",), ("dim",), always("flatten"), "flatten"),
    Habit("PyTorch", ("unsqueeze",), ("dim",), _unsqueezed, "reshape(sizes)",
          (("x.unsqueeze(1)", "x -> reshape([1, x.features])"),), "[8]"),
)
"""Methods of tensors that are no functions of the same name elsewhere in these tables."""

NO_EFFECT = (
    "contiguous", "clone", "cuda", "cpu", "to", "float", "half", "double", "type_as", "requires_grad_",
)
"""Methods that say where and how a tensor is kept: the compiler sees to it."""


# --- without a counterpart -------------------------------------------------------------------------------------------

WITHOUT_COUNTERPART: tuple[Habit, ...] = (
    Habit("PyTorch", ("zeros", "ones", "empty", "full", "randn", "rand", "tensor"), (), _nothing,
          "a tensor of the file's own has its sizes in a list: `parameter([64, 1, 1], init = ones)`, where `init` is "
          "`zeros`, `ones`, `normal(std = 0.02)` or another"),
    Habit("PyTorch", ("einsum",), (), _nothing,
          "axes have names, and the batch has none: `x -> einsum(\"heads q f, heads k f -> heads q k\", other = y)`"),
    Habit("PyTorch", ("gather", "take_along_dim", "index_select"), (), _nothing,
          "`x -> gather(indices, axis = positions)` takes indices of each sample, `x -> pick([2, 0])` those that are "
          "written"),
    Habit("PyTorch", ("grid_sample", "affine_grid"), (), _nothing,
          "`x -> grid_sample(places)` reads a map at places [2, height, width]; `coordinates` makes those of a map"),
    Habit("PyTorch", ("Unfold", "unfold", "Fold", "fold"), (), _nothing,
          "`x -> unfold(3x3, stride = 1)` makes a sequence of the windows, `fold(to, 3x3, stride = 1)` a map of it"),
    Habit("PyTorch", ("ModuleList",), (), _nothing,
          "stages are repeated by `for c in [16, 32] { stage }` or `3 * stage`, and stand side by side in `parallel`"),
    Habit("PyTorch", ("TransformerEncoderLayer", "TransformerEncoder"), (), _nothing,
          "`import std.attention (encoder)` brings `encoder(heads, hidden)`, whose norms stand before its two parts"),
    Habit("PyTorch", ("Parameter",), (), _nothing,
          "`name = parameter([49, 64])` is a tensor of the file's own; `affine` learns a factor and an offset a "
          "channel"),
    Habit("PyTorch", ("conv1d", "conv2d", "conv3d"), (), _nothing,
          "a convolution brings its own weights: `x -> conv(kernel, channels)`"),
)
"""Names for which there is no stage: the form is a sentence."""
