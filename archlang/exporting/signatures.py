"""The signature of a constructor: which parameters have a default, what they are, in which order they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from archlang.exporting.classes import ClassForm, Instance


def ordered(plan: ClassForm) -> list[str]:
    """The parameters of a constructor, those with defaults last."""
    return sorted(plan.parameters, key=lambda name: name in plan.defaults)


def defaults(plans: Sequence[ClassForm], root: Instance) -> None:
    """Find the defaults of constructors: the dials' values for the network, for blocks what most uses leave away."""
    for plan in plans:
        if plan is root.plan:
            plan.defaults = dict(root.given)
            continue
        for name in plan.parameters:
            values = [instance.given[name] for instance in plan.instances if _left_away(instance, name)]
            counts = Counter(map(repr, values))
            if values and len(counts) == 1:
                plan.defaults[name] = values[0]


def _left_away(instance: Instance, name: str) -> bool:
    """Tell whether a use of a block does not give a parameter."""
    frame = instance.call.frame
    return frame is not None and name in frame.known and name not in dict(frame.values)


def annotation(values: Sequence[object]) -> str:
    """The type of a parameter."""
    kinds = []
    for value in values:
        kind = type(value).__name__
        if isinstance(value, tuple):
            kind = "tuple[int, ...]"
        if value is None:
            kind = "None"
        kinds.append(kind)
    return " | ".join(sorted(set(kinds), key=lambda kind: (kind == "None", kind)))
