"""Kernels that are calculated from what is learned: standardized, masked, or with a length of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.kinds import Fault, Flag, Real, SettingKind
from archlang.ops.model import Arg, Module, OpCall, Setting, Weight
from archlang.ops.rules import flow
from archlang.ops.values import Option

KERNEL = Arg("weights", SettingKind("weights"), None, "how the kernel comes about; auto: it is learned as it is")

_EPS = Arg("eps", Real(0, above=True), 1e-6, "added to the variance")


def _setting(name: str, doc: str, *args: Arg, example: str = "") -> Setting:
    return Setting(name, "weights", doc, args, flow("[3, 32, 32]", f"conv(3x3, 64, weights = {example or name})"))


SETTINGS = (
    _setting("standardized", "The kernel of each channel that leaves has the mean 0 and the variance 1: "
             "(v - mean) / sqrt(variance + eps) (Qiao et al. 2019, eq. 7).", _EPS),
    _setting("scaled", "A standardized kernel over the root of how many numbers it has, times gamma and a factor that "
             "each channel learns: networks without norms (Brock et al. 2021, eq. 5).",
             Arg("gamma", Real(0, above=True), 1.0, "what keeps the variance through an activation, 1.7139588594436646 "
                 "for relu"),
             _EPS, Arg("gain", Real(), 1.0, "where the factors start"), example="scaled(gamma = 1.7139588594436646)"),
    _setting("weight_norm", "g v / |v| for each channel that leaves, with a learned length g that starts as that of v "
             "(Salimans and Kingma 2016, eq. 2)."),
    _setting("masked", "A kernel whose cells behind the middle one, row by row, are 0: a place sees what was drawn "
             "before it and itself alone (van den Oord et al. 2016, PixelRNN, section 3.4, masks A and B).",
             Arg("centre", Flag(), True, "whether the middle cell is kept, mask B; without it mask A"),
             example="masked(centre = false)"),
)


def checked_kernel(call: OpCall, numbers: int) -> None:
    """Nothing, if a kernel of so many numbers a channel can come about as it is told to. Raises conflicting-arguments.
    """
    made: Option | None = call.args.get("weights")
    # Its numbers are those that are learned, or 0: nothing is taken off them.
    if made is not None and made.name == "masked":
        _has_middle(call, made)
        return

    # A number less its own mean: the layer could never learn anything but its bias.
    if made is not None and made.name != "weight_norm" and numbers == 1:
        raise Fault("conflicting-arguments", f"with `{made.name}` a kernel of a single number is always 0",
                    argument="weights", help="leave out `weights`, or let a kernel read several channels or cells")

    # The length would be that of a kernel which is drawn and thrown away.
    if made is not None and made.name == "weight_norm" and call["init"] is not None:
        raise Fault("conflicting-arguments", "with `weight_norm` the kernel is a direction and a length, which start "
                    "as torch starts them", argument="init", help="leave out `init`")


def _has_middle(call: OpCall, made: Option) -> None:
    """Nothing, if a masked kernel has a middle cell, and another one that is kept. Raises conflicting-arguments."""
    if any(size % 2 == 0 for size in call["kernel"]):
        raise Fault("conflicting-arguments", "a masked kernel has a middle cell, and an even size has none",
                    argument="weights", help="a kernel of odd sizes, such as 7x7")
    if not made.args["centre"] and all(size == 1 for size in call["kernel"]):
        raise Fault("conflicting-arguments", "of a kernel of one cell nothing is left without its middle",
                    argument="weights", help="`masked` keeps the middle cell")


def gains(call: OpCall, kernel: tuple[Any, ...]) -> tuple[Weight, ...]:
    """The learned factors of a kernel [out channels, ...], behind its bias; none where it has none."""
    made: Option | None = call.args.get("weights")
    if made is None or made.name in ("standardized", "masked"):
        return ()
    return (Weight("gain", (kernel[0], *(1,) * (len(kernel) - 1))),)


def convolution(rank: int, arguments: Any) -> Module:
    """The module of a convolution over so many axes: torch's, or one that works out its kernel."""
    def target(call: OpCall) -> str:
        if call.args.get("weights") is None:
            return f"torch.nn.Conv{rank}d"
        return "archlang.layers.ReparametrizedConv"

    return Module(target, lambda call: {**arguments(call), **_form(call)})


def _form(call: OpCall) -> Mapping[str, Any]:
    made: Option | None = call.args.get("weights")
    if made is None:
        return {}
    return {"form": made.name, **made.args}
