"""Inputs of whole numbers: their types, what takes them, and what a model that runs says of others."""

from __future__ import annotations

import pytest
import torch

import archlang
from archlang import ArchError

TOKENS = "input t: [6] (range = 9)"
SEQUENCE = "input x: [6, 8]"


def network(inputs: str, flow: str) -> str:
    """A network of some inputs and one flow."""
    return f"archlang 1\nnetwork N {{\n{inputs}\noutput {flow}\n}}\n"


@pytest.mark.parametrize(("inputs", "flow", "kind", "words"), [
    (TOKENS, "t -> linear(3)", "whole-numbers", "embedding"),
    (TOKENS, "t -> relu", "whole-numbers", "[6] of 0..8"),
    (TOKENS, "t -> add(t -> identity)", "whole-numbers", "embedding"),
    (TOKENS + "\ninput u: [6]", "(t, u) -> concat", "whole-numbers", "together"),
    (SEQUENCE, "x -> embedding(3)", "whole-numbers", "range = 50257"),
    ("input t: [6] (range = 9, mean = 1)", "t -> embedding(3)", "conflicting-arguments", "mean"),
    ("input t: [6] (range = 0)", "t -> embedding(3)", "out-of-range", "from 1 to"),
    (SEQUENCE + "\ninput m: [5] (range = 2)", "x -> attention(2, mask = m)", "shape-mismatch", "[6]"),
    (SEQUENCE + "\ninput m: [6] (range = 3)", "x -> attention(2, mask = m)", "whole-numbers", "0 and 1"),
    (SEQUENCE + "\ninput m: [6]", "x -> attention(2, mask = m)", "whole-numbers", "0 and 1"),
    (SEQUENCE, "x -> attention(4, kv_heads = 3)", "not-divisible", "3 does not divide 4"),
    (SEQUENCE, "x -> attention(8, positions = rotary)", "not-divisible", "odd"),
    (SEQUENCE, "x -> attention(2, positions = rotary(features = 6))", "out-of-range", "a head has 4"),
    (SEQUENCE, "x -> attention(2, positions = buckets(count = 6))", "not-divisible", "6"),
    (SEQUENCE, "x -> attention(2, positions = buckets(count = 8, distance = 4))", "out-of-range", "beyond"),
    (SEQUENCE, "x -> attention(2, window = 0)", "out-of-range", "at least 1"),
    (SEQUENCE + "\ninput y: [5, 8]", "x -> attention(2, memory = y, causal = true)", "conflicting-arguments", "memory"),
    (SEQUENCE + "\ninput y: [5, 8]", "x -> attention(2, memory = y, window = 2)", "conflicting-arguments", "memory"),
    (SEQUENCE + "\ninput y: [8, 2, 2]", "x -> attention(2, memory = y)", "wrong-rank", "sequence"),
    (SEQUENCE + "\ninput n: [1] (range = 9)", "x -> lstm(3, lengths = n)", "out-of-range", "range = 7"),
    (SEQUENCE + "\ninput n: [1]", "x -> lstm(3, lengths = n)", "whole-numbers", "whole numbers"),
    (SEQUENCE + "\ninput n: [2] (range = 7)", "x -> gru(3, lengths = n)", "wrong-count", "[1]"),
    (SEQUENCE + "\ninput h: [4]", "x -> gru(3, state = h)", "shape-mismatch", "[3]"),
    (SEQUENCE, "x -> position_embedding(most = 5)", "out-of-range", "embeddings for 5"),
    ("input x: [T, 8]", "x -> position_embedding(most = 5)", "unknown-size", "where T <= 5"),
    (SEQUENCE, "x -> slice(0, stop = 3, axis = features) -> sinusoidal_positions", "not-divisible", "3"),
    ("input x: [8, 6, 6]", "x -> window_attention(2, 4x4)", "not-divisible", "tile"),
    (TOKENS + "\nlayer e = embedding(4)", "t -> embedding(4) -> unembed(e)", "unknown-size", "t -> e"),
    (TOKENS + "\nlayer e = embedding(4)", "t -> e -> linear(3) -> unembed(e)", "shape-mismatch", "4 features, and 3"),
    (SEQUENCE + "\nlayer e = linear(4)", "x -> e -> unembed(e)", "wrong-kind", "no embedding"),
    (TOKENS, "t -> embedding(4) -> unembed(4)", "wrong-kind", "a `layer` that is an embedding"),
    (TOKENS, "t -> embedding(4) -> unembed(relu)", "wrong-kind", "a `layer` that is an embedding"),
    ("input t: [T] (range = T - 2)", "t", "unknown-size", "where T >= 3"),
    ("input t: [T] (range = T - 2) where T <= 2", "t", "out-of-range", "T - 2 is not"),
    ("input t: [T] (range = T)", "t -> embedding(4)", "symbolic-parameters", "tokens"),
    ("input t: [T] (range = T)\ninput u: [T] (range = 9)", "t -> concat(u)", "unknown-size", "largest"),
    ("input x: [T, 8]\ninput n: [1] (range = T + 2)", "x -> lstm(3, lengths = n)", "out-of-range", "up to T + 1"),
    ("input x: [8, 6, 6]", "x -> window_attention(2, 3x3, shift = 3)", "out-of-range", "smaller"),
])
def test_a_wrong_use_says_what_is_meant(inputs: str, flow: str, kind: str, words: str) -> None:
    with pytest.raises(ArchError) as raised:
        archlang.loads(network(inputs, flow))
    (mistake,) = raised.value.diagnostics
    assert mistake.name == kind
    assert words in str(raised.value)


@pytest.mark.parametrize(("flow", "dims", "range"), [
    ("t -> reshape([2, 3])", (2, 3), 9), ("t -> slice(1, stop = 4)", (3,), 9), ("t -> identity", (6,), 9),
    ("t -> concat(u)", (12,), 20), ("t -> reshape([2, 3]) -> permute([features, positions]) -> flatten", (6,), 9),
    ("(t, t -> identity) -> stack", (2, 6), 9), ("t -> split(2) -> concat", (6,), 9),
    ("t -> roll(1, axis = features)", (6,), 9),
])
def test_what_moves_whole_numbers_keeps_their_range(flow: str, dims: tuple[int, ...], range: int) -> None:
    inputs = TOKENS + "\ninput u: [6] (range = 20)" if "u)" in flow else TOKENS
    net = archlang.loads(network(inputs, flow))
    found = net.graph.type(net.graph.outputs[0].port)
    assert (found.dims, found.range) == (dims, range)
    made = archlang.compile(net)(*[torch.arange(6)[None] for _ in net.graph.inputs])
    assert made.dtype == torch.int64 and tuple(made.shape[1:]) == dims


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8])
def test_every_kind_of_integers_is_taken(dtype: torch.dtype) -> None:
    model = archlang.compile(archlang.loads(network(TOKENS, "t -> embedding(3)")))
    tokens = torch.arange(6)[None]
    assert torch.equal(model(tokens.to(dtype)), model(tokens))


@pytest.mark.parametrize(("tokens", "words"), [
    (torch.tensor([[0, 1, 2, 3, 9, 5]]), "at \\[0, 4\\] stands 9"), (torch.tensor([[0, -1, 2, 3, 4, 5]]), "stands -1"),
    (torch.zeros(1, 6), "of the kind float32"), (torch.zeros(1, 5, dtype=torch.int64), "must be"),
])
def test_a_model_says_which_token_is_outside(tokens: torch.Tensor, words: str) -> None:
    model = archlang.compile(archlang.loads(network(TOKENS, "t -> embedding(3)")))
    with pytest.raises(ArchError, match=words) as raised:
        model(tokens)
    assert raised.value.diagnostics[0].name == "input-shape"


def test_a_model_of_tokens_is_exported_for_every_length_and_saved(tmp_path: object) -> None:
    text = network("input t: [T] (range = 9) where T >= 2 and T <= 8\ninput m: [T] (range = 2)",
                   "t -> embedding(8) -> position_embedding(most = 8) -> attention(2, causal = true, mask = m, "
                   "kv_heads = 1, positions = rotary, window = 3) -> rms_norm")
    model = archlang.compile(archlang.loads(text)).eval()
    example = (torch.zeros(2, 5, dtype=torch.int64), torch.ones(2, 5, dtype=torch.bool))
    batch, length = torch.export.Dim("batch", min=2, max=16), torch.export.Dim("length", min=2, max=8)
    exported = torch.export.export(model, example, dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}))
    other = (torch.randint(0, 9, (3, 7)), torch.ones(3, 7, dtype=torch.bool))
    assert torch.allclose(exported.module()(*other), model(*other), atol=1e-6)

    archlang.save(model, f"{tmp_path}/m.archlang")
    assert torch.equal(archlang.load_model(f"{tmp_path}/m.archlang")(*other), model(*other))


def test_a_symbolic_range_is_compared_when_its_symbol_is_known() -> None:
    text = network("input x: [T, 3]\ninput n: [1] (range = T + 1)", "x -> lstm(2, lengths = n)")
    model = archlang.compile(archlang.loads(text))
    x = torch.ones(2, 4, 3)
    assert model(x, torch.tensor([[4], [1]])).shape == (2, 4, 2)
    with pytest.raises(ArchError, match="from 0 to 4; at \\[1, 0\\] stands 5"):
        model(x, torch.tensor([[1], [5]]))


def test_a_tied_head_is_saved_and_exported_with_one_table(tmp_path: object) -> None:
    text = network("input t: [T] (range = 9)\nlayer e = embedding(4)", "t -> e -> unembed(e)")
    model = archlang.compile(archlang.loads(text)).eval()
    tokens = torch.randint(0, 9, (2, 5))
    assert torch.allclose(model(tokens), model.e.embedding.weight[tokens] @ model.e.embedding.weight.T)

    archlang.save(model, f"{tmp_path}/m.archlang")
    assert torch.equal(archlang.load_model(f"{tmp_path}/m.archlang")(tokens), model(tokens))
    exported = torch.export.export(model, (tokens,))
    assert torch.allclose(exported.module()(tokens), model(tokens))
    assert [*dict(model.named_parameters())] == ["e.embedding.weight"]
