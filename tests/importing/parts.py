"""Networks that work on parts of samples: windows, heads and rows that stand beside the batch, as papers write them.

Each function gives a module and an example of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Made = tuple[nn.Module, tuple[Tensor, ...]]


class Windowed(nn.Module):
    """A map cut into windows that become samples, convolved and joined there, and put back (EfficientViT)."""

    def __init__(self, dim: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.first = nn.Conv2d(dim, dim, 3, padding=1, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(dim)
        self.second = nn.Conv1d(dim, dim, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        s = self.side
        windows = x.view(B, C, H // s, s, W // s, s).permute(0, 2, 4, 1, 3, 5).reshape(-1, C, s, s)
        windows = torch.cat([windows, F.relu(self.norm(self.first(windows)))], 1)[:, C // 2: C // 2 + C]
        rows = self.second(windows.flatten(2)).view(-1, C, s, s)
        back = rows.view(B, H // s, W // s, C, s, s).permute(0, 3, 1, 4, 2, 5)
        return back.reshape(B, C, H, W)


class RowNorm(nn.Module):
    """A batch norm over the features of all positions at once, as LeViT has it behind its dense maps."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.map, self.norm = nn.Linear(dim, 2 * dim, bias=False), nn.BatchNorm1d(2 * dim)

    def forward(self, x: Tensor) -> Tensor:
        x = self.map(x)
        return self.norm(x.flatten(0, 1)).reshape_as(x)


class Volumes(nn.Module):
    """Heads that become samples, each a volume under one pooling convolution (MViT)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.pool = nn.Conv3d(dim // heads, dim // heads, 3, stride=(1, 2, 2), padding=1, groups=dim // heads)

    def forward(self, x: Tensor) -> Tensor:
        B, C, T, H, W = x.shape
        heads = x.view(B * self.heads, C // self.heads, T, H, W)
        return self.pool(heads).view(B, C, T, H // 2, W // 2)


class Unrolled(nn.Module):
    """Attention among the same place of every patch (MobileViT): torch's own attention, samples and places as one."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(dim, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        parts = x.view(B, C, H // 2, 2, W // 2, 2).permute(0, 3, 5, 2, 4, 1).reshape(B * 4, H * W // 4, C)
        parts = parts + self.attn(parts, parts, parts, need_weights=False)[0]
        back = parts.view(B, 2, 2, H // 2, W // 2, C).permute(0, 5, 3, 1, 4, 2)
        return back.reshape(B, C, H, W)


class Outlook(nn.Module):
    """Windows by `unfold`, weighed and laid over one another by `fold` (VOLO)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weights = nn.Conv2d(dim, 9, 1)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        windows = F.unfold(x, 3, padding=1).view(B, C, 9, H * W)
        shares = self.weights(x).view(B, 1, 9, H * W).softmax(2)
        return F.fold((windows * shares).flatten(1, 2), (H, W), 3, padding=1)


class Linear(nn.Module):
    """Attention without a softmax in float32, its sums beside a column of ones (EfficientViT of MIT)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.qkv = nn.Conv2d(dim, 3 * dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        q, k, v = self.qkv(x).view(B, 1, 3 * C, H * W).transpose(-1, -2).chunk(3, -1)
        q, k, v = F.relu(q), F.relu(k), F.pad(v, (0, 1), value=1.0)
        with torch.autocast("cpu", enabled=False):
            out = q.float() @ (k.float().transpose(-1, -2) @ v.float())
            out = out[..., :-1] / (out[..., -1:] + 1e-4)
        return out.to(x.dtype).transpose(-1, -2).reshape(B, C, H, W)


class ClassAttention(nn.Module):
    """A class token that is looked up and added to: one weight, read by two operations (CaiT)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, dim))
        self.q, self.kv = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        token = self.token.expand(x.shape[0], -1, -1)
        whole = torch.cat((token, x), dim=1)
        shares = (self.q(token) @ self.kv(whole).transpose(1, 2)).softmax(-1)
        return torch.cat((token + shares @ whole, x), dim=1).flatten(1)


class Repeated(nn.Module):
    """Positions that are calculated, repeated for the batch, and laid out as a sequence only then (XCiT)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.places = nn.Conv2d(2, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        B, N, _ = x.shape
        grid = torch.stack(torch.meshgrid(torch.arange(3.0), torch.arange(4.0), indexing="ij")).unsqueeze(0)
        return x + self.places(grid).repeat(B, 1, 1, 1).reshape(B, -1, N).permute(0, 2, 1)


class Narrowing(nn.Module):
    """Rows of equal parts behind a layer that narrows: their width is that of what enters the whole (MobileViT 2)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(dim, dim // 2, 1)
        self.rows = nn.Sequential(*(Wide(dim // 2, dim) for _ in range(2)))
        self.widen = nn.Conv2d(dim // 2, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.widen(self.rows(self.narrow(x)))


class Wide(nn.Module):
    """A residual branch of a width of its own."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(dim, hidden, 1), nn.Conv2d(hidden, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fc2(F.silu(self.fc1(x)))


class Written(nn.Module):
    """The whole of a tensor written over through a slice, and dropout on what depends on weights alone."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.bias, self.drop = nn.Parameter(torch.randn(dim)), nn.Dropout(0.2)

    def forward(self, x: Tensor) -> Tensor:
        scores = x.softmax(-1)
        scores[:, 0:] = scores[:, 0:] + self.drop(self.bias * 2)
        return scores * 3


MODELS: dict[str, Callable[[], Made]] = {
    "windows_as_samples": lambda: (Windowed(8, 3), (torch.zeros(2, 8, 6, 9),)),
    "rows_as_samples": lambda: (RowNorm(6), (torch.zeros(2, 5, 6),)),
    "volumes_as_samples": lambda: (Volumes(8, 2), (torch.zeros(2, 8, 3, 4, 6),)),
    "places_as_samples": lambda: (Unrolled(8), (torch.zeros(2, 8, 4, 6),)),
    "outlook": lambda: (Outlook(4), (torch.zeros(2, 4, 5, 6),)),
    "linear_attention": lambda: (Linear(4), (torch.zeros(2, 4, 3, 5),)),
    "class_attention": lambda: (ClassAttention(6), (torch.zeros(2, 5, 6),)),
    "repeated_places": lambda: (Repeated(6), (torch.zeros(2, 12, 6),)),
    "narrowing": lambda: (
        nn.Sequential(Narrowing(16), nn.Conv2d(16, 24, 1), Narrowing(24)), (torch.zeros(2, 16, 4, 4),)
    ),
    "written_over": lambda: (Written(6), (torch.zeros(2, 6),)),
}
"""Each by a name for messages."""
