"""Uses of what reads tokens, lengths and tables: whole networks."""

from __future__ import annotations

TOKENS = "archlang 1\nnetwork N {{\n  input t: [5] (range = 9)\n  input n: [1] (range = 6)\n  output {}\n}}\n"
LOOKED_UP = tuple(TOKENS.format(flow) for flow in (
    "t -> embedding(4) -> attention(2, mask = n -> length_mask(5))",
    "t -> embedding(4, init = normal(std = 1)) -> attention(2, causal = true, mask = n -> length_mask(5))",
    "t -> embedding(4) -> masked_mean(n -> length_mask(5))",
    "t -> embedding(4) -> lstm(3, lengths = n)",
    "t -> embedding(4) -> lstm(3, layers = 2, bidirectional = true, lengths = n, give = last)",
    "t -> embedding(4) -> gru(3, bidirectional = true, lengths = n)",
))
TABLE = "archlang 1\nnetwork N {{\n  input t: [5] (range = 9)\n  layer table = embedding(4)\n  output {}\n}}\n"
TIED = tuple(TABLE.format(flow) for flow in (
    "t -> table -> unembed(table)",
    "t -> table -> layer_norm -> attention(2, causal = true) -> residual { linear(4) } -> unembed(table)",
    "t -> table -> slice(1, stop = 2, axis = positions) -> flatten -> unembed(table) -> linear(3)",
))
WITH_TOKENS = (*LOOKED_UP, *TIED)
