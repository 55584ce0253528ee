"""Networks as people write them: fifteen hands, fifteen manners, none from a library.

Each function gives a module and an example of its inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Made = tuple[nn.Module, tuple[Tensor, ...]]


class Nested(nn.Module):
    """Sequentials in Sequentials, functional activations between them."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 8, 5), nn.Tanh()), nn.AvgPool2d(2),
            nn.Sequential(nn.Conv2d(8, 16, 5), nn.Tanh()), nn.AvgPool2d(2),
        )
        self.fc1 = nn.Linear(16 * 4 * 4, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = x.view(x.size(0), -1)
        x = F.dropout(F.relu(self.fc1(x)), p=0.5, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


class Zipped(nn.Module):
    """ModuleLists walked with zip, and skips that a list collects."""

    def __init__(self, widths: tuple[int, ...] = (8, 8, 8)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1)
        self.convs = nn.ModuleList(nn.Conv2d(w, w, 3, padding=1, bias=False) for w in widths)
        self.norms = nn.ModuleList(nn.GroupNorm(2, w) for w in widths)
        self.out = nn.Linear(sum(widths), 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        kept = []
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = x + F.relu(norm(conv(x)))
            kept.append(x.amax(dim=(2, 3)))
        return self.out(torch.cat(kept, dim=-1))


class HandAttention(nn.Module):
    """Attention written by hand, heads and all, as in a tutorial."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        q = self.q(x).view(B, N, self.heads, C // self.heads).transpose(1, 2)
        k = self.k(x).view(B, N, self.heads, C // self.heads).transpose(1, 2)
        v = self.v(x).view(B, N, self.heads, C // self.heads).transpose(1, 2)
        scores = q @ k.transpose(-2, -1) * self.scale
        out = scores.softmax(dim=-1) @ v
        return self.proj(out.transpose(1, 2).contiguous().view(B, N, C))


class TinyGPT(nn.Module):
    """A few blocks of hand-made attention over patches."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 24, 4, 4)
        self.pos = nn.Parameter(torch.randn(1, 16, 24) * 0.02)
        self.layers = nn.ModuleList()
        for _ in range(3):
            self.layers.append(nn.ModuleDict({
                "ln1": nn.LayerNorm(24), "attn": HandAttention(24, 4), "ln2": nn.LayerNorm(24),
                "mlp": nn.Sequential(nn.Linear(24, 96), nn.GELU(), nn.Linear(96, 24)),
            }))
        self.head = nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).permute(0, 2, 1) + self.pos
        for layer in self.layers:
            x = x + layer["attn"](layer["ln1"](x))
            x = x + layer["mlp"](layer["ln2"](x))
        return self.head(x.mean(1))


class Fused(nn.Module):
    """One dense map for queries, keys and values, and torch's own product."""

    def __init__(self, dim: int = 16, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.out(x.transpose(1, 2).reshape(b, n, c))


class UNet(nn.Module):
    """Down and up again, with joins, a transposed convolution and an interpolation."""

    def __init__(self) -> None:
        super().__init__()
        self.d1, self.d2, self.mid = self.twice(3, 8), self.twice(8, 16), self.twice(16, 32)
        self.pool = nn.MaxPool2d(2)
        self.up2 = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.u2, self.u1 = self.twice(32, 16), self.twice(24, 8)
        self.last = nn.Conv2d(8, 2, 1)

    @staticmethod
    def twice(a: int, b: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True),
            nn.Conv2d(b, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        a = self.d1(x)
        b = self.d2(self.pool(a))
        c = self.mid(self.pool(b))
        y = self.u2(torch.cat([self.up2(c), b], dim=1))
        y = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        return self.last(self.u1(torch.cat([y, a], dim=1)))


class Recurrent(nn.Module):
    """An LSTM over a sequence of measurements; its last output is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(6, 12, num_layers=2, batch_first=True, dropout=0.1)
        self.fc = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(x)
        return self.fc(out[:, -1])


class Gated(nn.Module):
    """A GRU in both directions, whose final states are classified."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(5, 7, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(14, 4)

    def forward(self, x: Tensor) -> Tensor:
        _, h = self.rnn(x)
        return self.fc(torch.cat([h[0], h[1]], dim=1))


class Words(nn.Module):
    """Words become vectors, and torch's own encoder layers read them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2)
        self.fc = nn.Linear(16, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.fc(self.layers(self.embed(ids) * math.sqrt(16)).mean(dim=1))


class TwoInputs(nn.Module):
    """An image and a table; a dict comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.table = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 8))
        self.score, self.kind = nn.Linear(16, 1), nn.Linear(16, 4)

    def forward(self, image: Tensor, table: Tensor) -> dict[str, Tensor]:
        both = torch.cat((self.image(image), self.table(table)), 1)
        return {"score": self.score(both), "kind": self.kind(both)}


class Siamese(nn.Module):
    """One body for two images; their distance comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 8))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        one, other = self.body(a), self.body(b)
        return torch.sqrt(((one - other) ** 2).sum(dim=1, keepdim=True) + 1e-6)


class LayerNorm2d(nn.Module):
    """A norm over channels, with its own arithmetic."""

    def __init__(self, c: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = nn.Parameter(torch.ones(c)), nn.Parameter(torch.zeros(c)), eps

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(1, keepdim=True)
        var = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(var + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class OwnNorm(nn.Module):
    """Blocks around that norm."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.norms = nn.ModuleList(LayerNorm2d(8) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv2d(8, 8, 7, padding=3, groups=8) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = x + conv(norm(x))
        return x.mean([-2, -1])


class Crossed(nn.Module):
    """torch's attention of one sequence to another."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        out, _ = self.attn(x, memory, memory)
        return self.norm(x + out)


class SuperResolution(nn.Module):
    """Four times as many pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 5, padding=2), nn.Conv2d(16, 4, 3, padding="same")
        self.act = nn.PReLU()
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.shuffle(self.conv2(self.act(self.conv1(x))))
        return torch.clamp(y + F.interpolate(x, scale_factor=2, mode="nearest"), 0.0, 1.0)


class Audio(nn.Module):
    """Dilated one-dimensional convolutions with gates, as for sound."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Conv1d(1, 8, 1)
        self.filters = nn.ModuleList(nn.Conv1d(8, 8, 3, dilation=d, padding=d) for d in (1, 2, 4))
        self.gates = nn.ModuleList(nn.Conv1d(8, 8, 3, dilation=d, padding=d) for d in (1, 2, 4))
        self.end = nn.Conv1d(8, 5, 1)

    def forward(self, wave: Tensor) -> Tensor:
        x, skips = self.start(wave), 0
        for filter, gate in zip(self.filters, self.gates, strict=True):
            y = torch.tanh(filter(x)) * torch.sigmoid(gate(x))
            skips = skips + y
            x = (x + y) / math.sqrt(2)
        return self.end(F.relu(skips)).mean(dim=-1)


class Separable(nn.Module):
    """Depthwise and pointwise, a gate of channels by views, hard activations."""

    def __init__(self) -> None:
        super().__init__()
        self.dw, self.pw = nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.Conv2d(8, 16, 1)
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.se1, self.se2 = nn.Linear(16, 4), nn.Linear(4, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = F.hardswish(self.pw(F.relu6(self.dw(self.stem(x)))))
        b, c = x.shape[:2]
        s = torch.sigmoid(self.se2(F.relu(self.se1(F.adaptive_avg_pool2d(x, 1).view(b, c))))).view(b, c, 1, 1)
        return (x * s).flatten(1)


class AutoEncoder(nn.Module):
    """A variational one, of which evaluation takes the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(36, 16)
        self.mu, self.logvar = nn.Linear(16, 4), nn.Linear(16, 4)
        self.decoder = nn.Sequential(
            nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 36), nn.Sigmoid(), nn.Unflatten(1, (1, 6, 6)),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = F.elu(self.encoder(torch.flatten(x, 1)))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu
        if self.training:
            z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.decoder(z), mu, logvar


def _of(module: Callable[[], nn.Module], *sizes: tuple[int, ...]) -> Callable[[], Made]:
    return lambda: (module(), tuple(torch.rand(2, *size) for size in sizes))


def words() -> Made:
    """Whole numbers enter."""
    return Words(), (torch.randint(0, 50, (2, 7)),)


MODELS: dict[str, Callable[[], Made]] = {
    "nested": _of(Nested, (1, 28, 28)),
    "zipped": _of(Zipped, (3, 12, 12)),
    "hand_attention": _of(TinyGPT, (3, 16, 16)),
    "fused_attention": _of(Fused, (6, 16)),
    "unet": _of(UNet, (3, 16, 16)),
    "lstm": _of(Recurrent, (9, 6)),
    "gru": _of(Gated, (9, 5)),
    "words": words,
    "two_inputs": _of(TwoInputs, (3, 8, 8), (5,)),
    "siamese": _of(Siamese, (1, 8, 8), (1, 8, 8)),
    "own_norm": _of(OwnNorm, (3, 16, 16)),
    "cross_attention": _of(Crossed, (5, 8), (7, 8)),
    "super_resolution": _of(SuperResolution, (1, 8, 8)),
    "audio": _of(Audio, (1, 32)),
    "separable": _of(Separable, (3, 8, 8)),
    "autoencoder": _of(AutoEncoder, (1, 6, 6)),
}
"""The networks by name; each gives a new one with inputs."""

