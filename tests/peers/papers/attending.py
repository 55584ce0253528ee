"""Transformers of text, of images with text, of noise and of speech, written from their papers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.peers.papers.others import Heads
from tests.peers.papers.plain import Held


class Encoded(nn.Module):
    """A layer whose norms stand behind each sum (Devlin et al. 2019; Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int, drop: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.first = nn.LayerNorm(width, eps=1e-12)
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.second = nn.LayerNorm(width, eps=1e-12)
        self.drops = nn.ModuleList(nn.Dropout(drop) for _ in range(2))

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:
        """[batch, T, F] to the same; True in `hidden` for positions that nobody sees."""
        seen = self.attention(x, x, x, key_padding_mask=hidden, need_weights=False)[0]
        x = self.first(x + self.drops[0](seen))
        made: Tensor = self.second(x + self.drops[1](self.dense(x)))
        return made


class BERT(nn.Module):
    """Devlin et al. 2019, section 3 and figure 2."""

    def __init__(self, tokens: int, most: int, width: int, depth: int, heads: int, drop: float) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, width)
        self.places = Held(most, width)
        self.kinds = nn.Embedding(2, width)
        self.norm, self.drop = nn.LayerNorm(width, eps=1e-12), nn.Dropout(drop)
        self.layers = nn.ModuleList(Encoded(width, heads, drop) for _ in range(depth))
        self.pool = nn.Linear(width, width)

    def forward(self, text: Tensor, kind: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Tokens, kinds and masks [batch, T] to [batch, T, F] and a vector of the first position."""
        x = self.words(text) + self.places.value[: text.shape[1]] + self.kinds(kind)
        x = self.drop(self.norm(x))
        for layer in self.layers:
            x = layer(x, mask == 0)
        return {"read": x, "pooled": self.pool(x[:, 0]).tanh()}


class LlamaLayer(nn.Module):
    """Grouped keys, rotary positions in halves, gated dense layers (Touvron et al. 2023, section 2.2)."""

    def __init__(self, width: int, heads: int, kv_heads: int, hidden: int) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, width // heads
        self.first = nn.RMSNorm(width, eps=1e-5)
        self.asks = nn.Linear(width, width + 2 * kv_heads * self.size, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.second = nn.RMSNorm(width, eps=1e-5)
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up, self.down = nn.Linear(width, hidden, bias=False), nn.Linear(hidden, width, bias=False)

    def turned(self, x: Tensor) -> Tensor:
        """Pairs of features (i, i + size / 2) turned by the position times base^(-2 i / size)."""
        half = self.size // 2
        rates = 5e5 ** (-torch.arange(half, dtype=x.dtype) / half)
        angles = torch.arange(x.shape[2], dtype=x.dtype)[:, None] * rates
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], 3)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, T, F] to the same."""
        rows, shared = self.asks(self.first(x)), self.kv_heads * self.size
        parts = rows.split([self.heads * self.size, shared, shared], 2)
        q, k, v = (part.unflatten(2, (-1, self.size)).transpose(1, 2) for part in parts)
        k, v = (part.repeat_interleave(self.heads // self.kv_heads, 1) for part in (k, v))
        scores = self.turned(q) @ self.turned(k).transpose(2, 3) / math.sqrt(self.size)
        later = torch.ones(scores.shape[2:], dtype=torch.bool).triu(1)
        seen = (scores.masked_fill(later, -torch.inf).softmax(3) @ v).transpose(1, 2).flatten(2)
        x = x + self.out(seen)
        rows = self.second(x)
        made: Tensor = x + self.down(functional.silu(self.gate(rows)) * self.up(rows))
        return made


class Llama(nn.Module):
    """Touvron et al. 2023; Dubey et al. 2024, table 3."""

    def __init__(self, tokens: int, width: int, depth: int, heads: int, kv_heads: int, hidden: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, width)
        self.layers = nn.Sequential(*(LlamaLayer(width, heads, kv_heads, hidden) for _ in range(depth)))
        self.norm, self.head = nn.RMSNorm(width, eps=1e-5), nn.Linear(width, tokens, bias=False)

    def forward(self, text: Tensor) -> Tensor:
        """Tokens [batch, T] to scores [batch, T, tokens]."""
        made: Tensor = self.head(self.norm(self.layers(self.words(text))))
        return made


class Quick(nn.Module):
    """A layer of CLIP: norms before each part, and x sigmoid(1.702 x) between dense layers."""

    def __init__(self, width: int, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.first, self.attention = nn.LayerNorm(width), Heads(width, width // 64, own=True)
        self.second = nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, T, F] to the same."""
        rows = self.first(x)
        x = x + self.attention(rows, rows, self.causal)
        rows = self.wide(self.second(x))
        made: Tensor = x + self.narrow(rows * (1.702 * rows).sigmoid())
        return made


class CLIP(nn.Module):
    """Radford et al. 2021, section 2.4, with the layers of the authors' code."""

    def __init__(self, size: int, patch: int, width: int, tokens: int, most: int, text_width: int, depth: int,
                 joint: int) -> None:
        super().__init__()
        self.logit_scale = Held(1)
        self.patches = nn.Conv2d(3, width, patch, patch, bias=False)
        self.one = Held(1, 1, width)
        self.image_places = Held((size // patch) ** 2 + 1, width)
        self.before = nn.LayerNorm(width)
        self.image_layers = nn.Sequential(*(Quick(width, causal=False) for _ in range(depth)))
        self.words = nn.Embedding(tokens, text_width)
        self.text_places = Held(most, text_width)
        self.text_layers = nn.Sequential(*(Quick(text_width, causal=True) for _ in range(depth)))
        self.behind_text = nn.LayerNorm(text_width)
        self.behind, self.image = nn.LayerNorm(width), nn.Linear(width, joint, bias=False)
        self.text = nn.Linear(text_width, joint, bias=False)

    def forward(self, image: Tensor, text: Tensor, end: Tensor) -> dict[str, Tensor]:
        """An image, its text and the place of the text's last token, to two vectors."""
        places = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.one.value.expand(len(image), -1, -1), places], 1) + self.image_places.value
        x = self.image_layers(self.before(x))
        rows = self.behind_text(self.text_layers(self.words(text) + self.text_places.value[: text.shape[1]]))
        last = rows[torch.arange(len(rows)), end[:, 0]]
        return {"pictured": self.image(self.behind(x[:, 0])), "written": self.text(last)}


class DiTLayer(nn.Module):
    """Peebles and Xie 2023, figure 3: norms whose scale and offset come from the condition, and gates."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.six = nn.Linear(width, 6 * width)
        self.attention = Heads(width, heads, own=True)
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"),
                                   nn.Linear(4 * width, width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """[batch, N, F] with a condition [batch, F]."""
        a, b, c, d, e, f = self.six(functional.silu(condition))[:, None].chunk(6, 2)
        rows = _normed(x) * (1 + b) + a
        x = x + c * self.attention(rows, rows, False)
        made: Tensor = x + f * self.dense(_normed(x) * (1 + e) + d)
        return made


def _normed(x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], eps=1e-6)


class DiT(nn.Module):
    """Peebles and Xie 2023, with the embedding of times of the authors' code."""

    rates: Tensor

    def __init__(self, size: int, channels: int, patch: int, classes: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.register_buffer("rates", 1e4 ** (-torch.arange(128) / 128))
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.kinds = nn.Embedding(classes, width)
        self.two = nn.Linear(width, 2 * width)
        self.patches = nn.Conv2d(channels, width, patch, patch)
        self.places = Held((size // patch) ** 2, width)
        self.layers = nn.ModuleList(DiTLayer(width, heads) for _ in range(depth))
        self.head = nn.Linear(width, 2 * channels * patch * patch)

    def forward(self, image: Tensor, moment: Tensor, kind: Tensor) -> Tensor:
        """A noisy image, its time [batch, 1] and its class [batch, 1] to the numbers of each patch."""
        angles = moment * self.rates
        condition = self.time(torch.cat([angles.cos(), angles.sin()], 1)) + self.kinds(kind[:, 0])
        x = self.patches(image).flatten(2).transpose(1, 2) + self.places.value
        for layer in self.layers:
            x = layer(x, condition)
        shift, scale = self.two(functional.silu(condition))[:, None].chunk(2, 2)
        made: Tensor = self.head(_normed(x) * (1 + scale) + shift)
        return made
