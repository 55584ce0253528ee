"""Torch's recurrent layers, handing out one tensor."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LSTM(nn.LSTM):
    """Long short-term memory: [batch, P, F] to every state [batch, P, H], or (`last`) to the last one [batch, H].

    In both directions H is twice `hidden`; the last state is then that after the last position of the one, and that
    after the first position of the other.
    """

    def __init__(self, features: int, hidden: int, layers: int = 1, bidirectional: bool = False, last: bool = False,
                 bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__(features, hidden, layers, bias, True, dropout, bidirectional)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # one tensor in, one tensor out
        """[batch, P, F] to [batch, P, H] or [batch, H]."""
        states, _ = super().forward(x)
        return _last(states, self.bidirectional) if self.last else states


class GRU(nn.GRU):
    """Gated recurrent units; shapes as those of `LSTM`."""

    def __init__(self, features: int, hidden: int, layers: int = 1, bidirectional: bool = False, last: bool = False,
                 bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__(features, hidden, layers, bias, True, dropout, bidirectional)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # one tensor in, one tensor out
        """[batch, P, F] to [batch, P, H] or [batch, H]."""
        states, _ = super().forward(x)
        return _last(states, self.bidirectional) if self.last else states


def _last(states: Tensor, both: bool) -> Tensor:
    if not both:
        return states[:, -1]
    half = states.shape[2] // 2
    return torch.cat([states[:, -1, :half], states[:, 0, half:]], 1)
