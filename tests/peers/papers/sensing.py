"""Networks of noise, of places in space, of speech, of graphs and of states, written from their papers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.peers.papers.others import Heads
from tests.peers.papers.plain import Held


class Unit(nn.Module):
    """A residual block that is told the time (Ho et al. 2020, appendix B)."""

    def __init__(self, entering: int, leaving: int, time: int, groups: int) -> None:
        super().__init__()
        self.first, self.one = nn.GroupNorm(groups, entering), nn.Conv2d(entering, leaving, 3, padding=1)
        self.time = nn.Linear(time, leaving)
        self.second, self.drop = nn.GroupNorm(groups, leaving), nn.Dropout(0.1)
        self.two = nn.Conv2d(leaving, leaving, 3, padding=1)
        self.side = nn.Conv2d(entering, leaving, 1) if entering != leaving else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """[batch, C, H, W] and [batch, F] to [batch, C', H, W]."""
        made = self.one(functional.silu(self.first(x))) + self.time(functional.silu(time))[..., None, None]
        made = self.two(self.drop(functional.silu(self.second(made))))
        return made + self.side(x)  # type: ignore[no-any-return]


class Seeing(nn.Module):
    """Attention of all places of a map, beside a shortcut."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm, self.heads = nn.GroupNorm(groups, channels), Heads(channels, 1, own=True)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to the same."""
        rows = self.norm(x).flatten(2).transpose(1, 2)
        return x + self.heads(rows, rows, False).transpose(1, 2).reshape(x.shape)  # type: ignore[no-any-return]


class DDPM(nn.Module):
    """Ho et al. 2020, appendix B, of three sizes."""

    rates: Tensor

    def __init__(self, w: int, groups: int) -> None:
        super().__init__()
        half = w // 2
        self.register_buffer("rates", 1e4 ** (-torch.arange(half) / (half - 1)))
        self.time = nn.Sequential(nn.Linear(w, 4 * w), nn.SiLU(), nn.Linear(4 * w, 4 * w))
        self.begin, self.high = nn.Conv2d(3, w, 3, padding=1), Unit(w, w, 4 * w, groups)
        self.down = nn.Conv2d(w, w, 3, 2, 1)
        self.middle, self.see = Unit(w, 2 * w, 4 * w, groups), Seeing(2 * w, groups)
        self.deeper = nn.Conv2d(2 * w, 2 * w, 3, 2, 1)
        self.low, self.see_low = Unit(2 * w, 2 * w, 4 * w, groups), Seeing(2 * w, groups)
        self.last = Unit(2 * w, 2 * w, 4 * w, groups)
        self.up, self.joined = nn.Conv2d(2 * w, 2 * w, 3, padding=1), Unit(4 * w, 2 * w, 4 * w, groups)
        self.see_up = Seeing(2 * w, groups)
        self.top, self.end = nn.Conv2d(2 * w, 2 * w, 3, padding=1), Unit(3 * w, w, 4 * w, groups)
        self.norm, self.head = nn.GroupNorm(groups, w), nn.Conv2d(w, 3, 3, padding=1)

    def forward(self, image: Tensor, moment: Tensor) -> Tensor:
        """A noisy image and its time [batch, 1] to the noise."""
        angles = moment * self.rates
        time = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        high = self.high(self.begin(image), time)
        middle = self.see(self.middle(self.down(high), time))
        low = self.last(self.see_low(self.low(self.deeper(middle), time)), time)
        x = functional.interpolate(low, middle.shape[2:])
        x = self.see_up(self.joined(torch.cat([self.up(x), middle], 1), time))
        x = functional.interpolate(x, high.shape[2:])
        x = self.end(torch.cat([self.top(x), high], 1), time)
        made: Tensor = self.head(functional.silu(self.norm(x)))
        return made


class NeRF(nn.Module):
    """Mildenhall et al. 2020, figure 7 and equation 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = [63, *[width] * 4]
        self.near = nn.Sequential(*(layer for n in sizes for layer in (nn.Linear(n, width), nn.ReLU())))
        sizes = [width + 63, width, width]
        self.far = nn.Sequential(*(layer for n in sizes for layer in (nn.Linear(n, width), nn.ReLU())))
        self.density, self.turned = nn.Linear(width, 1), nn.Linear(width, width)
        self.color = nn.Sequential(nn.Linear(width + 27, width // 2), nn.ReLU(), nn.Linear(width // 2, 3), nn.Sigmoid())

    def forward(self, place: Tensor, direction: Tensor) -> dict[str, Tensor]:
        """[batch, 3] each to a density and a colour."""
        near = _waves(place, 10)
        seen = self.far(torch.cat([self.near(near), near], 1))
        color = self.color(torch.cat([self.turned(seen), _waves(direction, 4)], 1))
        return {"density": self.density(seen).relu(), "color": color}


def _waves(x: Tensor, n: int) -> Tensor:
    turned = [f(2.0**i * x) for i in range(n) for f in (torch.sin, torch.cos)]
    return torch.cat([x, *turned], 1)


class ConformerLayer(nn.Module):
    """Gulati et al. 2020, equation 1 and figures 2 to 4, without relative positions."""

    def __init__(self, width: int, heads: int, kernel: int) -> None:
        super().__init__()
        self.begin = self.dense(width)
        self.norm, self.heads, self.drop = nn.LayerNorm(width), Heads(width, heads, own=True), nn.Dropout(0.1)
        self.rows = nn.LayerNorm(width)
        self.convolved = nn.Sequential(
            nn.Conv1d(width, 2 * width, 1), nn.GLU(1),
            nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False),
            nn.BatchNorm1d(width), nn.SiLU(), nn.Conv1d(width, width, 1),
        )
        self.dropped = nn.Dropout(0.1)
        self.end, self.last = self.dense(width), nn.LayerNorm(width)

    @staticmethod
    def dense(width: int) -> nn.Sequential:
        """Dense layers with a dropout behind each."""
        return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.SiLU(), nn.Dropout(0.1),
                             nn.Linear(4 * width, width), nn.Dropout(0.1))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, T, F] to the same."""
        x = x + self.begin(x) / 2
        rows = self.norm(x)
        x = x + self.drop(self.heads(rows, rows, False))
        x = x + self.dropped(self.convolved(self.rows(x).transpose(1, 2)).transpose(1, 2))
        made: Tensor = self.last(x + self.end(x) / 2)
        return made


class Conformer(nn.Module):
    """Gulati et al. 2020, section 2."""

    def __init__(self, mels: int, letters: int, width: int, depth: int, heads: int, kernel: int) -> None:
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(1, width, 3, 2), nn.ReLU(), nn.Conv2d(width, width, 3, 2), nn.ReLU())
        self.enter = nn.Linear(width * (((mels - 1) // 2 - 1) // 2), width)
        self.drop = nn.Dropout(0.1)
        self.layers = nn.Sequential(*(ConformerLayer(width, heads, kernel) for _ in range(depth)))
        self.head = nn.Linear(width, letters)

    def forward(self, spectrum: Tensor) -> Tensor:
        """[batch, 1, T, mels] to scores of letters at each fourth position."""
        rows = self.maps(spectrum).transpose(1, 2).flatten(2)
        made: Tensor = self.head(self.layers(self.drop(self.enter(rows))))
        return made


class GraphAttention(nn.Module):
    """Velickovic et al. 2018, equations 1 to 5."""

    def __init__(self, entering: int, heads: int, leaving: int) -> None:
        super().__init__()
        self.heads, self.dense = heads, nn.Linear(entering, heads * leaving, bias=False)
        self.asks, self.says = Held(heads, leaving), Held(heads, leaving)
        self.drops = nn.ModuleList(nn.Dropout(0.6) for _ in range(2))

    def forward(self, x: Tensor, near: Tensor) -> Tensor:
        """Nodes [batch, N, F] and edges [batch, N, N] to [batch, N, heads * leaving]."""
        nodes = self.dense(self.drops[0](x)).unflatten(2, (self.heads, -1)).transpose(1, 2)
        asks = (nodes * self.asks.value[:, None]).sum(3)
        says = (nodes * self.says.value[:, None]).sum(3)
        scores = functional.leaky_relu(asks[..., None] + says[:, :, None], 0.2)
        shares = self.drops[1](scores.masked_fill(near[:, None] == 0, -1e30).softmax(3))
        return (shares @ nodes).transpose(1, 2).flatten(2)


class GAT(nn.Module):
    """Velickovic et al. 2018, section 3.3, with biases."""

    def __init__(self, features: int, classes: int, heads: int, c: int) -> None:
        super().__init__()
        self.first, self.bias = GraphAttention(features, heads, c), Held(heads * c)
        self.second, self.last = GraphAttention(heads * c, 1, classes), Held(classes)

    def forward(self, nodes: Tensor, near: Tensor) -> Tensor:
        """[batch, N, features] to scores [batch, N, classes]."""
        hidden = functional.elu(self.first(nodes, near) + self.bias.value)
        made: Tensor = self.second(hidden, near) + self.last.value
        return made


class MambaLayer(nn.Module):
    """Gu and Dao 2023, algorithm 2 and figure 3, one position after the other."""

    def __init__(self, width: int, state: int, rank: int, kernel: int) -> None:
        super().__init__()
        self.state, self.rank, wide = state, rank, 2 * width
        self.norm, self.enter = nn.RMSNorm(width, eps=1e-5), nn.Linear(width, 2 * wide, bias=False)
        self.conv = nn.Conv1d(wide, wide, kernel, groups=wide, padding=kernel - 1)
        self.told, self.pace = nn.Linear(wide, rank + 2 * state, bias=False), nn.Linear(rank, wide)
        self.rates, self.skip = Held(wide, state), Held(wide)
        self.leave = nn.Linear(wide, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, T, F] to the same."""
        u, gate = self.enter(self.norm(x)).chunk(2, 2)
        u = functional.silu(self.conv(u.transpose(1, 2))[..., : x.shape[1]]).transpose(1, 2)
        pace, b, c = self.told(u).split([self.rank, self.state, self.state], 2)
        pace = functional.softplus(self.pace(pace))
        h, made = torch.zeros(len(x), *self.rates.value.shape, dtype=x.dtype), []
        for t in range(x.shape[1]):
            d = pace[:, t, :, None]
            h = (-d * self.rates.value.exp()).exp() * h + d * b[:, t, None] * u[:, t, :, None]
            made.append((h * c[:, t, None]).sum(2) + self.skip.value * u[:, t])
        return x + self.leave(torch.stack(made, 1) * functional.silu(gate))  # type: ignore[no-any-return]


class Mamba(nn.Module):
    """Gu and Dao 2023, section 3.4; the head is the table of tokens."""

    def __init__(self, tokens: int, width: int, depth: int, state: int, kernel: int) -> None:
        super().__init__()
        self.table = nn.Embedding(tokens, width)
        self.layers = nn.Sequential(*(MambaLayer(width, state, width // 16, kernel) for _ in range(depth)))
        self.norm = nn.RMSNorm(width, eps=1e-5)

    def forward(self, text: Tensor) -> Tensor:
        """Tokens [batch, T] to scores [batch, T, tokens]."""
        made: Tensor = self.norm(self.layers(self.table(text))) @ self.table.weight.T
        return made
