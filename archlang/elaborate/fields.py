"""Static fields of values: the sizes of tensors, the members of bundles."""

from __future__ import annotations

from archlang.elaborate.values import BundleValue, GridValue, TensorValue
from archlang.graph.forms import NAMES, form_of
from archlang.graph.ir import Graph
from archlang.ops.values import CodeValue, sized


def fields_of(value: object, graph: Graph) -> dict[str, object]:
    """Return the static fields of a value by name: `in.channels`, `maps.count`, `third.classes`.

    `graph` holds the node of a tensor, which tells a line from a sequence.
    """
    if isinstance(value, GridValue):
        return {"rows": value.rows, "columns": value.columns}
    if isinstance(value, BundleValue):
        return {"count": len(value.members)}
    if isinstance(value, CodeValue):
        return {"classes": value.classes, "branches": value.branches}
    if not isinstance(value, TensorValue):
        return {}

    if value.type.rank == 2:
        return _of_two_sizes(value, graph)
    names = {
        1: ("features",), 3: ("channels", "height", "width"), 4: ("channels", "depth", "height", "width"),
    }.get(value.type.rank, ())
    # A tensor of more axes, such as stacked volumes, has no names for them.
    fields: dict[str, object] = dict(zip(names, value.type.dims, strict=False))
    # The places of a map, or of a volume, as what `upsample(size = ...)` and pools take.
    if value.type.rank >= 3:
        fields["size"] = sized(value.type.dims[1:])
    return fields


def form_name(value: object, graph: Graph) -> str:
    """The words `a line` or `a sequence` for a tensor that is known to be one; "" for all else."""
    if not isinstance(value, TensorValue) or value.type.rank != 2:
        return ""
    form = form_of(graph, value.port)
    return form and f"a {form}"


def other_reading(name: str) -> str | None:
    """The name that a size of a line has in a sequence, as is likelier to be meant: for `channels` `features`.

    >>> other_reading("channels"), other_reading("length"), other_reading("height")
    ('features', 'positions', None)
    """
    # By what they mean, not by their place: channels and features are what a layer makes, the others where.
    same = {"channels": "features", "length": "positions"}
    return same.get(name) or {there: here for here, there in same.items()}.get(name)


def _of_two_sizes(value: TensorValue, graph: Graph) -> dict[str, object]:
    """The sizes of a line [channels, length] or a sequence [positions, features].

    Both readings are there where nothing says which it is. Where something does, `channels` of a sequence would be its
    positions without a word.
    """
    form = form_of(graph, value.port)
    readings = [names for kind, names in NAMES.items() if form in ("", kind)]
    return {name: size for names in readings for name, size in zip(names, value.type.dims, strict=True)}
