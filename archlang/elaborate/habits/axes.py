"""The words for axes, which PyTorch counts from the batch, 0, or from the end."""

from __future__ import annotations

AXES = {
    1: ("features",), 2: ("positions", "features"), 3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}
"""The words for the axes of a tensor, by how many it has without the batch."""


def axis_word(dim: int | None, rank: int | None) -> str | None:
    """The word for an axis; None if the number or the type of the tensor is not known.

    >>> axis_word(1, 3), axis_word(-1, 2), axis_word(0, 3)
    ('channels', 'features', None)
    """
    if dim is None or rank is None or rank not in AXES:
        return None

    if dim < 0:
        dim += rank + 1
    if 1 <= dim <= rank:  # 0 is the batch, which is never written
        return AXES[rank][dim - 1]
    return None
