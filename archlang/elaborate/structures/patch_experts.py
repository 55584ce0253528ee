"""Patches and their experts: `patches`, `position`, `experts`, `unpatch`, and `shared` on a grid (PCE, section 4.1).

In the graph a grid is one tensor whose batch holds all patches of all samples, so that what is done to every patch is
one node. Experts are handed rows: patches of a grid, or whole samples where a plain tensor comes in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from archlang.diagnostics import Label
from archlang.elaborate.context import Build, chain
from archlang.elaborate.layers import through_router
from archlang.elaborate.structures.common import Rule, applied, braces, collected, inside, node_of, tensor_in
from archlang.elaborate.values import BundleValue, GridValue, Place, Stage, StructureStage, TensorValue, Value
from archlang.graph.ir import Port
from archlang.ops.kinds import Fault
from archlang.ops.model import OpCall
from archlang.ops.rules import need_at_least, need_rank
from archlang.ops.values import Option, Size
from archlang.shapes import Dim, divides
from archlang.source import Span

# --- the grid --------------------------------------------------------------------------------------------------------


def _patches(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    size: Size = stage.given["size"]
    stride: Size = stage.given["stride"] or size
    _steps_fit(b, stage, size, stride, place)

    x = tensor_in(b, stage, value, at, place)
    try:
        _, height, width = need_rank(OpCall((x.type,), {}), 3).dims
        rows, columns = _count(height, size[0], stride[0]), _count(width, size[1], stride[1])
    except Fault as fault:
        labels = []
        if not fault.label:
            labels.append(Label(at, f"this is {x.type}"))
        raise b.fault(fault, stage.span, stage.given, place, labels) from None

    # Patches stand side by side in the batch, those of patches too: a sample has so many rows behind it.
    args = {"size": size, "stride": stride, "rows": rows, "columns": columns}
    outer = b.rows_of((x,))
    (patches,) = node_of(b, stage, "cut_patches", args, (x,), place, "cut", outer * rows * columns)
    return GridValue(tensor=patches, rows=rows, columns=columns, size=(height, width), patch=(size[0], size[1]),
                     stride=(stride[0], stride[1]), outer=outer)


def _steps_fit(b: Build, stage: StructureStage, size: Size, stride: Size, place: Place) -> None:
    if any(step > cells for step, cells in zip(stride, size, strict=True)):
        message = f"patches of {size} every {stride} leave out parts of the map"
        raise b.refuse("out-of-range", message, stage.given.spans.get("stride", stage.span), notes=chain(place),
                       help="a stride is at most the size of a patch")


def _count(cells: Dim, size: int, stride: int) -> Dim:
    """Count the patches that a row or column of cells needs, the last one filled up."""
    message = f"a patch of {size} cells does not fit into {cells}"
    need_at_least(cells, size, "patch-too-large", message, argument="size")
    # 1 + ceil((cells - size) / stride)
    return (cells - size + stride - 1) // stride + 1


def _position(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    grid = _grid_in(b, stage, value, at, place)
    args = {"rows": grid.rows, "columns": grid.columns}
    return replace(grid, tensor=node_of(b, stage, "add_position", args, (grid.tensor,), place, "add")[0])


def _unpatch(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    grid = _grid_in(b, stage, value, at, place)
    height_and_width = grid.tensor.type.dims[1:]
    scaled: list[tuple[Dim, int]] = []
    if len(height_and_width) == 2:
        for sizes in zip(grid.size, grid.stride, height_and_width, grid.patch, strict=True):
            size_and_stride = _scaled(*sizes)
            if size_and_stride is not None:
                scaled.append(size_and_stride)

    # Of vectors, or where an axis does not fit, there is no map to put together.
    if len(scaled) < 2:
        message = f"patches were cut as {Size(grid.patch)} maps and are {grid.tensor.type} now"
        raise b.refuse("shape-mismatch", message, stage.span, secondary=(Label(at, f"this is {grid.type}"),),
                       notes=chain(place), help="`unpatch` puts back maps, of that size or of all sizes in proportion")

    size, stride = zip(*scaled, strict=True)
    args = {"size": size, "stride": Size(stride), "rows": grid.rows, "columns": grid.columns}
    return node_of(b, stage, "put_back", args, (grid.tensor,), place, "put", grid.outer)[0]


def _scaled(size: Dim, stride: int, now: Dim, patch: int) -> tuple[Dim, int] | None:
    """The size of a map and the step between its patches when patches of one size became another; None: they do not."""
    if now == patch:
        return size, stride
    # A step of half a cell cannot be made, and of a symbolic size this must hold for all of its values.
    if not isinstance(now, int) or (stride * now) % patch or divides(patch, size * now) is not True:
        return None
    return (size * now) // patch, stride * now // patch


def _grid_in(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> GridValue:
    if isinstance(value, GridValue):
        return value
    what = "a bundle"
    if isinstance(value, TensorValue):
        what = "one tensor"
    raise b.refuse("expected-grid", f"`{stage.structure.name}` works on a grid of patches, this is {what}", stage.span,
                   secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                   help="`patches(16x16)` cuts a map into a grid")


def shared_by_patches(b: Build, stage: StructureStage, grid: GridValue, at: Span, place: Place) -> Value:
    """`shared { flow }` on a grid: the flow sees one patch, and has one set of weights for all."""
    nodes_before = len(b.graph)
    # The patches are one tensor: no members, and the modules stand where the stage does.
    inner = replace(place.member("shared", 0, 1), path=place.path, taken={}, members=place.members)
    result = inside(b, stage, braces(stage), grid.tensor, at, inner)
    if not isinstance(result, TensorValue):
        raise b.refuse("expected-tensor", "a patch becomes one tensor, this flow makes a bundle", stage.span,
                       secondary=(Label(braces(stage).span, f"this is {result.type}"),), notes=chain(place))

    _sees_nothing_else(b, stage, nodes_before, (grid.tensor.port,), place)
    return replace(grid, tensor=result)


def _sees_nothing_else(b: Build, stage: StructureStage, nodes_before: int, entering: Iterable[Port],
                       place: Place) -> None:
    """Refuse a flow in the braces that reads another tensor than what enters: that one has other rows.

    The flow's nodes are those behind the first `nodes_before` of the graph.
    """
    # The shapes would not tell: they are those of one row, and the batch stands in none of them.
    added = b.made_since(nodes_before)
    inner, allowed = {node.id for node in added}, set(entering)
    for node in added:
        for port in node.inputs:
            if port.node not in inner and port not in allowed:
                message = f"a flow in `{stage.structure.name}` sees what flows in and nothing else"
                raise b.refuse("shape-mismatch", message, node.span, notes=chain(place),
                               help=f"this also reads `{b.graph.node(port.node).name}`, which is not cut into patches "
                               "or handed to experts; bring it in before")


# --- experts ---------------------------------------------------------------------------------------------------------


def _experts(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    tree, count = braces(stage), int(stage.given["n"])
    b.tick(stage.span, place, count)
    x = _rows(b, stage, value, at, place)
    weights = _weights(b, stage, x, count, place)

    # Where the router itself keeps only some experts, 0 asks `dispatch` to leave out what it gave no weight.
    cut = None
    if b.graph.node(weights.port.node).op.sparse:
        cut = 0.0
    handed = node_of(b, stage, "dispatch", {"experts": count, "cut": cut}, (weights, x), place, "dispatch")

    def make(i: int) -> Value:
        nodes_before = len(b.graph)
        rows = handed[1 + i]  # the first result is how they were handed out, for `join_experts`
        result = inside(b, stage, tree, rows, at, place.member("experts", i, count))
        if not isinstance(result, TensorValue):
            raise b.refuse("expected-tensor", "an expert makes one tensor, this flow makes a bundle", tree.span,
                           f"this is {result.type}", notes=chain(place))
        _sees_nothing_else(b, stage, nodes_before, (rows.port,), place)
        return result

    bundle = collected(count, make)
    assert isinstance(bundle, BundleValue)
    results: tuple[TensorValue, ...] = bundle.members  # type: ignore[assignment]  # each is a tensor, checked above
    (total,) = node_of(b, stage, "join_experts", {}, (handed[0], *results), place, "sum")
    if isinstance(value, GridValue):
        return replace(value, tensor=total)
    if stage.given["over"] != "positions":
        return total

    if total.type.rank != 1:
        raise b.refuse("wrong-rank", f"experts of positions make vectors, these make {total.type}", tree.span,
                       notes=chain(place))
    assert isinstance(value, TensorValue)
    args = {"positions": value.type.dims[0]}
    return node_of(b, stage, "put_positions", args, (total,), place, "put", b.rows_of((value,)))[0]


def _rows(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> TensorValue:
    """The rows that experts are chosen for: patches of a grid, positions of a sequence, or whole samples."""
    over = stage.given["over"]
    if isinstance(value, GridValue):
        if over is not None:
            raise b.refuse("conflicting-arguments", "the rows of a grid are its patches: `over` is for tensors",
                           stage.given.spans["over"], notes=chain(place))
        return value.tensor

    x = tensor_in(b, stage, value, at, place)
    if over != "positions":
        return x
    if x.type.rank != 2:
        raise b.refuse("wrong-rank", f"only a sequence [positions, features] has positions, this is {x.type}",
                       stage.given.spans["over"], secondary=(Label(at, f"this is {x.type}"),), notes=chain(place))
    rows = b.rows_of((x,)) * x.type.dims[0]
    return node_of(b, stage, "cut_positions", {}, (x,), place, "cut", rows)[0]


def _weights(b: Build, stage: StructureStage, x: TensorValue, count: int, place: Place) -> TensorValue:
    """The weights of the experts for each row, [n], by whichever router gives such."""
    router: Option = stage.given["router"]
    make = ROUTERS.get(router.name)
    if make is None:
        known = ", ".join(f"`{name}`" for name in ROUTERS)
        message = f"`{router.name}` gives no weights for each patch that experts could be chosen by"
        raise b.refuse("router-inputs", message, stage.given.spans["router"], notes=chain(place),
                       help=f"a router of experts is one of {known}")
    # The router of a `layer` has its modules there; its own ones lie beside the experts.
    held = router.holder is not None
    return through_router(b, router, stage.given.spans["router"], str(x.type), place if held else place.enter("router"),
                          lambda inner: make(b, stage, router, x, count, inner))


def _cosine(b: Build, stage: StructureStage, router: Option, x: TensorValue, count: int,
            place: Place) -> TensorValue:
    """Cosines of an embedding of each row with a key for each expert (PCE, eq. 2-11)."""
    span = stage.given.spans["router"]
    args = dict(router.args)
    embed = args.pop("embed")
    assert isinstance(embed, Stage), "its kind says so"
    _filter_fits(b, args, count, span, place)

    nodes_before = len(b.graph)
    embedding = applied(b, embed, x, span, place)
    if not isinstance(embedding, TensorValue) or embedding.type.rank != 1:
        message = f"an embedding is a vector of each patch, this is {embedding.type}"
        raise b.refuse("wrong-rank", message, span, notes=chain(place),
                       help="`conv(3x3, 8) -> pyramid_pool(1, 2, 4)` makes a vector of a map")
    _sees_nothing_else(b, stage, nodes_before, (x.port,), place)
    return node_of(b, stage, "cosine", {**args, "experts": count}, (embedding,), place, "cosine")[0]


def _filter_fits(b: Build, args: dict[str, object], count: int, span: Span, place: Place) -> None:
    """`top(k)` keeps no more than there are, and asks for no threshold."""
    keep, threshold = args["keep"], args["threshold"]
    if not isinstance(keep, Option):
        return

    if int(str(keep.args["k"])) > count:
        experts = "a single expert"
        if count > 1:
            experts = f"{count} experts"
        message = f"`{keep}` keeps more weights than there are: this router chooses between {experts}"
        raise b.refuse("out-of-range", message, span, notes=chain(place))
    if threshold is not None and str(threshold) != "none":
        message = f"`{keep}` keeps the largest weights, whatever a threshold says"
        raise b.refuse("conflicting-arguments", message, span, notes=chain(place),
                       help="`keep = soft` or `keep = hard` goes with a threshold")


def _gated(b: Build, stage: StructureStage, router: Option, x: TensorValue, count: int,
           place: Place) -> TensorValue:
    """The gates of a cross-connection with one input: a softmax over the experts (Tissera 2023, eq. 3.3-3.5)."""
    args = {"hidden": router.args["hidden"], "outputs": count}
    # Gates are [inputs, outputs]; of one input they are the weights of the experts themselves.
    gates = node_of(b, stage, "gates", args, (x,), place, "gates")
    return node_of(b, stage, "flatten", {}, gates, place, "flatten")[0]


def _sparse(b: Build, stage: StructureStage, router: Option, x: TensorValue, count: int,
            place: Place) -> TensorValue:
    """A gate that keeps its largest weights: what it leaves out is not calculated at inference (section 5.3)."""
    keep = int(str(router.args["keep"]))
    if keep > count:
        message = f"`keep = {keep}` is more than there are: this router chooses between {count}"
        raise b.refuse("out-of-range", message, stage.given.spans["router"], notes=chain(place))
    args = {**router.args, "outputs": count}
    return node_of(b, stage, "sparse_gates", args, (x,), place, "gates")[0]


ROUTERS: dict[str, Callable[[Build, StructureStage, Option, TensorValue, int, Place], TensorValue]] = {
    "cosine_router": _cosine, "cross_connection": _gated, "sparse_connection": _sparse,
}
"""Routers that give each row a weight for each expert: a further one is a function here."""

RULES: dict[str, Rule] = {"patches": _patches, "position": _position, "unpatch": _unpatch, "experts": _experts}
