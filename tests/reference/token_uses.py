"""Uses of what reads tokens, lengths, tables, masks, indices and second tensors: whole networks."""

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
INDICES = """archlang 1
network N {{
  input x: {}
  input m: {} (range = {})
  output {}
}}
"""
INDEXED = tuple(INDICES.format(*use) for use in (
    ("[5, 8]", "[5, 1]", 2, "x -> choose(m) -> linear(3)"),
    ("[4, 6, 6]", "[4]", 2, "x -> choose(m, other = x -> conv(3x3, 4))"),
    ("[4, 6, 6]", "[1, 6, 6]", 2, "x -> choose(m, fill = -0.5) -> choose(x -> above)"),
    ("[5, 8]", "[3]", 5, "x -> gather(m, axis = positions) -> linear(2)"),
    ("[4, 6, 6]", "[7]", 4, "x -> gather(m, axis = height)"),
    ("[4, 6]", "[4, 2]", 6, "x -> gather(m, axis = features)"),
    ("[6]", "[2]", 3, "x -> gather(m)"),
    ("[6]", "[9]", 5, "x -> gather(m -> gather(m -> slice(0, stop = 3)) -> pick([2, 0]))"),
))
PAIRS = "archlang 1\nnetwork N {{\n  input x: {}\n  input y: {}\n  output {}\n}}\n"
PAIRED = tuple(PAIRS.format(*use) for use in (
    ("[2, 5, 3]", "[2, 4, 3]", 'x -> einsum("heads q f, heads k f -> q heads k", other = y)'),
    ("[5, 4]", "[5, 5]", "x -> attention(2, added = y)"),
    ("[5, 4]", "[2, 5, 5]", "x -> attention(2, added = y, causal = true, positions = alibi)"),
    ("[5, 4]", "[5, 3]", "x -> attention(2, memory = y, added = x -> matmul(y -> linear(4) -> permute([features, "
     "positions])))"),
    ("[5, 4]", "[5, 4]", "x -> attention(2, causal = true, added = y -> position_scores(2, buckets(count = 8, "
     "distance = 16), causal = true))"),
    ("[5, 4]", "[5, 4]", "x -> attention(2, added = y -> position_scores(2, relative(2)) -> add(x -> "
     "position_scores(2, alibi)))"),
    ("[5, 3]", "[3]", 'x -> einsum("t f, f -> t", other = y)'),
    ("[5, 3]", "[4, 3]", "y -> gather(x -> linear(4) -> argmax(axis = features), axis = positions) -> linear(2)"),
    ("[5, 3]", "[5]", "x -> linear(4) -> add(x -> linear(4) -> detach) -> gather(y -> argmax, axis = positions)"),
    ("[5]", "[4, 5]", "y -> linear(2) -> matmul(parameter([2, 2], trained = false, values = [1, 0, 0.5, 1]))"),
    ("[5, 3]", "[4]", 'x -> einsum("t f, n -> n t", other = y)'),
    ("[5, 3]", "[5, 3]", 'x -> einsum("t f, t f -> t", other = y)'),
    ("[3, 4, 5]", "[2, 3, 2]", "x -> grid_sample(y)"),
    ("[3, 4, 5]", "[2, 3, 2]", "x -> grid_sample(y, outside = border, align_corners = true)"),
    ("[3, 4, 5]", "[2, 3, 2]", "x -> grid_sample(y, outside = reflection)"),
    ("[3, 4, 5]", "[2, 3, 2]", "x -> grid_sample(y, mode = nearest, outside = reflection, align_corners = true)"),
    ("[3, 4, 5]", "[2, 3, 2]", "x -> grid_sample(y, mode = bicubic)"),
    ("[3, 4, 5]", "[2, 3, 2]", "x -> grid_sample(y, mode = bicubic, outside = border)"),
    ("[3, 4, 5]", "[1, 4, 5]", "x -> concat(y -> coordinates) -> conv(3x3, 2)"),
    ("[3, 4, 5]", "[3, 1, 5]", "x -> coordinates(align_corners = true) -> concat(y -> conv(1x1, 2), axis = height)"),
))
WITH_TOKENS = (*LOOKED_UP, *TIED, *INDEXED, *PAIRED)
