"""Recurrent layers with lengths and starts against torch's packed sequences; masks out of lengths."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import archlang
from tests.layers.test_attention_forms import model_of, numbers, same

LENGTHS = torch.tensor([[4], [6], [1]])
INPUTS = "input x: [T, 5]\ninput n: [1] (range = 7)"


def peer_of(model: nn.Module, kind: str, **settings: bool | int) -> nn.LSTM | nn.GRU:
    """torch's layer with the weights of ours."""
    made: nn.LSTM | nn.GRU = getattr(nn, kind.upper())(5, 3, batch_first=True, **settings).double()
    made.load_state_dict({name.removeprefix(f"{kind}."): value for name, value in model.state_dict().items()})
    return made


def packed(peer: nn.LSTM | nn.GRU, x: Tensor, start: object = None) -> tuple[Tensor, Tensor]:
    """All states, zeros past the lengths, and the last ones."""
    states, last = peer(pack_padded_sequence(x, LENGTHS[:, 0], batch_first=True, enforce_sorted=False), start)
    if isinstance(last, tuple):
        last = last[0]
    return pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])[0], last


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_lengths_are_packed_sequences(kind: str, both: bool, training: bool) -> None:
    settings = f"3, layers = 2, bidirectional = {str(both).lower()}, lengths = n"
    model = model_of(INPUTS, f"x -> {kind}({settings})").train(training)
    x, peer = numbers(3, 6, 5), peer_of(model, kind, num_layers=2, bidirectional=both).train(training)
    states, last = packed(peer, x)
    same(model(x, LENGTHS), states, [x])

    give = model_of(INPUTS, f"x -> {kind}({settings}, give = last)").train(training)
    give.load_state_dict(model.state_dict())
    wanted = torch.cat([last[-2], last[-1]], 1) if both else last[-1]
    same(give(x, LENGTHS), wanted, [x])


def test_states_start_where_they_are_told() -> None:
    model = model_of(INPUTS + "\ninput h: [2, 3]\ninput c: [2, 3]",
                     "x -> lstm(3, layers = 2, lengths = n, state = h, cell = c)")
    x, h, c = numbers(3, 6, 5), numbers(3, 2, 3, seed=1), numbers(3, 2, 3, seed=2)
    start = (h.transpose(0, 1).contiguous(), c.transpose(0, 1).contiguous())
    same(model(x, LENGTHS, h, c), packed(peer_of(model, "lstm", num_layers=2), x, start)[0], [x, h, c])


@pytest.mark.parametrize("length", [0, 5])
def test_a_length_past_the_ends_is_refused(length: int) -> None:
    model = model_of(INPUTS, "x -> lstm(3, lengths = n)")
    with pytest.raises(ValueError, match="a length lies from 1 to 4, that of sample 1 is") as raised:
        model(numbers(2, 4, 5), torch.tensor([[2], [length]]))
    assert "lstm" in str(raised.value)


def test_the_mean_over_what_a_length_counts() -> None:
    model = model_of("input x: [6, 5]\ninput n: [1] (range = 7)", "x -> masked_mean(n -> length_mask(6))")
    x = numbers(3, 6, 5)
    wanted = torch.stack([x[i, : int(n)].mean(0) for i, n in enumerate(LENGTHS)])
    same(model(x, LENGTHS), wanted, [x])
    assert torch.equal(model(x, torch.zeros(3, 1, dtype=torch.int64)), torch.zeros(3, 5, dtype=torch.float64))


def test_a_gpt_2_block_at_every_length_up_to_the_most() -> None:
    text = ("archlang 1\nnetwork Gpt {\n input t: [T] (range = 11) where T <= 9\n"
            " output t -> embedding(8) -> position_embedding(most = 9) -> residual { layer_norm "
            "-> attention(2, causal = true) } -> residual { layer_norm -> linear(32) -> gelu(approximate = tanh) "
            "-> linear(8) } -> layer_norm -> linear(11, bias = false)\n}\n")
    model = archlang.compile(archlang.loads(text)).double().eval()
    tokens = torch.randint(0, 11, (2, 9), generator=torch.Generator().manual_seed(0))
    whole = model(tokens)
    # What comes later changes nothing of what stands before: so the shorter sequence is the beginning of the longer.
    assert torch.allclose(model(tokens[:, :4]), whole[:, :4], atol=1e-12)

    w = dict(model.named_parameters())
    h = w["embedding.weight"][tokens] + w["position_embedding.weight"][:9]
    peer = nn.TransformerEncoderLayer(8, 2, 32, 0.0, lambda x: nn.functional.gelu(x, approximate="tanh"),
                                      batch_first=True, norm_first=True).double().eval()
    names = {"self_attn.in_proj_weight": "residual.attention.project.weight",
             "self_attn.in_proj_bias": "residual.attention.project.bias",
             "self_attn.out_proj.weight": "residual.attention.combine.weight",
             "self_attn.out_proj.bias": "residual.attention.combine.bias",
             "linear1.weight": "residual_2.linear.weight", "linear1.bias": "residual_2.linear.bias",
             "linear2.weight": "residual_2.linear_2.weight", "linear2.bias": "residual_2.linear_2.bias",
             "norm1.weight": "residual.layer_norm.weight", "norm1.bias": "residual.layer_norm.bias",
             "norm2.weight": "residual_2.layer_norm.weight", "norm2.bias": "residual_2.layer_norm.bias"}
    peer.load_state_dict({theirs: w[name] for theirs, name in names.items()})
    later = nn.Transformer.generate_square_subsequent_mask(9, dtype=torch.float64)
    made = nn.functional.layer_norm(peer(h, src_mask=later), (8,), w["layer_norm.weight"], w["layer_norm.bias"])
    assert float((whole - made @ w["linear.weight"].T).detach().abs().max()) < 1e-9
