"""`pbconv`: what a position-boosted convolution and its peers are made of (Hao et al., PBConv, section 4.2).

Branch 0 is the large kernel, branch l the l-th small one; each is a convolution, with a batch norm unless `norm` is
false, called `pbconv.l.conv` and `pbconv.l.batch_norm`. A small kernel's padding is an operation of its own wherever
the convolution's would not do, so that whoever fuses the sum sees nothing but ordinary operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archlang.dataclass import dataclass
from archlang.elaborate.context import Build, chain
from archlang.elaborate.structures.common import Rule, node_of, tensor_in
from archlang.elaborate.values import Given, Place, Poisoned, StructureStage, TensorValue, Value
from archlang.kernels import (
    PEERS,
    Extent,
    Padding,
    Window,
    branch_padding,
    candidate,
    complaints,
    coverage,
    padding_steps,
    show,
    steps,
)
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import KernelsFacts
from archlang.ops.kinds import Fault
from archlang.ops.model import OpCall
from archlang.ops.rules import known, need_rank
from archlang.ops.values import Option, Placed, Size
from archlang.ops.windows import pairs
from archlang.source import Span

NONE: Padding = ((0, 0), (0, 0))


def _pbconv(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    windows = _windows(b, stage, place)
    x = tensor_in(b, stage, value, at, place)
    parts = _Parts(b, stage, place, x, _channels(b, stage, x, place))
    facts = _facts(stage)
    # `kernels = none` is the baseline of comparisons: the convolution alone, with no sum behind it.
    if facts is not None and facts.windows == "none":
        return parts.main(1)

    chains: tuple[Chain, ...] = ()
    if facts is not None and facts.chains:
        chosen: Option = stage.given["kernels"]
        chains = _chains(b, stage, parts, place, mean=bool(chosen.args["mean"]))

    # Branch 0 is the large kernel, then come the small ones, then the chains.
    count = 1 + len(windows) + len(chains)
    branches = [parts.main(count)]
    for window in windows:
        branches.append(parts.small(window, len(branches), count))
    for make in chains:
        branches.append(make(parts, len(branches), count))

    # The sum keeps what it is made of: the reports and pictures of coverage read it there.
    kernel: Size = stage.given["kernel"]
    args = {
        "coverage": show(coverage((kernel[0], kernel[1]), windows)), "kernel": kernel,
        "kernels": placed(windows),
    }
    return node_of(b, stage, "boosted_sum", args, tuple(branches), place, "sum")[0]


def _facts(stage: StructureStage) -> KernelsFacts | None:
    """Return the facts of a choice of small kernels; None where they are listed."""
    chosen = stage.given["kernels"]
    if isinstance(chosen, Option):
        return facts_of(chosen, KernelsFacts)
    return None


# --- which kernels ---------------------------------------------------------------------------------------------------


def _windows(b: Build, stage: StructureStage, place: Place) -> tuple[Window, ...]:
    """The small kernels, all that is wrong with them reported."""
    chosen, size = stage.given["kernels"], stage.given["kernel"]
    kernel = (size[0], size[1])
    facts = _facts(stage)
    if facts is not None and facts.windows == "none":
        return ()

    # A kernel of a single cell has no smaller one inside it, whichever way they are chosen.
    if kernel == (1, 1):
        help = "a plain `conv` does it, or `kernels = none`"
        (complaint,) = complaints(kernel, ())
        raise b.refuse(complaint.name, complaint.message, stage.given.spans.get("kernel", stage.span), help=help,
                       notes=chain(place))
    # Listed and published kernels take no search, but each position that they may cover is looked at.
    b.search(kernel[0] * kernel[1], f"counting what covers a {kernel[0]}x{kernel[1]} kernel", _span(stage, None))
    if facts is not None:
        return _chosen(b, stage, chosen, kernel, place)

    windows = tuple(_window(b, stage, listed, i, place) for i, listed in enumerate(chosen))
    problems = complaints(kernel, windows)
    for complaint in problems:
        b.refuse(complaint.name, complaint.message, _span(stage, complaint.index), notes=chain(place),
                 help=_HELP.get(complaint.name, ()))
    if problems:
        raise Poisoned
    return windows


_HELP = {
    "branch-outside": "places count from (1, 1), the top left corner; rows come first",
    "uncovered-positions": "every position is boosted by at least one small kernel; `propose(seed = 7)` finds some",
}


def _window(b: Build, stage: StructureStage, placed: Placed, index: int, place: Place) -> Window:
    if len(placed.size) == 2 and len(placed.place) == 2:
        return Window(*placed.size, *placed.place)
    message = f"`{placed}` is no kernel in a plane: rows x columns at (row, column) are wanted"
    raise b.refuse("wrong-kind", message, _span(stage, index), notes=chain(place))


def _span(stage: StructureStage, index: int | None) -> Span:
    """Find the place of one kernel of a list, or of all of them."""
    single = stage.given.places.get("kernels", ())
    # A list that a `let` or a dial brings is one place for all of its kernels.
    if index is not None and len(single) == len(stage.given["kernels"]):
        return single[index]
    return stage.given.spans.get("kernels", stage.span)


def _chosen(b: Build, stage: StructureStage, chosen: Option, kernel: tuple[int, int],
            place: Place) -> tuple[Window, ...]:
    """The small kernels that a published block has, or that a search by rules proposes."""
    if facts_of(chosen, KernelsFacts).windows == "published":
        return PEERS[chosen.name](kernel)

    try:
        windows = _drawn(b, stage, chosen, kernel)
    except ValueError as problem:
        raise b.refuse("branch-count", str(problem), _span(stage, None), notes=chain(place)) from None

    # Kept for the network as one file, which lists them; kernels with complaints could not be read there again.
    listed: tuple[Placed, ...] = ()
    if not complaints(kernel, windows):
        listed = placed(windows)
    b.proposed.setdefault(id(chosen.origin), set()).add(listed)
    return windows


def _drawn(b: Build, stage: StructureStage, chosen: Option, kernel: Extent) -> tuple[Window, ...]:
    """The small kernels of a seed, drawn once however often they are used. Raises ValueError, and `Poisoned`."""
    seed, types, rules = (chosen.args[name] for name in ("seed", "types", "rules"))
    key = (kernel, seed, types, rules)
    if key not in b.candidates:
        what = f"placing small kernels over a {kernel[0]}x{kernel[1]} kernel"
        b.search(steps(kernel), what, _span(stage, None), "list the small kernels, or take a smaller kernel")
        b.candidates[key] = candidate(kernel, seed, types, rules)  # type: ignore[arg-type]  # checked by their kinds
    return b.candidates[key]


def placed(windows: Sequence[Window]) -> tuple[Placed, ...]:
    """Small kernels as values of the language."""
    return tuple(Placed(Size((window.height, window.width)), (window.row, window.column)) for window in windows)


# --- the branches ----------------------------------------------------------------------------------------------------


def _channels(b: Build, stage: StructureStage, x: TensorValue, place: Place) -> int:
    """Channels that leave."""
    given: int | None = stage.given["channels"]
    try:
        need_rank(OpCall((x.type,), {}), 3)
        entering = known(x.type.dims[0], "channels")
    except Fault as fault:
        raise b.fault(fault, stage.span, stage.given, place) from None
    if given is not None:
        return given
    return entering * int(stage.given["multiplier"])


@dataclass
class _Parts:
    """Makes the branches of one `pbconv`."""

    b: Build
    stage: StructureStage
    place: Place
    x: TensorValue
    channels: int

    @property
    def given(self) -> Given:
        return self.stage.given

    @property
    def groups(self) -> int:
        entering = self.x.type.dims[0]
        assert isinstance(entering, int)
        if self.given["groups"] == "channels":
            return entering
        return int(self.given["groups"])

    @property
    def silent(self) -> bool:
        """True if small branches start at nothing without a batch norm to say so."""
        return not self.given["norm"] and self.given["gamma"] == 0

    @property
    def padding(self) -> Padding:
        rows, columns = pairs(self.given["padding"], self.given["kernel"], self.given["dilation"])
        return rows, columns

    def branch(self, index: int, count: int) -> Place:
        """The scope of a branch's modules."""
        return self.place.member("pbconv", index, count)

    def node(self, op: str, args: Mapping[str, Any], x: TensorValue, at: Place) -> TensorValue:
        """A node with the given arguments, the others by default."""
        defaults = {arg.name: arg.default for arg in self.b.catalogue.ops[op].args}
        return node_of(self.b, self.stage, op, {**defaults, **args}, (x,), at, op)[0]

    def main(self, count: int) -> TensorValue:
        """Branch 0: the convolution itself."""
        at, given = self.branch(0, count), self.given
        names = ("kernel", "stride", "padding", "dilation", "groups", "padding_mode", "bias", "init")
        args = {name: given[name] for name in names}
        args["channels"] = self.channels  # worked out, where the file gives a multiplier
        return self.normed(self.node("conv", args, self.x, at), at, given["scale"])

    def small(self, window: Window, index: int, count: int) -> TensorValue:
        """A branch for a small kernel: what it must not see cut off, what it lacks added."""
        given, kernel = self.given, self.given["kernel"]
        at = self.branch(index, count)
        # Padded by so much, the small kernel sees the cells that its part of the large one would see.
        net = branch_padding(self.padding, given["dilation"], (kernel[0], kernel[1]), window)
        x, padding = self.padded(self.x, net, at)
        y = self.conv(Size((window.height, window.width)), self.channels, x, padding, at, last=True)
        return self.normed(y, at, given["gamma"])

    def conv(self, kernel: Size, channels: int, x: TensorValue, padding: Size, at: Place,
             last: bool = False, strided: bool = True) -> TensorValue:
        """A convolution of a branch, without bias; `last`: before the branch's last batch norm."""
        given = self.given
        init = given["init"]
        if last and self.silent:
            init = Option("zeros", "initialiser")
        args: dict[str, Any] = {"kernel": kernel, "channels": channels, "padding": padding, "groups": self.groups,
                                "bias": False, "init": init}
        if strided:
            args |= {"stride": given["stride"], "dilation": given["dilation"]}
        return self.node("conv", args, x, at)

    def normed(self, x: TensorValue, at: Place, scale: float) -> TensorValue:
        """With a batch norm, unless there is none."""
        if not self.given["norm"]:
            return x
        args = {"scale": scale, "eps": self.given["eps"], "momentum": self.given["momentum"]}
        return self.node("batch_norm", args, x, at)

    def padded(self, x: TensorValue, net: Padding, at: Place) -> tuple[TensorValue, Size]:
        """The map with what is left to the convolution itself: symmetric zeros, where that is all."""
        mode = self.given["padding_mode"]
        # A convolution of torch pads both sides of an axis alike, and by less than nothing it cannot pad.
        if mode == "zeros" and all(before == after >= 0 for before, after in net):
            (top, _), (left, _) = net
            return x, Size((top, left))

        added, cut = padding_steps(net, self.padding, mode == "zeros")
        if added != NONE:
            x = self.node("pad_map", {"rows": added[0], "columns": added[1], "mode": mode}, x, at)
        if cut != NONE:
            rows, columns = (tuple(-cells for cells in pair) for pair in cut)
            x = self.node("crop_map", {"rows": rows, "columns": columns}, x, at)
        return x, Size((0, 0))


# --- diverse branch blocks -------------------------------------------------------------------------------------------


def _chains(b: Build, stage: StructureStage, parts: _Parts, place: Place, mean: bool) -> tuple[Chain, ...]:
    """The chains of a diverse branch block (Ding et al. 2021, figure 2), with the mean or without."""
    if not mean:
        return (_reduced,)

    if any(step != 1 for step in stage.given["dilation"]):  # torch's mean pool has no dilation
        raise b.refuse("out-of-range", "the mean of a diverse branch block cannot be dilated",
                       stage.given.spans.get("dilation", stage.span), notes=chain(place),
                       help="`dbb(mean = false)` is the block without it")
    if parts.silent and _plain_mean(parts):
        message = "without batch norms the mean of each channel has no weights that could start at 0"
        raise b.refuse("out-of-range", message, stage.given.spans.get("gamma", stage.span), notes=chain(place))
    return (_reduced, _mean)


def _plain_mean(parts: _Parts) -> bool:
    """Tell whether the mean stands alone: in a depthwise convolution there are no channels to mix before it."""
    return parts.groups == parts.x.type.dims[0] == parts.channels


def _reduced(parts: _Parts, index: int, count: int) -> TensorValue:
    """1x1, then the large kernel. The padding stands before the 1x1: its bias then reaches the border as well."""
    at, entering = parts.branch(index, count), parts.x.type.dims[0]
    assert isinstance(entering, int)
    inner = entering
    # A depthwise 1x1 would only scale each channel: there are two of each instead.
    if parts.groups == parts.channels:
        inner = 2 * entering
    x, padding = parts.padded(parts.x, parts.padding, at)
    x = parts.normed(parts.conv(Size((1, 1)), inner, x, padding, at, strided=False), at, 1.0)
    x = parts.conv(parts.given["kernel"], parts.channels, x, Size((0, 0)), at, last=True)
    return parts.normed(x, at, parts.given["gamma"])


def _mean(parts: _Parts, index: int, count: int) -> TensorValue:
    """1x1, then the mean of each window; of a depthwise convolution the mean alone."""
    at = parts.branch(index, count)
    x, padding = parts.padded(parts.x, parts.padding, at)
    if not _plain_mean(parts):
        x = parts.conv(Size((1, 1)), parts.channels, x, padding, at, last=True, strided=False)
        x, padding = parts.normed(x, at, 1.0), Size((0, 0))  # padded before the 1x1, as in `_reduced`
    args = {"size": parts.given["kernel"], "stride": parts.given["stride"], "padding": padding}
    return parts.normed(parts.node("avg_pool", args, x, at), at, parts.given["gamma"])


Chain = Callable[[_Parts, int, int], TensorValue]
"""Makes a branch of several operations: of the parts, the branch's index, and how many branches there are."""

RULES: dict[str, Rule] = {"pbconv": _pbconv}
