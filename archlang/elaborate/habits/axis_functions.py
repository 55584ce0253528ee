"""PyTorch's padding, and its functions along axes and of each number: axes are numbers there and words here."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.elaborate.habits.axes import AXES, axis_word
from archlang.elaborate.habits.habit import CallReading, Habit, items_of, value_text, whole_number
from archlang.elaborate.habits.writing import Writer, always, plain, stage, unless

# --- axes ------------------------------------------------------------------------------------------------------------


def _axis_words(call: CallReading, name: str) -> list[str] | None:
    """The words for the axes of an argument; None if one of them, or the type of the tensor, is not known."""
    if not call.gives(name):
        return None
    words = []
    for item in items_of(call.values[name]):
        word = axis_word(whole_number(item), call.rank)
        if word is None:
            return None
        words.append(word)
    return words


def _one_or_list(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    return f"[{', '.join(texts)}]"


def reduced(call: CallReading, by: str) -> str | None:
    """Write `reduce` along the axes of `dim`; None where they are not known."""
    words, keep = _axis_words(call, "dim"), call.truth("keepdim", False)
    if words is None or keep is None:
        return None
    return stage("reduce", [_one_or_list(words)], {"by": unless(by, "mean"), "keep": "true" if keep else None})


def _reduction(by: str, *names: str) -> Habit:
    examples = ((f"x.{names[0]}(dim=1)", f"x -> reduce(channels, by = {by})"),
                (f"torch.{names[0]}(x, dim=(2, 3), keepdim=True)",
                 f"x -> reduce([height, width], by = {by}, keep = true)"))
    form = f"reduce(axis, by = {by})"
    return Habit("PyTorch", names, ("dim", "keepdim"), lambda call: reduced(call, by), form, examples)


def _along(here: str, default: dict[int, str] | None = None) -> Writer:
    """Write a stage along one axis; `default` is the word, by rank, that need not be written."""

    def write(call: CallReading) -> str | None:
        words = _axis_words(call, "dim")
        if words is None or len(words) != 1 or call.gives("p"):
            return None
        if default is None:
            return stage(here, [words[0]], {})
        return stage(here, [], {"axis": unless(words[0], default.get(call.rank or 0, "channels"))})

    return write


def _roll(call: CallReading) -> str | None:
    words = _axis_words(call, "dims")
    if words is None or not call.gives("shifts"):
        return None
    steps = [value_text(item) for item in items_of(call.values["shifts"])]
    return stage("roll", [_one_or_list(steps), _one_or_list(words)], {})


# --- padding ---------------------------------------------------------------------------------------------------------


def _padded(call: CallReading) -> str | None:
    """The pairs of `F.pad` begin at the last axis; each axis with cells of its own is a step here."""
    sizes = call.values.get("pad")
    mode, value = call.word("mode") or "constant", call.text("value") or "0"
    if sizes is None or call.rank is None or mode not in ("constant", "reflect", "replicate", "circular"):
        return None
    cells = [whole_number(item) for item in items_of(sizes)]
    known = [number for number in cells if number is not None and number >= 0]
    if len(known) != len(cells) or len(known) % 2 or len(known) > 2 * call.rank or value not in ("0", "0.0"):
        return None
    return _pads(known, call.rank, None if mode == "constant" else mode)


def _pads(cells: Sequence[int], rank: int, mode: str | None) -> str | None:
    """A step for each axis, or one for all places of a map or volume."""
    places = rank - 1
    if rank >= 3 and len(set(cells)) == 1 and len(cells) == 2 * places:
        return stage("pad", [str(cells[0])], {"mode": mode})

    steps = []
    for index in range(0, len(cells), 2):
        before, after = cells[index : index + 2]
        if before or after:
            size = str(before) if before == after else f"[{before}, {after}]"
            steps.append(stage("pad", [size], {"axis": AXES[rank][rank - 1 - index // 2], "mode": mode}))
    return " -> ".join(step for step in steps if step) or "identity"


def _pad_module(there: str, mode: str | None) -> Habit:
    """A module that pads a map: one number for all sides, or left, right, top, bottom."""

    def write(call: CallReading) -> str | None:
        cells = call.numbers("padding", 4)
        if cells is None or min(cells) < 0:
            return None
        return _pads(cells, 3, mode)

    suffix = f", mode = {mode}" if mode else ""
    return Habit("PyTorch", (there,), ("padding",), write, f"pad(size{suffix})", (
        (f"nn.{there}(1)", f"pad(1{suffix})"),
        (f"nn.{there}((0, 1, 0, 1))", f"pad([0, 1], axis = width{suffix}) -> pad([0, 1], axis = height{suffix})"),
    ))


# --- of each number --------------------------------------------------------------------------------------------------


def _each(name: str, example: bool = True) -> Habit:
    """A function of each number; of negative ones some have no value, and no example compares those."""
    examples = ((f"torch.{name}(x)", f"x -> {name}"), (f"x.{name}()", f"x -> {name}")) if example else ()
    return Habit("PyTorch", (name,), (), always(name), name, examples)


def _clamp(call: CallReading) -> str | None:
    if not call.gives("min") and not call.gives("max"):
        return None

    bounds = {}
    for ours, torchs in (("low", "min"), ("high", "max")):
        if call.gives(torchs):
            bounds[ours] = call.text(torchs)
    return stage("clamp", [], bounds)


AXIS_FUNCTIONS: tuple[Habit, ...] = (
    _pad_module("ZeroPad2d", None), _pad_module("ReflectionPad2d", "reflect"),
    _pad_module("ReplicationPad2d", "replicate"),
    Habit("PyTorch", ("pad",), ("pad", "mode", "value"), _padded, "pad(size, axis = ...)", (
        ("F.pad(x, (1, 1, 1, 1))", "x -> pad(1)"), ("F.pad(x, (0, 1))", "x -> pad([0, 1], axis = width)"),
        ('F.pad(x, (2, 2, 0, 1), mode="reflect")',
         "x -> pad(2, axis = width, mode = reflect) -> pad([0, 1], axis = height, mode = reflect)"),
    )),
    Habit("PyTorch", ("roll",), ("shifts", "dims"), _roll, "roll(by, axis)", (
        ("torch.roll(x, 2, 3)", "x -> roll(2, width)"),
        ("torch.roll(x, shifts=(-3, -3), dims=(2, 3))", "x -> roll([-3, -3], [height, width])"),
    )),
    Habit("PyTorch", ("normalize",), ("p", "dim"), _along("l2_normalize", {1: "features", 2: "features"}),
          "l2_normalize(axis = ...)", (("F.normalize(x, dim=1)", "x -> l2_normalize"),
                                       ("F.normalize(x, dim=-1)", "x -> l2_normalize(axis = width)"))),
    Habit("PyTorch", ("cumsum",), ("dim",), _along("cumsum"), "cumsum(axis)",
          (("torch.cumsum(x, dim=1)", "x -> cumsum(channels)"), ("x.cumsum(-1)", "x -> cumsum(width)"))),
    Habit("PyTorch", ("ChannelShuffle", "channel_shuffle"), ("groups",), plain("channel_shuffle", "groups"),
          "channel_shuffle(groups)", (("nn.ChannelShuffle(2)", "channel_shuffle(2)"),), "[4, 6, 6]"),
    Habit("PyTorch", ("clamp", "clip"), ("min", "max"), _clamp, "clamp(low = ..., high = ...)", (
        ("torch.clamp(x, 0, 6)", "x -> clamp(low = 0, high = 6)"), ("x.clamp(min=0.1)", "x -> clamp(low = 0.1)"),
        ("x.clamp(max=1)", "x -> clamp(high = 1)"),
    )),
    _reduction("sum", "sum"), _reduction("max", "amax"), _reduction("min", "amin"),
    _each("detach"), _each("abs"), _each("exp"), _each("sin"), _each("cos"), _each("square"), _each("sign"),
    _each("floor"), _each("sqrt", example=False), _each("rsqrt", example=False), _each("log", example=False),
)  # fmt: skip
