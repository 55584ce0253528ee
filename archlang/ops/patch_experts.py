"""Patches of a map and experts for them: what files write, and what it becomes in the graph (PCE, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.extents import Extent
from archlang.ops.kinds import Fault, Int, ListKind, OneOf, Real, SettingKind, SizeOf, StageKind, Words
from archlang.ops.model import Arg, Function, Module, Op, OpCall, Setting, Structure, Weight
from archlang.ops.rules import flow, known, need_members, need_rank
from archlang.ops.values import Option
from archlang.shapes import Tensor

ROUTED = Words(("soft", "hard"))

_CELLS = (
    Arg("rows", Extent(), doc="rows of patches"),
    Arg("columns", Extent(), doc="columns of patches"),
)
_STRIDE = Arg("stride", SizeOf(2), doc="steps between two patches")


def _grid(call: OpCall) -> dict[str, Any]:
    return {"rows": call["rows"], "columns": call["columns"]}


# --- the grid --------------------------------------------------------------------------------------------------------


def _cut_shape(call: OpCall) -> Tensor:
    return Tensor((need_rank(call, 3).dims[0], *call["size"]))


def _grid_line(args: Mapping[str, Any]) -> str:
    line = f"grid {args['rows']} × {args['columns']} of {args['size']}"
    # Patches side by side are the common case, of which the stride says nothing new.
    if args["stride"] != args["size"]:
        line += f", every {args['stride']}"
    return line


CUT_PATCHES = Op(
    name="cut_patches", family="patch_experts", internal=True, piece="cut patches", line=_grid_line,
    doc="Patches of a map, row by row, each from here on a sample of its own; zeros below and on the right where they "
    "reach over the edge (PCE, eq. 1).",
    shape=_cut_shape,
    torch=Function("archlang.layers.cut_patches", lambda call: {
        "size": tuple(call["size"]), "stride": tuple(call["stride"]), **_grid(call)}),
    args=(Arg("size", SizeOf(2), doc="a patch"), _STRIDE, *_CELLS),
)


def _position_shape(call: OpCall) -> Tensor:
    channels, *places = need_rank(call, 3).dims
    # Two coordinates of the patch in its grid, two of the pixel in its patch.
    return Tensor((channels + 4, *places))


ADD_POSITION = Op(
    name="add_position", family="patch_experts", internal=True,
    line=lambda args: "x, y in the grid; x, y in the patch",
    doc="Four channels more: x and y of the patch in the grid, x and y of a pixel in the patch, from 0 to 1 (PCE, "
    "section 4.1.1).",
    shape=_position_shape, torch=Function("archlang.layers.add_position", _grid), args=_CELLS,
)


def _back_shape(call: OpCall) -> Tensor:
    # Not worked out from the grid: patches may reach over the map's edge, where they were filled up with zeros.
    return Tensor((need_rank(call, 3).dims[0], *call["size"]))


def _map_line(args: Mapping[str, Any]) -> str:
    height, width = args["size"]
    return f"one map {height}x{width}"


def _cut_positions_shape(call: OpCall) -> Tensor:
    return Tensor((need_rank(call, 2).dims[1],))


CUT_POSITIONS = Op(
    name="cut_positions", family="patch_experts", internal=True, line=lambda args: "each position by itself",
    doc="The positions of a sequence, each from here on a sample of its own.",
    shape=_cut_positions_shape, torch=Function("torch.flatten", lambda call: {"start_dim": 0, "end_dim": 1}),
)

PUT_POSITIONS = Op(
    name="put_positions", family="patch_experts", internal=True, line=lambda args: "one sequence",
    doc="Positions beside each other again, as one sequence.",
    shape=lambda call: Tensor((call["positions"], need_rank(call, 1).dims[0])),
    torch=Function("archlang.layers.put_positions", lambda call: {"positions": call["positions"]}),
    args=(Arg("positions", Extent(), doc="how many there are in a sample"),),
)

PUT_BACK = Op(
    name="put_back", family="patch_experts", internal=True, piece="put back", line=_map_line,
    doc="Patches back where they were cut, as one map; their mean where they overlap.",
    shape=_back_shape,
    torch=Function("archlang.layers.put_back", lambda call: {
        "size": tuple(call["size"]), "stride": tuple(call["stride"]), **_grid(call)}),
    args=(Arg("size", ListKind(Extent(), 2, 2), doc="the map, rows by columns"), _STRIDE, *_CELLS),
)

# --- experts ---------------------------------------------------------------------------------------------------------


def _route_shape(call: OpCall) -> tuple[Tensor, ...]:
    """Filtered weights and weights, [experts] each, the threshold, [1], and its three parts, [3] (eq. 4-10)."""
    need_rank(call, 1)
    known(call.x.dims[0], "features of an embedding")
    weights = Tensor((call["experts"],))
    return weights, weights, Tensor((1,)), Tensor((3,))


def _route_weights(call: OpCall) -> tuple[Weight, ...]:
    keys = Weight("keys", (call["experts"], call.x.dims[0]))
    if call["start"] != "kmeans":
        return (keys,)

    # Whether keys have been put amid a first batch: kept with them, so that training that goes on does not start anew.
    return keys, Weight("started", (), False, "int64")


def _route_arguments(call: OpCall) -> Mapping[str, Any]:
    """The arguments of `layers.CosineRouter`: of its threshold those that the kind of threshold reads."""
    arguments: dict[str, Any] = {
        "experts": call["experts"], "features": call.x.dims[0], "start": call["start"],
        "steepness": call["steepness"], "temperature": call["temperature"], "keep": call["keep"],
    }
    top: Option | None = None
    if isinstance(call["keep"], Option):
        top = call["keep"]
        arguments["keep"] = top.args["k"]

    threshold: Option | None = call["threshold"]
    name, args = "adaptive", _ADAPTED
    if threshold is not None:
        name, args = threshold.name, threshold.args

    if name == "fixed":
        arguments["fixed"] = args["value"]
        return arguments
    # The k largest are kept whatever they weigh: an adaptive threshold would be worked out for nothing.
    if name == "none" or top is not None:
        return arguments

    arguments |= {"threshold": (args["max"], args["entropy"], args["gap"])}
    arguments |= {"base": args["base"], "form": args["form"]}
    return arguments


# The defaults of the setting `adaptive`, for `threshold = auto`.
_ADAPTED: Mapping[str, Any] = {"max": 0.4, "entropy": 0.3, "gap": 0.3, "form": "document", "base": 1.0}

_ROUTING = (
    Arg("threshold", SettingKind("threshold"), None, "what a weight must reach; auto: `adaptive`, none with `top(k)`"),
    Arg("steepness", Real(0, above=True), 10.0, "of the soft filter"),
    Arg("temperature", Real(0, above=True), 1.0, "that cosines are divided by before the softmax"),
    Arg("keep", OneOf((ROUTED, SettingKind("filter"))), "soft", "`soft`: each weight times a sigmoid; `hard`: those "
        "that reach the threshold, and the largest; `top(k)`: the k largest"),
    Arg("start", Words(("kmeans", "random")), "kmeans", "where keys start: amid the first batch of a training, or "
        "anywhere"),
)

def _router_line(args: Mapping[str, Any]) -> str:
    return f"cosines with {args['experts']} keys, {_filter_line(args['keep'], args['threshold'])}"


def _filter_line(keep: str | Option, threshold: Option | None) -> str:
    """Describe the filter of weights in a few words."""
    # `top(k)` is the only setting of the role `filter`.
    if isinstance(keep, Option):
        return f"the {keep.args['k']} largest"

    name = "adaptive"
    if threshold is not None:
        name = threshold.name
    if name == "none":
        return "no threshold"

    value = ""
    if threshold is not None and name == "fixed":
        value = f" {threshold.args['value']}"
    return f"{keep} {name} threshold{value}"


COSINE = Op(
    name="cosine", family="patch_experts", internal=True, keyed=True, before=1, line=_router_line,
    taps=((0, ""), (1, "before"), (2, "threshold"), (3, "parts")),
    doc="Weights of experts: a softmax of the cosines of an embedding with a key for each, filtered by a threshold "
    "and divided by their sum (PCE, eq. 2-11); then the weights before the filter, the threshold, its three parts.",
    shape=_route_shape, weights=_route_weights,
    flops=lambda call: 2 * call["experts"] * call.x.dims[0],
    torch=Module("archlang.layers.CosineRouter", _route_arguments),
    args=(Arg("experts", Int(1), doc="how many"), *_ROUTING),
)


def _dispatch_shape(call: OpCall) -> tuple[Tensor, ...]:
    """The weights that count, [experts], then the rows once for each expert."""
    weights, x = call.inputs
    # All rows in the types: how many of them an expert gets at inference is known with the data alone.
    return (weights, *(x,) * int(call["experts"]))


def _dispatch_line(args: Mapping[str, Any]) -> str:
    if args["experts"] == 1:
        return "to 1 expert"
    return f"to {args['experts']} experts"


DISPATCH = Op(
    name="dispatch", family="patch_experts", internal=True, piece="dispatch",
    line=_dispatch_line,
    doc="Hands rows to experts: the weights that count, then what each expert gets; all rows, or at inference those "
    "with a weight of at least `cut` times the row's largest.",
    shape=_dispatch_shape,
    torch=Module("archlang.layers.Dispatch", lambda call: {"experts": call["experts"], "cut": call["cut"]}),
    args=(
        Arg("experts", Int(1), doc="how many"),
        Arg("cut", Real(0, 1), None, "share of a row's largest weight that an expert needs at inference; auto: all "
            "experts get all rows"),
    ),
)


def _join_shape(call: OpCall) -> Tensor:
    weights, *results = call.inputs
    # The weights are no result: the rule for members must not compare them with those.
    x = need_members(OpCall(tuple(results), call.args), "experts")
    if weights != Tensor((len(results),)):
        raise Fault("router-inputs", f"weights {weights} do not fit {len(results)} experts")
    return x


JOIN_EXPERTS = Op(
    name="join_experts", family="patch_experts", internal=True, takes="bundle", drawn="sum", weighted=True,
    piece="joined experts",
    doc="What experts made, summed by their weights (PCE, eq. 12).",
    shape=_join_shape, torch=Function("archlang.layers.join_experts"),
)

OPS = (CUT_PATCHES, ADD_POSITION, CUT_POSITIONS, PUT_POSITIONS, PUT_BACK, COSINE, DISPATCH, JOIN_EXPERTS)

# --- what files write ------------------------------------------------------------------------------------------------

_MAP = "[8, 32, 32]"
_EMBED = "conv(3x3, 8) -> pyramid_pool(1, 2, 4)"


def _use(router: str = "", stages: str = "conv(3x3, 8) -> batch_norm -> relu") -> str:
    by = f"cosine_router({_EMBED}{router})"
    return flow(_MAP, f"patches(16x16) -> position -> experts(4, {by}) {{ {stages} }} -> unpatch")


PATCHED = (
    Structure(
        "patches", "Cuts a map into a grid of patches, filled up with zeros below and on the right where sizes do not "
        "divide.",
        (
            Arg("size", SizeOf(2), doc="a patch"),
            Arg("stride", SizeOf(2), None, "steps between two patches; auto: the size, so that none overlap"),
        ),
        example=flow(_MAP, "patches(16x16, stride = 8) -> shared { conv(3x3, 8) } -> unpatch"),
    ),
    Structure(
        "position", "Adds four channels to patches: x and y of the patch in its grid, x and y of a pixel in its patch, "
        "from 0 to 1.", example=_use(),
    ),
    Structure(
        "experts", "n flows with weights of their own on each patch (or each sample of a tensor, or each position of a "
        "sequence): the sum of their results, weighted by a router. At inference a patch can go to the experts alone "
        "that weigh enough.",
        (
            Arg("n", Int(1), doc="experts"),
            Arg("router", SettingKind("router"), doc="how the weights come about"),
            Arg("over", Words(("samples", "positions")), None, "what is routed: whole samples, or every position of "
                "a sequence by itself, which is a vector in the braces; auto: samples, or the patches of a grid"),
        ),
        body="flow", example=_use(),
    ),
    Structure(
        "unpatch", "Puts the patches of a grid back where they were cut; their mean where they overlap.",
        example=flow(_MAP, "patches(8x8) -> shared { conv(3x3, 8) } -> unpatch"),
    ),
)


def _threshold(name: str, doc: str, *args: Arg, use: str = "") -> Setting:
    return Setting(name, "threshold", doc, args, _use(f", threshold = {use or name}"))


SETTINGS = (
    Setting(
        "cosine_router", "router", "Weights of experts by the cosine of an embedding with a key for each, filtered by "
        "a threshold (PCE, section 4.1.2).",
        (Arg("embed", StageKind(), doc="what makes a vector of each patch"), *_ROUTING), _use(", temperature = 0.1"),
    ),
    _threshold("adaptive", "`base (max (1 - w_max) + entropy H / H_max + gap (w_1 - w_rest) / w_1)` of each patch "
               "(PCE, eq. 4-10).",
               Arg("max", Real(0), 0.4, "share of what the largest weight lacks"),
               Arg("entropy", Real(0), 0.3, "share of the entropy"),
               Arg("gap", Real(0), 0.3, "share of the gap between the largest weight and those after it"),
               Arg("form", Words(("document", "authors")), "document", "the entropy's term: H / H_max; or "
                   "1 - H / H_max, as in the authors' code"),
               Arg("base", Real(0), 1.0, "a factor of it all, as in the authors' code"),
               use="adaptive(max = 0.4, entropy = 0.3, gap = 0.3)"),
    _threshold("fixed", "The same threshold for every patch.", Arg("value", Real(0, 1), doc="what a weight must reach"),
               use="fixed(0.2)"),
    _threshold("none", "No threshold: the softmax alone."),
    Setting("top", "filter", "Keeps the k largest weights of each patch, whatever the threshold.",
            (Arg("k", Int(1), doc="how many"),), _use(", keep = top(2)")),
)
