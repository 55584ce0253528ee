"""Static fields of values: the sizes of tensors, the members of bundles."""

from __future__ import annotations

from archlang.elaborate.values import BundleValue, GridValue, TensorValue
from archlang.ops.values import CodeValue, sized


def fields_of(value: object) -> dict[str, object]:
    """Return the static fields of a value by name: `in.channels`, `maps.count`, `third.classes`."""
    if isinstance(value, GridValue):
        return {"rows": value.rows, "columns": value.columns}
    if isinstance(value, BundleValue):
        return {"count": len(value.members)}
    if isinstance(value, CodeValue):
        return {"classes": value.classes, "branches": value.branches}
    if not isinstance(value, TensorValue):
        return {}

    names = {
        1: ("features",), 2: ("positions", "features"), 3: ("channels", "height", "width"),
        4: ("channels", "depth", "height", "width"),
    }.get(value.type.rank, ())
    # A tensor of more axes, such as stacked volumes, has no names for them.
    sizes: dict[str, object] = dict(zip(names, value.type.dims, strict=False))
    # A line [channels, length] and a sequence [positions, features] have one form: both readings are there.
    if value.type.rank == 2:
        sizes |= {"channels": value.type.dims[0], "length": value.type.dims[1]}
    fields: dict[str, object] = {**sizes}
    # The places of a map, or of a volume, as what `upsample(size = ...)` and pools take.
    if value.type.rank >= 3:
        fields["size"] = sized(value.type.dims[1:])
    return fields
