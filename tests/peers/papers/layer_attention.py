"""Layer-attended networks (Bird 2022, section 3): six layers read out, attended to, contracted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from tests.peers.papers.residual import unit

Tensors = list[Tensor]

WIDTHS = (32, 32, 64, 64, 128, 128)
"""Channels of the six layers; the third and the fifth halve the map."""


class InnateStatic(nn.Module):
    """All tensors end to end, then one many-to-few linear layer (figure 5)."""

    def __init__(self, sizes: Sequence[int], features: int) -> None:
        super().__init__()
        self.contract = nn.Linear(sum(sizes), features)

    def forward(self, xs: Tensors) -> Tensor:
        """L vectors to one."""
        return self.contract(torch.cat(xs, 1))


class StaticVector(nn.Module):
    """Numbers in [0, 1] that sum to 1, one a tensor, each of which scales its tensor before they are joined."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(len(sizes)))
        self.contract = nn.Linear(sum(sizes), sizes[0])

    def forward(self, xs: Tensors) -> Tensor:
        """L vectors to one."""
        weights = torch.exp(self.logits) / torch.exp(self.logits).sum()
        return self.contract(torch.cat([w * x for w, x in zip(weights, xs, strict=True)], 1))


class SelfAttention(nn.Module):
    """Keys, queries and values over the layers (Vaswani et al. 2017, eq. 1), then all end to end, contracted."""

    def __init__(self, sizes: Sequence[int], heads: int) -> None:
        super().__init__()
        self.heads, self.size = heads, sizes[0]
        self.project = nn.Linear(self.size, 3 * self.size)
        self.contract = nn.Linear(sum(sizes), self.size)

    def forward(self, xs: Tensors) -> Tensor:
        """L vectors to one."""
        query, key, value = self.project(torch.stack(xs, 1)).chunk(3, -1)
        width = self.size // self.heads

        heads = []
        for h in range(self.heads):
            part = slice(h * width, (h + 1) * width)
            scores = query[..., part] @ key[..., part].transpose(1, 2) / math.sqrt(width)
            heads.append(torch.softmax(scores, 2) @ value[..., part])
        return self.contract(torch.cat(heads, 2).flatten(1))


class Recurrent(nn.Module):
    """A long short-term memory reads the tensors from the lowest to the highest; its states are joined, contracted."""

    def __init__(self, sizes: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTMCell(sizes[0], hidden)
        self.contract = nn.Linear(len(sizes) * hidden, hidden)

    def forward(self, xs: Tensors) -> Tensor:
        """L vectors to one."""
        state = cell = xs[0].new_zeros(len(xs[0]), self.lstm.hidden_size)
        states = []

        for x in xs:
            state, cell = self.lstm(x, (state, cell))
            states.append(state)
        return self.contract(torch.cat(states, 1))


class Mixed(nn.Module):
    """`beta f(x) + (1 - beta) x`, beta in [0, 1] learned through a sigmoid (eq. 1)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.logit = inner, nn.ParameterList([torch.zeros(())])

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to the same."""
        beta = 1 / (1 + torch.exp(-self.logit[0]))
        return beta * self.inner(x) + (1 - beta) * x


class Contracted(nn.Module):
    """What enters and what leaves joined, then contracted at every place (section 2)."""

    def __init__(self, inner: nn.Module, channels: int) -> None:
        super().__init__()
        self.inner, self.contract = inner, nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to the same."""
        return self.contract(torch.cat([x, self.inner(x)], 1))


class Attended(nn.Module):
    """Layers one after the other, a readout of each, attention over the readouts, the classes (figure 6)."""

    def __init__(self, layers: Sequence[nn.Module], readouts: Sequence[nn.Module], attention: nn.Module,
                 features: int, classes: int) -> None:
        super().__init__()
        self.layers, self.readouts = nn.ModuleList(layers), nn.ModuleList(readouts)
        self.attention, self.head = attention, nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, classes]."""
        read = []
        for layer, readout in zip(self.layers, self.readouts, strict=True):
            x = layer(x)
            read.append(readout(x))
        return self.head(self.attention(read))


def layers(entering: int, widths: Sequence[int], around: Callable[[nn.Module, int], nn.Module]) -> list[nn.Module]:
    """Six units; `around` wraps every second one, which keeps the type."""
    made: list[nn.Module] = []

    for index, (before, after) in enumerate(pairwise((entering, *widths))):
        inner = unit(before, after, 2 if index in (2, 4) else 1)
        made.append(around(inner, after) if index % 2 else inner)
    return made


def flat_sizes(widths: Sequence[int], size: int) -> list[int]:
    """Numbers in each of the six maps."""
    return [width * (size // 2 ** (index // 2)) ** 2 for index, width in enumerate(widths)]


def attended(attention: Callable[[list[int]], nn.Module], size: int, width: int, classes: int, entering: int = 3,
             widths: Sequence[int] = WIDTHS, *, normal: bool = False) -> Attended:
    """The network with a linear readout of every layer (figure 4), normalised or not, and a kind of attention."""
    readouts = []
    for n in flat_sizes(widths, size):
        after = (nn.LayerNorm(width),) if normal else ()
        readouts.append(nn.Sequential(nn.Flatten(), nn.Linear(n, width), *after))
    six = layers(entering, widths, lambda inner, _: inner)
    return Attended(six, readouts, attention([width] * 6), width, classes)


def innate_static(size: int, width: int, classes: int) -> Attended:
    """Figure 5: no readouts before the concatenation."""
    sizes = flat_sizes(WIDTHS, size)
    six = layers(3, WIDTHS, lambda inner, _: inner)
    return Attended(six, [nn.Flatten() for _ in sizes], InnateStatic(sizes, width), width, classes)


def last_alone(around: Callable[[nn.Module, int], nn.Module], size: int, width: int, classes: int, entering: int = 3,
               widths: Sequence[int] = WIDTHS) -> nn.Sequential:
    """The comparison rows: the last layer alone is read out (figures 1 and 2)."""
    readout = nn.Linear(flat_sizes(widths, size)[-1], width)
    return nn.Sequential(*layers(entering, widths, around), nn.Flatten(), readout, nn.Linear(width, classes))
