"""How attention sees positions, one distance at a time."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.static import word
from tests.reference.values import Choice, Word

if TYPE_CHECKING:
    from tests.reference.machine import Use

Turn = Callable[[Tensor], Tensor]
Added = Callable[[int, int], Tensor]


def encoding(u: Use, positions: object, heads: int, size: int, causal: bool) -> tuple[Turn, Added | None]:
    """What queries and keys go through, and what is added to a score by how far the key lies ahead, and the head."""
    if positions is None:
        return lambda x: x, None
    name = positions.name if isinstance(positions, Choice) else word(positions)
    choice = positions if isinstance(positions, Choice) else Choice(name)

    if name == "rotary":
        base, count, pairs = choice.get(("base", "features", "pairs"), (10000.0, None, Word("neighbours")))
        return _turn(float(base), int(count or size), word(pairs) == "halves"), None  # type: ignore[arg-type, call-overload]
    if name == "alibi":
        return lambda x: x, lambda ahead, head: torch.tensor(-abs(ahead) * _slopes(heads)[head])
    if name == "relative":
        (distance,) = choice.get(("distance",), (None,))
        assert isinstance(distance, int)
        held = u.weight("positions.weight", distance + 1 if causal else 2 * distance + 1, heads)
        last = 0 if causal else distance
        return lambda x: x, lambda ahead, head: held[max(-distance, min(last, ahead)) + distance, head]

    count, distance = choice.get(("count", "distance"), (32, 128))
    assert isinstance(count, int) and isinstance(distance, int)
    held = u.weight("positions.weight", count, heads)
    return lambda x: x, lambda ahead, head: held[_bucket(ahead, count, distance, causal), head]


def _turn(base: float, count: int, halves: bool) -> Turn:
    """Each pair of features as a complex number, times one of length 1."""
    def turned(x: Tensor) -> Tensor:
        columns = list(x.unbind(2))
        for i in range(count // 2):
            a, b = (i, i + count // 2) if halves else (2 * i, 2 * i + 1)
            rows = [cmath.exp(1j * p * base ** (-2 * i / count)) for p in range(x.shape[1])]
            cos = torch.tensor([z.real for z in rows], dtype=x.dtype, device=x.device)
            sin = torch.tensor([z.imag for z in rows], dtype=x.dtype, device=x.device)
            columns[a], columns[b] = columns[a] * cos - columns[b] * sin, columns[a] * sin + columns[b] * cos
        return torch.stack(columns, 2)

    return turned


def _slopes(heads: int) -> list[float]:
    """Press et al. 2022, with their rule for other numbers than powers of two."""
    power = math.log2(heads)
    if power.is_integer():
        return [2 ** (-8 / heads * (h + 1)) for h in range(heads)]
    near = 2 ** math.floor(power)
    return _slopes(near) + _slopes(2 * near)[0::2][: heads - near]


def _bucket(ahead: int, count: int, distance: int, causal: bool) -> int:
    """The bucket of a distance (Raffel et al. 2020)."""
    start = 0
    if not causal:
        count //= 2
        start = count if ahead > 0 else 0
        far = abs(ahead)
    else:
        far = max(0, -ahead)
    single = count // 2
    if far < single:
        return start + far
    return start + min(count - 1, single + int(math.log(far / single) / math.log(distance / single) * (count - single)))
