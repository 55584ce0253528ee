"""Encodings of positions in attention: queries and keys that turn, and numbers added to the scores by distance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from archlang.layers.precision import wide_dtype
from archlang.ops.values import Option


class Encoding(nn.Module):
    """An encoding of positions that does nothing; others turn queries and keys, or add to the scores."""

    def turned(self, x: Tensor) -> Tensor:
        """Queries or keys [batch, heads, P, d], as they go into the product."""
        return x

    def added(self, _queries: int, _keys: int, _like: Tensor) -> Tensor | None:
        """The numbers added to the scores [batch, heads, queries, keys]: [heads, queries, keys]; None for nothing."""
        return None


class Rotary(Encoding):
    """Pairs of features turn by an angle that grows with the position (Su et al. 2021, eq. 34).

    Args:
        features: how many of a head's turn, the first ones.
        base: pair i turns by base^(-2 i / features) a position.
        pairs: `neighbours` for 2i and 2i + 1, `halves` for i and i + features / 2.
    """

    def __init__(self, features: int, base: float, pairs: str) -> None:
        super().__init__()
        self.features, self.base, self.pairs = features, base, pairs

    def turned(self, x: Tensor) -> Tensor:
        """Turn [batch, heads, P, d] by its positions."""
        wide = wide_dtype(x.dtype)
        place = torch.arange(x.shape[2], device=x.device, dtype=wide)
        pair = torch.arange(0, self.features, 2, device=x.device, dtype=wide)
        angle = place[:, None] * self.base ** (-pair / self.features)

        # In half precision the angles of far positions would be wrong by whole turns.
        turning, rest = x[..., : self.features].to(wide), x[..., self.features :]
        cos, sin = angle.cos(), angle.sin()
        if self.pairs == "halves":
            first, second = turning.chunk(2, 3)
            made = torch.cat([first * cos - second * sin, second * cos + first * sin], 3)
        else:
            first, second = turning[..., 0::2], turning[..., 1::2]
            made = torch.stack([first * cos - second * sin, second * cos + first * sin], 4).flatten(3)
        return torch.cat([made.to(x.dtype), rest], 3)

    def extra_repr(self) -> str:
        """The settings."""
        return f"features={self.features}, base={self.base}, pairs={self.pairs}"


class Alibi(Encoding):
    """Scores fall with the distance, in each head by a slope of its own (Press et al. 2022).

    Args:
        heads: their number.
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.slopes = _slopes(heads)

    def added(self, queries: int, keys: int, like: Tensor) -> Tensor:
        """Minus the slope times the distance."""
        wide = wide_dtype(like.dtype)
        slopes = torch.tensor(self.slopes, device=like.device, dtype=wide)
        return -slopes[:, None, None] * distances(queries, keys, like.device).abs().to(wide)


def _slopes(heads: int) -> list[float]:
    """The slope of each head, as the authors' program has them.

    >>> _slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    whole = 2 ** math.floor(math.log2(heads))
    slopes = [2.0 ** (-8 * (head + 1) / whole) for head in range(whole)]

    # Of other numbers than powers of two, the rest is every second slope of twice as many heads.
    between = [2.0 ** (-4 * (head + 1) / whole) for head in range(0, 2 * whole, 2)]
    return slopes + between[: heads - whole]


class Relative(Encoding):
    """A learned number for each distance, in each head, distances past the farthest alike.

    Args:
        heads: their number.
        distance: the farthest.
        causal: whether what lies ahead is never seen, and has no numbers.
    """

    def __init__(self, heads: int, distance: int, causal: bool) -> None:
        super().__init__()
        self.distance, self.ahead = distance, distance
        if causal:
            self.ahead = 0
        self.weight = nn.Parameter(torch.empty(distance + 1 + self.ahead, heads))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw from a normal with deviation 0.02, cut at two deviations."""
        nn.init.trunc_normal_(self.weight, std=0.02, a=-0.04, b=0.04)

    def added(self, queries: int, keys: int, like: Tensor) -> Tensor:
        """The number of each distance."""
        index = distances(queries, keys, like.device).clamp(-self.distance, self.ahead) + self.distance
        return self.weight[index].permute(2, 0, 1)


class Buckets(Encoding):
    """A learned number for each bucket of distances, in each head (Raffel et al. 2020, T5).

    Args:
        heads: their number.
        count: buckets; half of them for what lies ahead, unless `causal`.
        distance: the distance from which on all share one.
        causal: whether what lies ahead is never seen.
    """

    def __init__(self, heads: int, count: int, distance: int, causal: bool) -> None:
        super().__init__()
        self.count, self.distance, self.causal = count, distance, causal
        self.weight = nn.Parameter(torch.empty(count, heads))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw from a normal with deviation 0.02, cut at two deviations."""
        nn.init.trunc_normal_(self.weight, std=0.02, a=-0.04, b=0.04)

    def added(self, queries: int, keys: int, like: Tensor) -> Tensor:
        """The number of each distance's bucket."""
        bucket = self._bucket(distances(queries, keys, like.device))
        return self.weight[bucket].permute(2, 0, 1)

    def _bucket(self, ahead: Tensor) -> Tensor:
        """The bucket of each distance: those near by themselves, those far by their logarithm."""
        count, start = self.count, torch.zeros_like(ahead)
        if self.causal:
            far = -ahead.clamp(max=0)
        else:
            count //= 2
            start = (ahead > 0) * count
            far = ahead.abs()

        single = count // 2
        # In float32, as the published program has it: at a boundary the last digit decides.
        share = (far.clamp(min=1).float() / single).log() / math.log(self.distance / single)
        wide = (single + (share * (count - single)).long()).clamp(max=count - 1)
        return start + torch.where(far < single, far, wide)


def distances(queries: int, keys: int, device: torch.device) -> Tensor:
    """The distance of each key ahead of each query: whole numbers [queries, keys]."""
    return torch.arange(keys, device=device)[None, :] - torch.arange(queries, device=device)[:, None]


_Arguments = Mapping[str, Any]
ENCODINGS: Mapping[str, Callable[[_Arguments, int, int, bool], Encoding]] = {
    "rotary": lambda args, heads, features, causal: Rotary(args["features"] or features, args["base"], args["pairs"]),
    "alibi": lambda args, heads, features, causal: Alibi(heads),
    "relative": lambda args, heads, features, causal: Relative(heads, args["distance"], causal),
    "buckets": lambda args, heads, features, causal: Buckets(heads, args["count"], args["distance"], causal),
}
"""Every encoding of the catalogue, by name: of its arguments, the heads, a head's features, whether it is causal."""


def encoding(option: Option, heads: int, features: int, causal: bool) -> Encoding:
    """Make the encoding that a file names."""
    return ENCODINGS[option.name](option.args, heads, features, causal)
