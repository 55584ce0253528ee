"""Recurrent cells, position by position."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.static import word as _word

if TYPE_CHECKING:
    from tests.reference.machine import Use

_State = tuple[Tensor, Tensor]
_Step = Callable[[Tensor, _State, "_Maps"], _State]
_Maps = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def _lstm_step(x: Tensor, state: _State, maps: _Maps) -> _State:
    """i, f, g, o = W x + U h; c' = f c + i g; h' = o tanh(c')."""
    hidden, cell = state
    entering, held = maps(x, hidden)
    i, f, g, o = (entering + held).chunk(4, 1)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def _gru_step(x: Tensor, state: _State, maps: _Maps) -> _State:
    """r, z, n of W x and U h; n = tanh(W x + r U h); h' = (1 - z) n + z h."""
    hidden, cell = state
    entering, held = maps(x, hidden)
    (r, z, n), (hr, hz, hn) = entering.chunk(3, 1), held.chunk(3, 1)
    reset, update = torch.sigmoid(r + hr), torch.sigmoid(z + hz)
    return (1 - update) * torch.tanh(n + reset * hn) + update * hidden, cell


def _maps(u: Use, suffix: str, rows: int, entering: int, hidden: int, bias: bool) -> _Maps:
    into, over = u.weight(f"weight_ih_{suffix}", rows, entering), u.weight(f"weight_hh_{suffix}", rows, hidden)
    first, second = (u.weight(f"bias_ih_{suffix}", rows), u.weight(f"bias_hh_{suffix}", rows)) if bias else (0, 0)
    return lambda x, h: (torch.einsum("bi,oi->bo", x, into) + first, torch.einsum("bi,oi->bo", h, over) + second)


def _run(u: Use, x: Tensor, step: _Step, gates: int, hidden: int, layers: int, bidirectional: bool, give: object,
         bias: bool, lengths: Tensor | None, start: tuple[Tensor | None, Tensor | None],
         ) -> tuple[Tensor, Tensor | None]:
    states: list[Tensor] = list(x.unbind(1))
    ends: list[Tensor] = []
    last: list[_State] = []
    counts = lengths if lengths is not None else torch.full((x.shape[0], 1), x.shape[1], device=x.device)
    for layer in range(layers):
        ways = []
        for way in ("", "_reverse")[: 1 + bidirectional]:
            maps = _maps(u, f"l{layer}{way}", gates * hidden, states[0].shape[1], hidden, bias)
            state = (_first(start[0], len(last), x, hidden), _first(start[1], len(last), x, hidden))
            made: dict[int, Tensor] = {}
            for place in reversed(range(len(states))) if way else range(len(states)):
                counted = counts > place
                after = step(states[place], state, maps)
                # A position past the length leaves the state as it was, and gives zeros.
                state = (torch.where(counted, after[0], state[0]), torch.where(counted, after[1], state[1]))
                made[place] = torch.where(counted, after[0], 0)
            ways.append([made[place] for place in range(len(states))])
            last.append(state)
        ends = [one[0] for one in last[-len(ways) :]]
        states = [torch.cat(parts, 1) for parts in zip(*ways, strict=True)]
    given = "all" if give is None else _word(give)
    if given == "states":
        return torch.stack([one[0] for one in last], 1), torch.stack([one[1] for one in last], 1)
    return (torch.cat(ends, 1) if given == "last" else torch.stack(states, 1)), None


def _first(start: Tensor | None, index: int, x: Tensor, hidden: int) -> Tensor:
    """Where a layer's state starts in one direction."""
    if start is None:
        return torch.zeros(x.shape[0], hidden, dtype=x.dtype, device=x.device)
    return start if start.dim() == 2 else start[:, index]


def lstm(u: Use, x: Tensor, *, hidden: int, layers: int = 1, bidirectional: bool = False, give: object = None,
         bias: bool = True, dropout: float = 0.0, lengths: Tensor | None = None, state: Tensor | None = None,
         cell: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """Long short-term memory."""
    assert dropout == 0 or not u.training, "noise has no reference"
    made, cells = _run(u, x, _lstm_step, 4, hidden, layers, bidirectional, give, bias, lengths, (state, cell))
    return made if cells is None else (made, cells)


def gru(u: Use, x: Tensor, *, hidden: int, layers: int = 1, bidirectional: bool = False, give: object = None,
        bias: bool = True, dropout: float = 0.0, lengths: Tensor | None = None, state: Tensor | None = None) -> Tensor:
    """Gated recurrent units."""
    assert dropout == 0 or not u.training, "noise has no reference"
    made, _ = _run(u, x, _gru_step, 3, hidden, layers, bidirectional, give, bias, lengths, (state, None))
    return made
