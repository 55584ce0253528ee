"""The number of axes that a flow leaves, read from its text: what decides which word an axis has."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ENDS_WITH: Mapping[str, int] = {
    "flatten": 1, "global_avg_pool": 1, "global_max_pool": 1, "masked_mean": 1, "to_sequence": 2, "stack": 2,
    "unfold": 2, "to_map": 3,
}
"""Stages that leave so many axes, whatever enters."""

_UNKNOWN = ("fold", "einsum", "embedding", "argmax", "gather", "split", "matmul")


def rank_of_flow(text: str, ranks: Mapping[str, int]) -> int | None:
    """The axes of what a flow makes; None if its beginning, or one of its stages, is not known.

    >>> rank_of_flow("x -> relu -> reduce([height, width])", {"x": 3})
    1
    """
    first, *steps = text.split(" -> ")
    rank = ranks.get(first)
    for step in steps:
        if rank is None:
            return None
        rank = _behind(step, rank)
    return rank


def _behind(step: str, rank: int) -> int | None:
    found = re.match(r"\w+", step)
    if found is None or found[0] in _UNKNOWN:
        return None
    name = found[0]
    if name in _ENDS_WITH:
        return _ENDS_WITH[name]

    items = re.search(r"\[([^\]]*)\]", step)
    if name == "reshape" and items is not None:
        return items[1].count(",") + 1
    if name == "reduce" and "keep = true" not in step:
        gone = 1
        if items is not None:
            gone = items[1].count(",") + 1
        return max(rank - gone, 1)
    return rank
