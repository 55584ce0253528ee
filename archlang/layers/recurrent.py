"""Torch's recurrent layers as functions of tensors: every state, the last one, or those of all layers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class LSTM(nn.LSTM):
    """Long short-term memory over a sequence (Hochreiter and Schmidhuber 1997).

    Args:
        features: F, those of a position.
        hidden: the size of a state in one direction.
        layers: stacked ones.
        bidirectional: whether a second one reads backwards; H is then twice `hidden`.
        give: `all` states, the `last` one, or the `states` of all layers and directions. In both directions the last
            one is that after the last position of the one and that after the first position of the other.
        bias: whether the cells have one.
        dropout: between layers, in training.
    """

    def __init__(self, features: int, hidden: int, layers: int = 1, bidirectional: bool = False, give: str = "all",
                 bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__(features, hidden, layers, bias, True, dropout, bidirectional)
        self.give = give

    def forward(  # type: ignore[override]  # one tensor in, tensors out
        self, x: Tensor, lengths: Tensor | None = None, state: Tensor | None = None, cell: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Read [batch, P, F] to [batch, P, H], to [batch, H], or to states and cells [batch, layers, hidden].

        Args:
            x: the sequence.
            lengths: how many positions count, [batch, 1]; states past them are zeros.
            state: where the states start, [batch, hidden] or [batch, layers and directions, hidden]; else zeros.
            cell: the same of the cells.
        """
        start = None
        if state is not None or cell is not None:
            given = state if state is not None else cell
            assert given is not None
            zeros = torch.zeros_like(given)
            start = (_stacked(zeros if state is None else state), _stacked(zeros if cell is None else cell))

        with _weights_type(x):
            x = _cast(x, self.weight_ih_l0)
            if start is not None:
                start = (_cast(start[0], x), _cast(start[1], x))
            states, (last, cells) = super().forward(_packed(x, lengths), start)
        if self.give == "states":
            return last.transpose(0, 1), cells.transpose(0, 1)
        return _given(self.give, states, last, x.shape[1], self.bidirectional)


class GRU(nn.GRU):
    """Gated recurrent units over a sequence (Cho et al. 2014); arguments and shapes as of `LSTM`, without cells."""

    def __init__(self, features: int, hidden: int, layers: int = 1, bidirectional: bool = False, give: str = "all",
                 bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__(features, hidden, layers, bias, True, dropout, bidirectional)
        self.give = give

    def forward(  # type: ignore[override]  # one tensor in, one tensor out
        self, x: Tensor, lengths: Tensor | None = None, state: Tensor | None = None
    ) -> Tensor:
        """Read [batch, P, F] to [batch, P, H], to [batch, H], or to the states [batch, layers, hidden]."""
        start = None
        if state is not None:
            start = _stacked(state)

        with _weights_type(x):
            x = _cast(x, self.weight_ih_l0)
            if start is not None:
                start = _cast(start, x)
            states, last = super().forward(_packed(x, lengths), start)
        if self.give == "states":
            result: Tensor = last.transpose(0, 1)
            return result
        return _given(self.give, states, last, x.shape[1], self.bidirectional)


def _weights_type(x: Tensor) -> AbstractContextManager[object]:
    """Leave autocast on a CPU: many have no recurrent layer in half precision, and torch fails there."""
    if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        return torch.autocast("cpu", enabled=False)
    return nullcontext()


def _cast(x: Tensor, weight: Tensor | nn.Module) -> Tensor:
    """Bring a tensor to the type of the weights, from which it may differ where autocast was left."""
    if x.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
        assert isinstance(weight, Tensor)  # torch's attributes are declared as either
        return x.to(weight.dtype)
    return x


def _stacked(state: Tensor) -> Tensor:
    """States [batch, hidden] or [batch, layers, hidden] as torch takes them: [layers, batch, hidden]."""
    if state.dim() == 2:
        return state.unsqueeze(0)
    return state.transpose(0, 1).contiguous()


def _packed(x: Tensor, lengths: Tensor | None) -> Tensor | PackedSequence:
    """The positions of [batch, P, F] that count. Raises ValueError for a length outside 1 ... P."""
    if lengths is None:
        return x

    # torch wants them on the CPU, where they decide how many samples each step reads.
    counts = lengths[:, 0].long().cpu()
    outside = ((counts < 1) | (counts > x.shape[1])).nonzero()
    if len(outside):
        sample = int(outside[0, 0])
        raise ValueError(f"a length lies from 1 to {x.shape[1]}, that of sample {sample} is {int(counts[sample])}")
    return pack_padded_sequence(x, counts, batch_first=True, enforce_sorted=False)


def _given(give: str, states: Tensor | PackedSequence, last: Tensor, positions: int, both: bool) -> Tensor:
    """All states, or the last one, as `give` says.

    `last` holds that of each layer and direction, the first layer first.
    """
    if give != "last":
        if isinstance(states, PackedSequence):
            states, _ = pad_packed_sequence(states, batch_first=True, total_length=positions)
        return states

    # Backwards, the state that has read everything is that of the first position.
    if both:
        return torch.cat([last[-2], last[-1]], 1)
    return last[-1]
