"""Networks over tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import rnn


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


class GPT2(nn.Module):
    """GPT-2, its scores the products with the vectors of its tokens."""

    def __init__(self, tokens: int, positions: int, features: int, depth: int, heads: int) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(tokens, features), nn.Embedding(positions, features)
        self.blocks = nn.Sequential(*(Block(features, heads) for _ in range(depth)))
        self.ln_f = nn.LayerNorm(features)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, T] to scores [batch, T, tokens]."""
        place = torch.arange(x.shape[1])
        read = self.ln_f(self.blocks(self.wte(x) + self.wpe(place)))
        return read @ self.wte.weight.T


class Tagger(nn.Module):
    """A bidirectional LSTM over packed sentences (Huang et al. 2015), a dense layer at each word."""

    def __init__(self, tokens: int, tags: int, features: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, features)
        self.lstm = nn.LSTM(features, hidden, batch_first=True, bidirectional=True)
        self.last = nn.Linear(2 * hidden, tags)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """[batch, T] and [batch, 1] to [batch, T, tags]."""
        packed = rnn.pack_padded_sequence(self.embedding(words), lengths[:, 0], True, enforce_sorted=False)
        states, _ = rnn.pad_packed_sequence(self.lstm(packed)[0], True, total_length=words.shape[1])
        scores: Tensor = self.last(states)
        return scores


class Grouped(nn.Module):
    """Causal attention whose keys serve a group of heads each, features i and i + half turned by the position."""

    def __init__(self, features: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, features // heads
        self.qkv = nn.Linear(features, (heads + 2 * kv_heads) * self.size, bias=False)
        self.out = nn.Linear(features, features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, T, F] to the same."""
        counts = [count * self.size for count in (self.heads, self.kv_heads, self.kv_heads)]
        q, k, v = (t.unflatten(2, (-1, self.size)).transpose(1, 2) for t in self.qkv(x).split(counts, 2))
        k, v = (t.repeat_interleave(self.heads // self.kv_heads, 1) for t in (k, v))
        made = functional.scaled_dot_product_attention(self.turned(q), self.turned(k), v, is_causal=True)
        mixed: Tensor = self.out(made.transpose(1, 2).flatten(2))
        return mixed

    def turned(self, x: Tensor) -> Tensor:
        """[batch, heads, T, size] turned (Su et al. 2021), as complex numbers."""
        half = self.size // 2
        rates = 1e6 ** (-torch.arange(half, dtype=x.dtype) / half)
        angle = torch.outer(torch.arange(x.shape[2], dtype=x.dtype), rates)
        made = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angle), angle)
        return torch.cat([made.real, made.imag], 3)


class Gated(nn.Module):
    """`W3 (silu(W1 x) W2 x)` (Shazeer 2020)."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.w1, self.w2 = nn.Linear(features, hidden, bias=False), nn.Linear(features, hidden, bias=False)
        self.w3 = nn.Linear(hidden, features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[..., F] to the same."""
        made: Tensor = self.w3(functional.silu(self.w1(x)) * self.w2(x))
        return made


class SparseLayer(nn.Module):
    """A layer of Mixtral (Jiang et al. 2024, section 2): at every position the two experts of the largest scores."""

    def __init__(self, features: int, heads: int, kv_heads: int, hidden: int, experts: int) -> None:
        super().__init__()
        self.norm_1, self.attention = nn.RMSNorm(features, 1e-6), Grouped(features, heads, kv_heads)
        self.norm_2, self.gate = nn.RMSNorm(features, 1e-6), nn.Linear(features, experts, bias=False)
        self.experts = nn.ModuleList(Gated(features, hidden) for _ in range(experts))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, T, F] to the same."""
        x = x + self.attention(self.norm_1(x))
        rows = self.norm_2(x).flatten(0, 1)
        scores, chosen = self.gate(rows).topk(2, 1)
        weights, total = scores.softmax(1), torch.zeros_like(rows)
        for index, expert in enumerate(self.experts):
            row, place = (chosen == index).nonzero(as_tuple=True)
            total = total.index_add(0, row, expert(rows[row]) * weights[row, place, None])
        return x + total.reshape(x.shape)


class Mixtral(nn.Module):
    """A transformer of sparse layers."""

    def __init__(self, tokens: int, features: int, depth: int, *sizes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, features)
        self.layers = nn.Sequential(*(SparseLayer(features, *sizes) for _ in range(depth)))
        self.norm, self.head = nn.RMSNorm(features, 1e-6), nn.Linear(features, tokens, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, T] to scores [batch, T, tokens]."""
        scores: Tensor = self.head(self.norm(self.layers(self.embedding(x))))
        return scores
