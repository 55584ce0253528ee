"""Attention over positions and over channels, and the embeddings that sequences start with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from archlang.layers.positions import Encoding, distances, encoding
from archlang.layers.precision import wide_dtype
from archlang.ops.values import Option


class Attention(nn.Module):
    """Multi-head attention over positions (Vaswani et al. 2017, eq. 1 and section 3.2.2).

    `softmax(scale Q K') V` in each head, linear layers before the heads and one after.

    Args:
        features: F, the features of a position, in and out.
        heads: of queries; they divide F unless `head_features` is given.
        bias: whether the linear layers have one.
        dropout: the probability of dropping an attention weight, in training.
        causal: whether a position attends to itself and earlier ones alone.
        kv_heads: heads of keys and values, each for a group of heads; as many as heads where not given.
        head_features: d, the features of a head; F / heads where not given.
        qkv_bias: whether the layers to queries, keys and values have one; as `bias` where not given.
        scale: the factor of the scores; 1 / sqrt(d) where not given.
        window: how many positions back are seen, itself counted, and without `causal` as many ahead.
        positions: how distances count, an `encoding` of the catalogue.
        memory_features: M, those of the other sequence that keys and values are of.
    """

    def __init__(
        self, features: int, heads: int, bias: bool = True, dropout: float = 0.0, causal: bool = False,
        kv_heads: int | None = None, head_features: int | None = None, qkv_bias: bool | None = None,
        scale: float | None = None, window: int | None = None, positions: Option | None = None,
        memory_features: int | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.dropout, self.causal, self.scale, self.window = heads, dropout, causal, scale, window
        self.kv_heads = kv_heads or heads
        self.head_features = head_features or features // heads
        if qkv_bias is None:
            qkv_bias = bias

        inner, shared = heads * self.head_features, 2 * self.kv_heads * self.head_features
        if memory_features is None:
            self.project = nn.Linear(features, inner + shared, qkv_bias)
        else:
            self.project = nn.Linear(features, inner, qkv_bias)
            self.remember = nn.Linear(memory_features, shared, qkv_bias)
        self.combine = nn.Linear(inner, features, bias)

        self.positions: Encoding | None = None
        if positions is not None:
            self.positions = encoding(positions, heads, self.head_features, causal)

    def forward(self, x: Tensor, mask: Tensor | None = None, memory: Tensor | None = None,
                added: Tensor | None = None) -> Tensor:
        """Attend: [batch, P, F] to the same.

        Args:
            x: the sequence.
            mask: where it is not 0, positions are seen: [batch, K] or [batch, P, K].
            memory: the other sequence, [batch, K, M].
            added: numbers that are added to the scores, [batch, P, K] or [batch, heads, P, K].
        """
        query, key, value = self._parts(x, memory)
        if self.positions is not None:
            query, key = self.positions.turned(query), self.positions.turned(key)

        seen, blind = self._seen(query, key, mask, added is not None)
        added = self._added(query, key, added)
        if added is not None and seen is not None:
            added = added.masked_fill(~seen, -torch.inf)

        # The function drops weights whatever the mode, so that the mode is asked here.
        dropout = 0.0
        if self.training:
            dropout = self.dropout
        scores_mask = added
        if added is None:
            scores_mask = seen
        attended = functional.scaled_dot_product_attention(
            query, key, value, scores_mask, dropout, self.causal and seen is None,
            scale=self.scale, enable_gqa=self.kv_heads != self.heads,
        )
        if blind is not None:
            attended = attended.masked_fill(blind, 0)
        result: Tensor = self.combine(attended.transpose(1, 2).flatten(2))
        return result

    def _parts(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each [batch, heads, positions, features of a head]."""
        heads, shared, size = self.heads, self.kv_heads, self.head_features
        if memory is not None:
            queries = _in_heads(self.project(x), heads, size)
            keys, values = _in_heads(self.remember(memory), 2 * shared, size).chunk(2, 1)
            return queries, keys, values

        # One product for all three, taken apart along the heads.
        parts = torch.split(_in_heads(self.project(x), heads + 2 * shared, size), [heads, shared, shared], 1)
        return parts[0], parts[1], parts[2]

    def _seen(self, query: Tensor, key: Tensor, mask: Tensor | None,
              adds: bool) -> tuple[Tensor | None, Tensor | None]:
        """The keys that each query sees, as bools that spread over the scores, and the queries that see none.

        None for the first where all are seen, or what `causal` says by itself; None for the second where each query
        sees a key. `adds`: whether numbers are added to the scores, beside which torch takes no `causal`.
        """
        if mask is None and self.window is None and not (self.causal and (adds or self.positions is not None)):
            return None, None

        ahead = distances(query.shape[2], key.shape[2], query.device)
        seen = torch.ones_like(ahead, dtype=torch.bool)
        if self.causal:
            seen = ahead <= 0
        if self.window is not None:
            seen = seen & (ahead.abs() < self.window)
        if mask is None:
            return seen, None

        # A mask over keys is one for all queries; behind the batch stand the heads.
        if mask.dim() == 2:
            mask = mask.unsqueeze(1)
        seen = seen & (mask != 0).unsqueeze(1)
        # Without any key a softmax would be 0 / 0: such a query sees all, and gives zeros.
        blind = ~seen.any(3, keepdim=True)
        return seen | blind, blind

    def _added(self, query: Tensor, key: Tensor, given: Tensor | None) -> Tensor | None:
        """The numbers added to the scores, in their type: those given, and those of the encoding of positions."""
        added = None
        if self.positions is not None:
            added = self.positions.added(query.shape[2], key.shape[2], query)

        if given is not None:
            # The same for all heads where there is no axis of heads behind the batch.
            if given.dim() == 3:
                given = given.unsqueeze(1)
            added = given if added is None else given + added
        if added is None:
            return None
        return added.to(query.dtype)

    def extra_repr(self) -> str:
        """The settings that no submodule shows."""
        text = f"heads={self.heads}, dropout={self.dropout}, causal={self.causal}"
        if self.kv_heads != self.heads:
            text += f", kv_heads={self.kv_heads}"
        if self.window is not None:
            text += f", window={self.window}"
        if self.scale is not None:
            text += f", scale={self.scale}"
        return text


class PositionScores(nn.Module):
    """The terms that an encoding of positions adds to scores, by themselves: [batch, P, F] to [batch, heads, P, P].

    Args:
        heads: of the attention.
        positions: an `encoding` of the catalogue.
        causal: whether what lies ahead is never seen, and has no numbers.
    """

    def __init__(self, heads: int, positions: Option, causal: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.positions = encoding(positions, heads, 0, causal)

    def forward(self, x: Tensor) -> Tensor:
        """The numbers of as many positions as x has, the same for every sample."""
        added = self.positions.added(x.shape[1], x.shape[1], x)
        assert added is not None, "an encoding that adds, which the operation asks for"
        return added.to(x.dtype).expand(x.shape[0], -1, -1, -1)

    def extra_repr(self) -> str:
        """The setting that no submodule shows."""
        return f"heads={self.heads}"


def _in_heads(x: Tensor, heads: int, size: int) -> Tensor:
    """[batch, P, heads * size] as [batch, heads, P, size]."""
    return x.reshape(x.shape[0], x.shape[1], heads, size).transpose(1, 2)


class SqueezeExcite(nn.Module):
    """Each channel times a gate computed from the means of all channels (Hu et al. 2018, eq. 2-4).

    `x sigmoid(W2 relu(W1 mean(x)))`, the mean and the gate in float32 at least.

    Args:
        channels: C.
        hidden: the width between both linear layers.
        bias: whether they have one.
    """

    def __init__(self, channels: int, hidden: int, bias: bool = False) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, hidden, bias)
        self.excite = nn.Linear(hidden, channels, bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of [batch, C, ...]."""
        # In half precision a mean over a large map overflows or stops growing.
        wide = wide_dtype(x.dtype)
        means = x.mean(tuple(range(2, x.dim())), dtype=wide).to(self.squeeze.weight.dtype)
        scores = self.excite(self.squeeze(means).relu())

        gate = torch.sigmoid(scores.to(wide)).to(x.dtype)
        return x * gate.view(*gate.shape, *(1,) * (x.dim() - 2))


class PositionEmbedding(nn.Module):
    """A learned number added to each number of a sample.

    Args:
        sizes: those of a sample; a sequence may be shorter, and takes the first positions.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sizes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw from a normal with deviation 0.02, cut at two deviations."""
        nn.init.trunc_normal_(self.weight, std=0.02, a=-0.04, b=0.04)

    def forward(self, x: Tensor) -> Tensor:
        """Add it to [batch, *sizes], or to [batch, P, F] of so many positions or fewer."""
        if self.weight.dim() == 2:
            return x + self.weight[: x.shape[1]]
        return x + self.weight


class ClassToken(nn.Module):
    """A learned position before a sequence (Dosovitskiy et al. 2021).

    Args:
        features: those of a position.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw from a normal with deviation 0.02, cut at two deviations."""
        nn.init.trunc_normal_(self.weight, std=0.02, a=-0.04, b=0.04)

    def forward(self, x: Tensor) -> Tensor:
        """Put it first: [batch, P, F] to [batch, P + 1, F]."""
        token = self.weight.to(x.dtype).expand(x.shape[0], 1, -1)
        return torch.cat([token, x], 1)
