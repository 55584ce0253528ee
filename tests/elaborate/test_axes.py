"""Axes that an operation would take for others: lines and sequences, channels that were moved."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from archlang import compile
from archlang.elaborate.network import check_text
from tests.elaborate.texts import net, text, wrong

TOKENS = "input t: [32] (range = 50)\n"
UNKNOWN = ["unknown-field"]
INPUTS = f"{TOKENS}input s: [6, 40]\n"


@pytest.mark.parametrize("made", [
    "t -> embedding(64)",
    "t -> embedding(64) -> position_embedding",
    "t -> embedding(64) -> layer_norm -> dropout(0.1)",
    "t -> embedding(64) -> residual { layer_norm -> attention(4) }",
    "t -> embedding(64) -> lstm(64)",
    "t -> embedding(32) -> linear(64)",
    "x -> to_sequence",
    "(t -> embedding(8), t -> embedding(8)) -> concat(axis = features)",
])
def test_a_sequence_has_no_channels(made: str) -> None:
    body = f"{TOKENS}a = {made}\n output a -> linear(%s)"
    assert wrong(text(body % "a.channels")) == UNKNOWN
    assert wrong(text(body % "a.length")) == UNKNOWN

    model = compile(net(body % "2 * a.features"))
    assert model.get_submodule("linear").weight.shape[0] == 2 * model.get_submodule("linear").weight.shape[1]


@pytest.mark.parametrize("made", [
    "s -> conv1d(3, 16)",
    "s -> conv1d(3, 16) -> batch_norm -> relu -> max_pool1d(2)",
    "s -> conv1d(3, 16) -> residual { conv1d(3, 16) -> relu }",
])
def test_a_line_has_no_features(made: str) -> None:
    body = f"input s: [6, 40]\n a = {made}\n output a -> conv1d(3, %s)"
    assert wrong(text(body % "a.features")) == UNKNOWN
    assert wrong(text(body % "a.positions")) == UNKNOWN
    assert compile(net(body % "2 * a.channels")).get_submodule("conv1d").weight.shape == (32, 16, 3)


def test_an_input_and_what_was_rearranged_may_be_either() -> None:
    assert wrong(text("input s: [6, 40]\n output s -> linear(s.channels + s.features)")) == ["unused-name"]
    body = "input s: [6, 40]\n a = s -> conv1d(3, 8) -> permute([length, channels])\n output a -> linear(a.features)"
    assert wrong(text(body)) == ["unused-name"]


@pytest.mark.parametrize("body", [
    "output s -> conv1d(3, 16) -> relu -> lstm(8)",
    "output s -> conv1d(3, 16) -> attention(4)",
    "output s -> conv1d(3, 16) -> batch_norm -> relu -> linear(5)",
    "output s -> conv1d(3, 16) -> global_avg_pool",  # the mean over channels
    "output s -> conv1d(3, 16) -> max_pool1d(2) -> layer_norm",
    "output s -> conv1d(3, 16) -> glu",
    "output s -> conv1d(3, 16) -> softmax(axis = features)",
    "output t -> embedding(64) -> conv1d(3, 16)",
    "output t -> embedding(64) -> dropout(0.1) -> avg_pool1d(2)",
    "output t -> embedding(64) -> batch_norm",  # one mean a position
    "output t -> embedding(64) -> global_max_pool1d",
    "output t -> embedding(64) -> softmax(axis = channels)",
    "output t -> embedding(64) -> reduce(length, by = max)",
    "output (t -> embedding(64), t -> embedding(64)) -> concat",  # torch's dim 1, and not the features
    "output t -> embedding(64) -> split(4)",
    "output x -> to_sequence -> group_norm(8)",
    "output t -> embedding(64) -> layer_norm -> linear(10) -> argmax",  # of each feature the position
    "output x -> to_sequence -> linear(96) -> split(8)",
    "output x -> permute([height, width, channels]) -> layer_norm",  # as a ConvNeXt of PyTorch has it
    "output x -> permute([height, width, channels]) -> relu -> batch_norm",
    "output x -> permute([width, channels, height]) -> softmax",
    'output x -> einsum("h q d, h k d -> h q k", other = x -> relu) -> softmax',  # over heads, and not over keys
    "output (x, x -> relu) -> stack -> l2_normalize",
])
def test_one_read_as_the_other_is_a_warning(body: str) -> None:
    found = check_text(text(f"{INPUTS}{body}"), {})
    assert [(d.name, d.severity) for d in found if d.name != "unused-name"] == [("misread-axes", "warning")]


@pytest.mark.parametrize("body", [
    "output s -> conv1d(3, 16) -> permute([length, channels]) -> lstm(8)",
    "output s -> conv1d(3, 16) -> batch_norm -> max_pool1d(2) -> global_avg_pool1d",
    "output s -> conv1d(3, 16) -> softmax(axis = channels)",
    "output t -> embedding(64) -> permute([features, positions]) -> conv1d(3, 16) -> batch_norm",
    "output t -> embedding(64) -> layer_norm -> lstm(8) -> linear(4) -> softmax",
    "output t -> embedding(64) -> global_avg_pool -> linear(4)",
    "output (t -> embedding(64), t -> embedding(64)) -> concat(axis = positions)",
    "output t -> embedding(64) -> slice(0, stop = 1)",
    "output t -> embedding(64) -> linear(10) -> argmax(axis = features)",
    "output s -> conv1d(3, 8) -> argmax",
    "output s -> linear(8) -> lstm(8)",  # an input is what it is read as
    "output s -> batch_norm -> conv1d(3, 16)",
    "output x -> conv(3x3, 8) -> layer_norm -> softmax",
    "output x -> permute([height, width, channels]) -> permute([width, channels, height]) -> layer_norm",  # and back
    "output x -> permute([channels, width, height]) -> layer_norm",
    "output x -> permute([height, channels, width]) -> conv(3x3, 4) -> batch_norm",  # attention over three axes
    "output x -> permute([height, width, channels]) -> layer_norm(over = all)",
    'output x -> einsum("h q d, h k d -> h q k", other = x -> relu) -> softmax(axis = width)',
    "output x -> flatten -> reshape([12, 4, 4]) -> batch_norm",
])
def test_each_read_as_what_it_is_passes_without_a_word(body: str) -> None:
    assert [name for name in wrong(text(f"{INPUTS}{body}")) if name != "unused-name"] == []


def test_what_the_warning_offers_is_what_torch_users_do_by_hand() -> None:
    body = f"{INPUTS}output s -> conv1d(3, 16) -> permute([length, channels]) -> lstm(8)"
    model = compile(net(body)).double().eval()
    x, t, s = torch.zeros(2, 3, 8, 8), torch.zeros(2, 32, dtype=torch.long), torch.randn(2, 6, 40, dtype=torch.double)

    conv, lstm = model.get_submodule("conv1d"), model.get_submodule("lstm")
    plain = nn.LSTM(16, 8, batch_first=True).double()
    plain.load_state_dict({name.split(".")[-1]: value for name, value in lstm.state_dict().items()})
    wanted, _ = plain(functional.conv1d(s, conv.weight, conv.bias, padding=1).transpose(1, 2))
    torch.testing.assert_close(model(x.double(), t, s), wanted, rtol=0, atol=1e-12)


def test_copies_of_a_block_warn_once() -> None:
    unit = "block unit = conv1d(3, 16) -> layer_norm"
    found = check_text(text(f"{INPUTS}output s -> 3 * unit", unit), {})
    assert [d.name for d in found].count("misread-axes") == 1


def test_a_dense_map_of_a_line_gives_neither_form() -> None:
    body = f"{INPUTS}a = s -> conv1d(3, 16) -> linear(8)\n output a -> linear(a.channels + a.features)"
    assert "unknown-field" not in wrong(text(body))
