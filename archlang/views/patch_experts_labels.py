"""What the picture of a network says of patches, their router and their experts."""

from __future__ import annotations

from archlang.graph.ir import Node
from archlang.ops.values import Option

FAMILY = "patching"


def patch_line(node: Node) -> str:
    """A node of patches or experts in a few words."""
    args = node.args
    match node.op.name:
        case "cut_patches":
            every = "" if args["stride"] == args["size"] else f", every {args['stride']}"
            return f"grid {args['rows']} × {args['columns']} of {args['size']}{every}"
        case "add_position":
            return "x, y in the grid; x, y in the patch"
        case "put_back":
            height, width = args["size"]
            return f"one map {height}x{width}"
        case "cosine":
            return f"cosines with {args['experts']} keys, {_filter(args['keep'], args['threshold'])}"
        case "dispatch":
            return f"to {args['experts']} expert{'s' if args['experts'] > 1 else ''}"
    return node.op.name


def _filter(keep: str | Option, threshold: Option | None) -> str:
    """How weights are filtered."""
    if isinstance(keep, Option):
        return f"the {keep.args['k']} largest"
    name = "adaptive" if threshold is None else threshold.name
    if name == "none":
        return "no threshold"
    value = f" {threshold.args['value']}" if threshold is not None and name == "fixed" else ""
    return f"{keep} {name} threshold{value}"
