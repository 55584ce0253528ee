"""Modules of torch that are one operation there, read here from code that calculates the same in plain steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from archlang.importing.leaves import OtherForward


def lstm_cell(module: Any) -> OtherForward:
    """One step of an LSTM: `c' = f c + i g`, `h' = o tanh(c')` (Hochreiter and Schmidhuber 1997)."""
    def forward(x: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        state, cell = hx if hx is not None else (_start(module, x), _start(module, x))
        gates = _entering(module, x) + _kept(module, state)
        taken, forgotten, fresh, out = gates.chunk(4, -1)
        cell = forgotten.sigmoid() * cell + taken.sigmoid() * fresh.tanh()
        return out.sigmoid() * cell.tanh(), cell

    return OtherForward(forward, {})


def gru_cell(module: Any) -> OtherForward:
    """One step of a GRU: `h' = (1 - z) n + z h` (Cho et al. 2014)."""
    def forward(x: Tensor, hx: Tensor | None = None) -> Tensor:
        state = hx if hx is not None else _start(module, x)
        resets, updates, fresh = _entering(module, x).chunk(3, -1)
        kept_resets, kept_updates, kept = _kept(module, state).chunk(3, -1)
        reset, update = (resets + kept_resets).sigmoid(), (updates + kept_updates).sigmoid()
        fresh = (fresh + reset * kept).tanh()
        return (1 - update) * fresh + update * state

    return OtherForward(forward, {})


def rnn_cell(module: Any) -> OtherForward:
    """One step of a plain recurrent layer: `h' = f(W x + U h)` (Elman 1990)."""
    activation = {"tanh": torch.tanh, "relu": torch.relu}[module.nonlinearity]

    def forward(x: Tensor, hx: Tensor | None = None) -> Tensor:
        state = hx if hx is not None else _start(module, x)
        return activation(_entering(module, x) + _kept(module, state))

    return OtherForward(forward, {})


def _start(module: Any, x: Tensor) -> Tensor:
    return x.new_zeros((x.shape[0], module.hidden_size))


def _entering(module: Any, x: Tensor) -> Tensor:
    return functional.linear(x, module.weight_ih, module.bias_ih)


def _kept(module: Any, state: Tensor) -> Tensor:
    return functional.linear(state, module.weight_hh, module.bias_hh)


def embedding_bag(module: Any) -> OtherForward | None:
    """Rows of a table, and their mean, sum or largest numbers: bags of one length alone, which need no offsets."""
    if module.padding_idx is not None or module.max_norm is not None or module.include_last_offset:
        return None
    together: Any = {"mean": torch.mean, "sum": torch.sum, "max": torch.amax}[module.mode]

    def forward(input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Any:
        if offsets is not None or per_sample_weights is not None or input.dim() != 2:
            return type(module).forward(module, input, offsets, per_sample_weights)
        return together(functional.embedding(input, module.weight), 1)

    return OtherForward(forward, {})


def bilinear_attention(module: Any) -> OtherForward:
    """timm's bilinear attention over blocks of a map: `(P x I) X (Q x I)`, with `I` the identity of a block's cells.

    The products with the identity are not written out: rows `(block, cell)` are multiplied block by block.
    """
    groups, blocks = module.groups, module.block_size

    def forward(x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        inner, rows, columns = channels // groups, height // blocks, width // blocks
        out = module.conv1(x)
        p = module.conv_p(functional.adaptive_max_pool2d(out, (blocks, 1))).view(batch, groups, blocks, blocks)
        q = module.conv_q(functional.adaptive_max_pool2d(out, (1, blocks))).view(batch, groups, blocks, blocks)
        p, q = p.sigmoid(), q.sigmoid()
        p, q = p / p.sum(3, keepdim=True), q / q.sum(2, keepdim=True)

        x = x.reshape(batch, groups, inner, blocks, rows * width)
        x = torch.matmul(p.view(batch, groups, 1, blocks, blocks), x)
        x = x.reshape(batch, groups, inner * height, blocks, columns).transpose(3, 4)
        x = torch.matmul(x, q.view(batch, groups, 1, blocks, blocks))
        return module.conv2(x.transpose(3, 4).reshape(batch, channels, height, width))  # type: ignore[no-any-return]

    return OtherForward(forward, {})
