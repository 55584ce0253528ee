"""Networks as people write them: lists and dicts of modules, functions, shares of channels, masks, tied heads."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Made = tuple[nn.Module, tuple[Tensor, ...]]


class Scoring(nn.Module):
    """Tokens that are scored by the table that they were looked up in, in one of four ways of writing that."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.wte, self.wpe = nn.Embedding(30, 16), nn.Embedding(12, 16)
        self.mix, self.norm = nn.Linear(16, 16), nn.LayerNorm(16)
        if how in ("head", "biased"):
            self.head = nn.Linear(16, 30, bias=how == "biased")
            self.head.weight = self.wte.weight

    def forward(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.wte(ids) * math.sqrt(16) + self.wpe(places)
        x = self.norm(x + F.gelu(self.mix(x)))
        if self.how == "function":
            return F.linear(x, self.wte.weight)
        if self.how == "matrix":
            return x @ self.wte.weight.t()
        return self.head(x)


class LearnedPlaces(nn.Module):
    """The first of a row of learned positions."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(1, 9, 6))
        self.out = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x + self.places[:, : x.size(1)]).mean(dim=1)


class Listed(nn.Module):
    """Branches in a list, called by their index, and outputs in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(3, 4, k, padding=k // 2), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()))
            for k in (1, 3, 5)
        )
        self.heads = nn.ModuleDict({"fine": nn.Conv2d(12, 2, 1), "coarse": nn.Linear(12, 5)})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found = [branch(x) for branch in self.branches]
        whole = torch.cat(found, dim=1)
        return {"fine": self.heads["fine"](whole), "coarse": self.heads["coarse"](whole.mean(dim=(-2, -1)))}


class Halves(nn.Module):
    """Channels that are taken apart: chunks, parts of given sizes, every second one, all but the first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(15, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.conv(x).chunk(2, dim=1)
        c, d = torch.split(a * torch.sigmoid(b), [3, 5], dim=1)
        e = torch.cat([c, d, b[:, ::2], b[:, 1:5].flip(1)], dim=1)
        return self.last(e[:, 1:, ...])


class Resized(nn.Module):
    """Maps made larger and smaller by functions, with a skip in between."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Conv2d(11, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        low = F.relu(self.down(x), inplace=True)
        high = F.interpolate(low, scale_factor=2, mode="bilinear", align_corners=False)
        y = self.up(torch.cat((high, x), 1))
        return F.interpolate(F.avg_pool2d(y, 2), size=x.shape[-2:], mode="nearest")


class Rearranged(nn.Module):
    """Patches as `einops` would lay them out, mixed over places and over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.places, self.channels = nn.Linear(16, 16), nn.Linear(12, 12)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        x = x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(b, (h // 2) * (w // 2), 4 * c)
        x = x + self.places(x.transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(x)
        x = x.reshape(b, h // 2, w // 2, 2, 2, c).permute(0, 5, 1, 3, 2, 4)
        return x.reshape(b, c, h, w)


class Masked(nn.Module):
    """A kernel behind a mask, a buffer of numbers, and numbers behind a comparison with the input."""

    mask: Tensor
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.register_buffer("mask", torch.ones(1, 1, 3, 3))
        self.mask[:, :, 2:] = 0
        self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / 0.5
        y = F.conv2d(x, self.conv.weight * self.mask, self.conv.bias, padding=1)
        return torch.where(y > 0, y, 0.1 * y)


class Compared(nn.Module):
    """Masks out of the input: as numbers, turned round, between two tensors, and for a number."""

    def forward(self, x: Tensor) -> Tensor:
        large = x > 1.0
        kept = x * (x >= -0.5).float() + torch.where(large, 2.0, x)
        low = x.mean(dim=1, keepdim=True).expand_as(x)
        kept = kept.masked_fill(x < low, -1.0)
        return torch.where(~(x <= 0.25), kept, torch.zeros_like(x))


class Apply(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Functions(nn.Module):
    """Functions in a row of modules, and one block twice."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GELU())
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), Apply(lambda x: x * torch.sigmoid(1.702 * x)), self.shared, nn.Identity(),
            self.shared, Apply(lambda x: x.clamp(-2, 2)), nn.Flatten(), nn.Linear(144, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.body(x), dim=-1)


class Squeezed(nn.Module):
    """Gates of channels and of places, by means, maxima and functions."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 4), nn.Linear(4, 8)
        self.place = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        mean, most = x.mean((2, 3)), torch.amax(x, dim=(2, 3))
        gate = torch.sigmoid(self.second(F.relu(self.first(mean))) + self.second(F.relu(self.first(most))))
        x = x * gate[:, :, None, None]
        seen = torch.cat([x.mean(1, keepdim=True), x.max(dim=1, keepdim=True)[0]], dim=1)
        return x * self.place(seen).sigmoid()


class Pooled(nn.Module):
    """A learned query that reads a sequence, and a residual with a learned factor."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, 8))
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.SiLU(), nn.Dropout(0.3), nn.Linear(16, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.alpha * self.mlp(x)
        query = self.query.expand(x.shape[0], -1, -1)
        return self.attend(query, x, x, need_weights=False)[0].squeeze(1)


class Cosine(nn.Module):
    """Attention by cosines in windows beside the samples, and parts of given ends."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        x = x.view(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(b * (h // 2) * (w // 2), 4, c)
        q, k, v = self.qkv(x).reshape(-1, 4, 3, 2, 4).permute(2, 0, 3, 1, 4)
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
        x = self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, 4, c))
        first, rest = torch.tensor_split(x.reshape(b, -1, c), (1,), dim=1)
        return torch.cat([rest, first], dim=1)


class Together(nn.Module):
    """Branches that are stacked before the batch, running sums, and numbers that are written behind a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=d, dilation=d) for d in (1, 2))

    def forward(self, x: Tensor) -> Tensor:
        found = torch.stack([branch(x) for branch in self.branches], 0)
        y = found.max(dim=0)[0] + found.mean(0)
        z = y.clone()
        z[y < 0] = 0.0
        return torch.cumsum(z, dim=1) + sum(branch(x) for branch in self.branches)


class Odd(nn.Module):
    """What stands in many scripts: a plain list, a loop over parameters, padding by hand, `view(-1)`, two results."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(4, 4) * 0.3) for _ in range(2))
        self.convs = nn.ModuleList([nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3, dilation=2)])
        self.norm = nn.GroupNorm(2, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for at, conv in enumerate(self.convs):
            x = F.elu(conv(F.pad(x, (at + 1,) * 4, mode="reflect")))
        x = self.norm(x) + F.hardswish(x) / 2
        y = x.permute(0, 2, 3, 1)
        for weight in self.weights:
            y = torch.tanh(torch.matmul(y, weight))
        y = torch.einsum("bhwc->bch", y)
        return x.view(x.size(0), -1), y - y.mean(-1, keepdim=True)


def _of(module: Callable[[], nn.Module], *size: int) -> Callable[[], Made]:
    return lambda: (module(), (torch.randn(2, *size),))


def _scoring(how: str) -> Callable[[], Made]:
    return lambda: (Scoring(how), (torch.randint(0, 30, (2, 7)),))


MODELS: dict[str, Callable[[], Made]] = {
    **{f"scoring_{how}": _scoring(how) for how in ("head", "biased", "function", "matrix")},
    "learned_places": _of(LearnedPlaces, 5, 6),
    "listed": _of(Listed, 3, 8, 8),
    "halves": _of(Halves, 3, 8, 8),
    "resized": _of(Resized, 3, 8, 8),
    "rearranged": _of(Rearranged, 3, 8, 8),
    "masked": _of(Masked, 3, 8, 8),
    "compared": _of(Compared, 3, 4, 4),
    "functions": _of(Functions, 1, 6, 6),
    "squeezed": _of(Squeezed, 8, 6, 6),
    "cosine": _of(Cosine, 8, 4, 4),
    "together": _of(Together, 4, 5, 5),
    "odd": _of(Odd, 2, 6, 6),
    "pooled": _of(Pooled, 5, 8),
}
"""The networks by name; each gives a new one with inputs."""
