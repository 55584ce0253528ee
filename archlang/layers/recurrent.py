"""Torch's recurrent layers with one tensor out: every state, or the last one."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LSTM(nn.LSTM):
    """Long short-term memory over a sequence (Hochreiter and Schmidhuber 1997).

    Args:
        features: F, those of a position.
        hidden: the size of a state in one direction.
        layers: stacked ones.
        bidirectional: whether a second one reads backwards; H is then twice `hidden`.
        last: whether the last state is given instead of all. In both directions it is that after the last position of
            the one and that after the first position of the other.
        bias: whether the cells have one.
        dropout: between layers, in training.
    """

    def __init__(self, features: int, hidden: int, layers: int = 1, bidirectional: bool = False, last: bool = False,
                 bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__(features, hidden, layers, bias, True, dropout, bidirectional)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # one tensor in, one tensor out
        """Read [batch, P, F] to [batch, P, H], or to [batch, H] of the last state."""
        states, _ = super().forward(x)
        if self.last:
            return _last(states, self.bidirectional)
        return states


class GRU(nn.GRU):
    """Gated recurrent units over a sequence (Cho et al. 2014); arguments and shapes as those of `LSTM`."""

    def __init__(self, features: int, hidden: int, layers: int = 1, bidirectional: bool = False, last: bool = False,
                 bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__(features, hidden, layers, bias, True, dropout, bidirectional)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # one tensor in, one tensor out
        """Read [batch, P, F] to [batch, P, H], or to [batch, H] of the last state."""
        states, _ = super().forward(x)
        if self.last:
            return _last(states, self.bidirectional)
        return states


def _last(states: Tensor, both: bool) -> Tensor:
    """The last state of [batch, P, H]; backwards, the one that has read everything stands at the first position."""
    if not both:
        return states[:, -1]

    # Both directions stand side by side in the features, forwards first.
    half = states.shape[2] // 2
    return torch.cat([states[:, -1, :half], states[:, 0, half:]], 1)
