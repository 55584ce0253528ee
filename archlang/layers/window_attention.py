"""Attention among the places of each window of a map."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class WindowAttention(nn.Module):
    """Multi-head attention in windows that tile a map, which may be shifted (Liu et al. 2021, Swin, eq. 3 and 4).

    Shifted windows wrap around the map's edges; places that came from opposite edges do not see each other.

    Args:
        channels: C, in and out.
        heads: divides C.
        window: rows and columns of a window; they divide those of the map.
        shift: how far the windows are shifted down and right.
        bias: whether the layer after the heads has one.
        qkv_bias: whether the layer before them has one.
        dropout: the probability of dropping an attention weight, in training.
        scale: the factor of the scores; 1 / sqrt(C / heads) where not given.
    """

    def __init__(self, channels: int, heads: int, window: tuple[int, int], shift: tuple[int, int] = (0, 0),
                 bias: bool = True, qkv_bias: bool = True, dropout: float = 0.0,
                 scale: float | None = None) -> None:
        super().__init__()
        self.heads, self.window, self.shift, self.dropout, self.scale = heads, window, shift, dropout, scale
        rows, columns = window
        self.positions = nn.Parameter(torch.empty((2 * rows - 1) * (2 * columns - 1), heads))
        self.project = nn.Linear(channels, 3 * channels, qkv_bias)
        self.combine = nn.Linear(channels, channels, bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the numbers of distances from a normal with deviation 0.02, cut at two deviations."""
        nn.init.trunc_normal_(self.positions, std=0.02, a=-0.04, b=0.04)

    def forward(self, x: Tensor) -> Tensor:
        """Attend within the windows of [batch, C, H, W]."""
        height, width = x.shape[2:]
        down, right = self.shift
        # Channels last, and what the first window holds in the corner.
        rolled = x.permute(0, 2, 3, 1).roll((-down, -right), (1, 2))
        windows = _cut(rolled, self.window)

        query, key, value = self._parts(windows)
        dropout = 0.0
        if self.training:
            dropout = self.dropout
        # Windows stand among the heads: ONNX takes attention of four axes, and what is added serves all samples.
        count = windows.shape[1]
        added = self._added(x).expand(count, -1, -1, -1).flatten(0, 1).unsqueeze(0)
        attended = functional.scaled_dot_product_attention(query, key, value, added, dropout, scale=self.scale)
        apart = attended.unflatten(1, (count, self.heads))  # type: ignore[no-untyped-call]  # torch gives it no types
        # A copy in any case: how attention lays out its result differs, and exporters take one layout for granted.
        made = self.combine(apart.transpose(2, 3).clone(memory_format=torch.contiguous_format).flatten(3))

        whole = _joined(made, self.window, height, width).roll((down, right), (1, 2))
        return whole.permute(0, 3, 1, 2)

    def _parts(self, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values [batch, windows * heads, places, C / heads] of [batch, windows, places, C]."""
        size = windows.shape[3] // self.heads
        parts = self.project(windows).unflatten(3, (3, self.heads, size)).permute(3, 0, 1, 4, 2, 5).flatten(2, 3)
        return parts[0], parts[1], parts[2]

    def _added(self, x: Tensor) -> Tensor:
        """The numbers added to the scores [windows or 1, heads, places, places]: by distance, and to hide places."""
        rows, columns = self.window
        row = torch.arange(rows, device=x.device).repeat_interleave(columns)
        column = torch.arange(columns, device=x.device).repeat(rows)
        index = (row[:, None] - row + rows - 1) * (2 * columns - 1) + column[:, None] - column + columns - 1
        added = self.positions[index].permute(2, 0, 1).unsqueeze(0).to(x.dtype)

        if not any(self.shift):
            return added
        region = _cut(self._regions(x), self.window).squeeze(3)[0]
        apart = region[:, :, None] != region[:, None, :]
        return added.masked_fill(apart.unsqueeze(1), -torch.inf)

    def _regions(self, x: Tensor) -> Tensor:
        """The origin of each place after the roll: [1, H, W, 1], a number for each side that wrapped around."""
        height, width = x.shape[2:]
        down, right = self.shift
        wrapped = torch.arange(height, device=x.device) >= height - down
        aside = torch.arange(width, device=x.device) >= width - right
        return (2 * wrapped.int()[:, None] + aside.int())[None, :, :, None]

    def extra_repr(self) -> str:
        """The settings that no submodule shows."""
        text = f"heads={self.heads}, window={self.window}, shift={self.shift}, dropout={self.dropout}"
        if self.scale is not None:
            text += f", scale={self.scale}"
        return text


def _cut(x: Tensor, window: tuple[int, int]) -> Tensor:
    """Windows [batch, windows, places, C] of [batch, H, W, C], row by row."""
    rows, columns = window
    batch, height, width, channels = x.shape
    tiles = x.reshape(batch, height // rows, rows, width // columns, columns, channels)
    return tiles.transpose(2, 3).reshape(batch, (height // rows) * (width // columns), rows * columns, channels)


def _joined(windows: Tensor, window: tuple[int, int], height: int, width: int) -> Tensor:
    """The map [batch, H, W, C] of its windows: `_cut` undone."""
    rows, columns = window
    batch, _, _, channels = windows.shape
    tiles = windows.reshape(batch, height // rows, width // columns, rows, columns, channels)
    return tiles.transpose(2, 3).reshape(batch, height, width, channels)
