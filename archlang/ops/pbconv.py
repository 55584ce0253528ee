"""Position boosting: `pbconv`, the choices of its small kernels, and what else it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from archlang.kernels import RULES
from archlang.ops.convolution import FARTHEST, INIT, MODES
from archlang.ops.facts import KernelsFacts
from archlang.ops.kinds import Flag, Int, Kind, ListKind, OneOf, PlacedSize, Real, SettingKind, SizeOf, String, Words
from archlang.ops.model import Arg, Function, Op, OpCall, Structure
from archlang.ops.model import Setting as Choice
from archlang.ops.normalisation import EPS
from archlang.ops.rules import flow, need_members, need_rank
from archlang.ops.values import Size
from archlang.ops.windows import as_pad, padding_kind
from archlang.shapes import Tensor

_MAP = "[8, 32, 32]"
_ENDS: Kind = ListKind(Int(0), 2, 2)


def _extended(call: OpCall, sign: Literal[1, -1]) -> Tensor:
    """The map with so many rows and columns more (sign 1) or fewer (sign -1)."""
    channels, height, width = need_rank(call, 3).dims
    rows, columns = sum(call["rows"]), sum(call["columns"])
    return Tensor((channels, height + sign * rows, width + sign * columns))


_SIDES = (
    Arg("rows", _ENDS, doc="cells above and below"),
    Arg("columns", _ENDS, doc="cells to the left and to the right"),
)

def _pad_arguments(call: OpCall) -> Mapping[str, Any]:
    # torch calls zeros by two names: "zeros" in a convolution, "constant" in `pad`.
    mode: str = call["mode"]
    if mode == "zeros":
        mode = "constant"
    return {"pad": as_pad((call["rows"], call["columns"])), "mode": mode}


def _crop_arguments(call: OpCall) -> Mapping[str, Any]:
    # Padding by less than nothing takes cells off, in the mode "constant" alone.
    sides = as_pad((call["rows"], call["columns"]))
    return {"pad": tuple(-cells for cells in sides), "mode": "constant"}


def _sum_target(call: OpCall) -> str:
    # Two branches are one call of torch, which a fused network shows as such.
    if len(call.inputs) == 2:
        return "torch.add"
    return "archlang.layers.total"


PAD = Op(
    name="pad_map", family="reshaping", internal=True, doc="A map with cells around it.",
    shape=lambda call: _extended(call, 1),
    torch=Function("torch.nn.functional.pad", _pad_arguments),
    args=(*_SIDES, Arg("mode", Words(MODES), "zeros", "what the cells hold")),
)

CROP = Op(
    name="crop_map", family="reshaping", internal=True, doc="A map without cells at its edges.",
    shape=lambda call: _extended(call, -1),
    torch=Function("torch.nn.functional.pad", _crop_arguments),
    args=_SIDES,
)

BOOSTED = Op(
    name="boosted_sum", family="merging", internal=True, takes="bundle", piece="boosted sum",
    line=lambda args: f"sum of branches over {args['kernel']}",
    doc="The sum of a convolution's branches: the large kernel's first, then one for each small kernel, then others.",
    shape=lambda call: need_members(call, "pbconv"),
    torch=Function(_sum_target),
    args=(
        Arg("coverage", String(), doc="how often each position is covered, row by row"),
        Arg("kernel", SizeOf(2), doc="the large kernel"),
        Arg("kernels", ListKind(PlacedSize(), 0), doc="the small kernels and their places"),
    ),
)

OPS = (PAD, CROP, BOOSTED)

# --- the choice of kernels -------------------------------------------------------------------------------------------

_SEARCHED = (
    Arg("seed", Int(0), 0, "of the random choice"),
    Arg("types", Int(1), None, "how many shapes are mixed; auto: 1, 2 or 3, a third each"),
    Arg("rules", Words(RULES), "full", "how they are placed; all but `full` are the paper's ablations"),
)


def _use(kernels: str) -> str:
    return flow(_MAP, f"pbconv(3x3, 16, kernels = {kernels}) -> relu")


SETTINGS = (
    Choice("none", "kernels", "No small kernels: an ordinary convolution.", (), _use("none"),
           facts=KernelsFacts("none")),
    Choice("acb", "kernels", "The middle row and column (asymmetric convolution block, Ding et al. 2019).", (),
           _use("acb"), facts=KernelsFacts("published")),
    Choice("dbb", "kernels", "A 1x1 kernel, 1x1 before the large kernel, 1x1 before its mean (diverse branch block, "
           "Ding et al. 2021).", (Arg("mean", Flag(), True, "whether the last is there; dilated kernels have none"),),
           _use("dbb"), facts=KernelsFacts("published", chains=True)),
    Choice("propose", "kernels", "Random small kernels that cover all positions, by the candidate rules (PBConv, "
           "section 4.3).", _SEARCHED, _use("propose(seed = 7)"), facts=KernelsFacts("drawn")),
    Choice("pbconv", "kernels", "The same as `propose`, so that a dial can say `none`, `acb`, `dbb` or `pbconv`.",
           _SEARCHED, _use("pbconv(seed = 7)"), facts=KernelsFacts("drawn")),
)

_GROUPS = OneOf((Int(1), Words(("channels",))))
_KERNELS = OneOf((ListKind(PlacedSize(), 0), SettingKind("kernels")))

PBCONV = Structure(
    "pbconv", "A convolution and its batch norm, boosted by small kernels at places inside the large one, each with a "
    "batch norm of its own; all are summed, and fused they are one convolution (Hao et al., PBConv).",
    (
        # Every position of the kernel is looked at when small ones are placed and their coverage is drawn.
        Arg("kernel", SizeOf(2, 1, 31), doc="the large kernel's size, at most 31x31"),
        Arg("channels", Int(1), None, "channels that leave; auto: `multiplier` for each that enters", placed=True),
        # Without a default, it may stand by place: where no kernels are wanted, the file says so.
        Arg("kernels", _KERNELS, doc="the small kernels and their places, from (1, 1) on, or how to find some"),
        Arg("stride", SizeOf(2, 1, FARTHEST[2]), Size((1, 1)), "steps between two places"),
        Arg("padding", padding_kind(2), None, "cells around the map; auto: keeps the size at stride 1"),
        Arg("dilation", SizeOf(2), Size((1, 1)), "steps between the kernel's cells"),
        Arg("groups", _GROUPS, 1, "parts that the channels are cut into; `channels`: one each (depthwise)"),
        Arg("padding_mode", Words(MODES), "zeros", "what the padding holds"),
        Arg("norm", Flag(), True, "whether each branch ends in a batch norm"),
        Arg("bias", Flag(), None, "of the large kernel; auto: yes, if no batch norm follows"),
        Arg("scale", Real(), 1.0, "where the scale of the large kernel's batch norm starts"),
        Arg("gamma", Real(), 1.0, "where the scales of the small kernels' batch norms start; 0: they add nothing yet"),
        EPS,
        Arg("momentum", Real(0, 1), 0.1, "weight of a batch in the running statistics"),
        Arg("multiplier", Int(1), 1, "channels that leave for each that enters, where `channels` is not given"),
        INIT,
    ),
    example=_use("[3x1 at (1, 2), 1x3 at (2, 1), 3x1 at (1, 1), 3x1 at (1, 3)]"),
)
