"""A line of tokens cut into windows, one behind the other; what follows a position is its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from archlang.graph.ir import Graph
from archlang.shapes import Dim, linear
from archlang.train.data.splits import Data
from archlang.train.problems import bad_data

LENGTH = 64
"""Tokens of a window, where the network leaves the length open and allows so many."""


@dataclass(frozen=True)
class Windows:
    """A split of a line of tokens: sample i is `tokens[i n : (i + 1) n]`, its label the same one token later."""

    tokens: torch.Tensor
    length: int = 1  # until a network says its own

    def __len__(self) -> int:
        return max(0, len(self.tokens) - 1) // self.length

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens [batch, length] and the tokens that follow them, as int64."""
        starts = torch.as_tensor(list(indices), dtype=torch.int64)[:, None] * self.length
        places = starts + torch.arange(self.length)
        return self.tokens[places].long(), self.tokens[places + 1].long()


def cut_for(data: Data, graph: Graph) -> Data:
    """Data with windows as long as the network's input. Raises `ArchError` (bad-data) where it takes no tokens."""
    if not isinstance(data.train, Windows) or not isinstance(data.test, Windows):
        return data

    types = [spec.type for spec in graph.inputs]
    if len(types) != 1 or types[0].range is None or types[0].rank != 1:
        raise bad_data("text goes to a network with one input of tokens: `input tokens: [T] (range = 256)`")
    length = _length(types[0].dims[0])
    cut = replace(data, train=replace(data.train, length=length), test=replace(data.test, length=length))

    if len(cut.train) < 2 or not len(cut.test):
        raise bad_data(f"the text is too short: windows of {length} tokens, {len(data.train.tokens)} tokens to train "
                       f"on and {len(data.test.tokens)} to test on")
    return cut


def _length(size: Dim) -> int:
    """The size of an input, or the largest that its bounds allow, up to `LENGTH`."""
    if isinstance(size, int):
        return size
    found = linear(size)
    if found is None or found[1] != 1 or found[2] != 0:
        return int(size.low)

    symbol = found[0]
    longest = min(symbol.high, LENGTH)
    return max(symbol.low, longest - longest % symbol.divisor)
