"""Networks over tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """A block of GPT-2 (Radford et al. 2019): attention to what came before, then a wider layer, each normed first."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(features)
        self.c_attn, self.c_proj = nn.Linear(features, 3 * features), nn.Linear(features, features)
        self.ln_2 = nn.LayerNorm(features)
        self.c_fc, self.out = nn.Linear(features, 4 * features), nn.Linear(4 * features, features)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, T, F] to the same."""
        length = x.shape[1]
        q, k, v = (t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in self.c_attn(self.ln_1(x)).chunk(3, 2))
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        scores = (q @ k.transpose(2, 3) / q.shape[3] ** 0.5).masked_fill(later, -torch.inf)
        x = x + self.c_proj((scores.softmax(3) @ v).transpose(1, 2).flatten(2))
        return x + self.out(functional.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class SmallGPT(nn.Module):
    """`examples/15_tokens.arch`."""

    def __init__(self, tokens: int, positions: int, features: int, depth: int, heads: int) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(tokens, features), nn.Embedding(positions, features)
        self.blocks = nn.Sequential(*(Block(features, heads) for _ in range(depth)))
        self.ln_f, self.head = nn.LayerNorm(features), nn.Linear(features, tokens, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, T] to scores [batch, T, tokens]."""
        place = torch.arange(x.shape[1])
        read: Tensor = self.head(self.ln_f(self.blocks(self.wte(x) + self.wpe(place))))
        return read
