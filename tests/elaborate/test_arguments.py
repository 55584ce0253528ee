"""Arguments by place: those that must be given, and no other; what torch's order was meant to be; axes by word."""

from __future__ import annotations

import inspect
from pydoc import locate

import pytest
import torch

from archlang.elaborate.network import check_text
from archlang.ops import CATALOGUE
from archlang.ops.model import REQUIRED, Entry, Module, Op, OpCall, Structure, by_place
from archlang.ops.rules import axis_index, torch_axis
from archlang.shapes import Tensor
from tests.elaborate.texts import text, wrong

ENTRIES: list[Entry] = [*CATALOGUE.ops.values(), *CATALOGUE.structures.values(), *CATALOGUE.settings.values()]


def helps(flow: str, size: str = "[3, 8, 8]") -> str:
    """The message and help of the one mistake of a flow."""
    (mistake,) = check_text(text(f"output x -> {flow}", size=size))
    return "\n".join((mistake.message, *mistake.help))


@pytest.mark.parametrize(("flow", "meant"), [
    ("conv(3, 64, 3)", "conv(3x3, 64)"),
    ("conv(3, 64, 3, 2)", "conv(3x3, 64, stride = 2)"),
    ("conv(3, 64, 3, stride = 2, padding = 1)", "conv(3x3, 64, stride = 2, padding = 1)"),
    ("conv(3, 64, 3x5, 1, 1)", "conv(3x5, 64, stride = 1, padding = 1)"),
    ("conv_transpose(3, 64, 2, 2)", "conv_transpose(2x2, 64, stride = 2)"),
    ("batch_norm(3)", "batch_norm"),
    ("batch_norm(3, 1e-3)", "batch_norm(eps = 1e-3)"),
    ("group_norm(1, 3)", "group_norm(1)"),
    ("instance_norm(3, affine = true)", "instance_norm(affine = true)"),
    ("layer_norm(3)", "layer_norm"),
    ("max_pool(3, 2, 1)", "max_pool(3x3, stride = 2, padding = 1)"),
    ("avg_pool(2, 2)", "avg_pool(2x2, stride = 2)"),
    ("flatten -> linear(192, 10)", "linear(10)"),
    ("flatten -> linear(192, 10, false)", "linear(10, bias = false)"),
    ("to_sequence -> lstm(3, 16)", "lstm(16)"),
    ("to_sequence -> attention(3, 1)", "attention(1)"),
    ("reshape([3, 64]) -> conv1d(3, 8, 5)", "conv1d(5, 8)"),
])
def test_the_order_of_torch_is_refused_with_what_was_meant(flow: str, meant: str) -> None:
    assert wrong(text(f"output x -> {flow}")) == ["too-many-arguments"]
    assert f"`{meant}`" in helps(flow)
    before = flow.rpartition("-> ")[0]
    assert wrong(text(f"output x -> {before and before + '-> '}{meant}")) == []


@pytest.mark.parametrize(("flow", "meant"), [
    ("conv(3x3, 64, 2)", "conv(3x3, 64, stride = 2)"),
    ("conv(3x3, 64, 2, bias = false)", "conv(3x3, 64, stride = 2, bias = false)"),
    ("upsample(2)", "upsample(factor = 2)"),
    ("slice(0, 2)", "slice(0, stop = 2)"),
    ("squeeze_excite(3)", "squeeze_excite(ratio = 3)"),
])
def test_what_stands_in_the_catalogues_order_is_written_with_its_name(flow: str, meant: str) -> None:
    assert wrong(text(f"output x -> {flow}")) == ["too-many-arguments"]
    assert f"`{meant}`" in helps(flow)
    assert wrong(text(f"output x -> {meant}")) == []


@pytest.mark.parametrize("flow", ["dropout(0.5, true)", "relu(true)", "squeeze_excite(3)", "slice(0, 2)",
                                  "pbconv(3x3, 8, acb, 2)", "flatten(1)", "split(3, 1)", "conv(3x3, 8, 1, other = 2)"])
def test_more_than_there_are_places_for_is_refused(flow: str) -> None:
    assert "too-many-arguments" in wrong(text(f"output x -> {flow}"))


@pytest.mark.parametrize("flow", ["dropout(0.5)", "leaky_relu(0.2)", "fork(2, cross_connection) -> mean",
                                  "parallel { relu; tanh } -> route(cross_connection(8), to = 1) -> mean",
                                  "concat(x -> relu, x -> tanh)", "pbconv(3x3, 8, [3x3 at (1, 1)])",
                                  "pyramid_pool(1, 2, 4)"])
def test_what_must_be_given_may_stand_by_place(flow: str) -> None:
    assert wrong(text(f"output x -> {flow}")) == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{type(entry).__name__}-{entry.name}")
def test_nothing_optional_stands_beside_others_by_place(entry: Entry) -> None:
    """The exceptions are few and named: the router of `fork`, the deviation of `noise`, and the channels of `pbconv`,
    where `conv` has them."""
    placed = by_place(entry.args)
    optional = [arg.name for arg in entry.args if arg.default is not REQUIRED and arg.name in placed]
    allowed = {"fork": ["router"], "mixture_em": ["scores"], "noise": ["deviation"]}
    if isinstance(entry, Structure):
        allowed["pbconv"] = ["channels"]
    assert optional == allowed.get(entry.name, optional if len(entry.args) == 1 else [])


# torch's name for an argument, where ours is another one
TORCH = {
    "channels": "out_channels", "kernel": "kernel_size", "features": "out_features", "running": "track_running_stats",
    "size": "kernel_size", "ceil": "ceil_mode", "count_padding": "count_include_pad", "factor": "scale_factor",
    "groups": "groups", "hidden": "hidden_size", "layers": "num_layers", "heads": "num_heads",
}
OTHERS = {"layer_norm": {"affine": "elementwise_affine"}, "group_norm": {"groups": "num_groups"},
          "rms_norm": {"affine": "elementwise_affine"}, "embedding": {"features": "embedding_dim"}}
POOLS = {f"{kind}_pool{end}": f"torch.nn.{kind.title()}Pool{rank}d"
         for kind in ("max", "avg") for end, rank in (("1d", 1), ("", 2), ("3d", 3))}
CLASSES = {**POOLS, "attention": "torch.nn.MultiheadAttention", "lstm": "torch.nn.LSTM", "gru": "torch.nn.GRU",
           "layer_norm": "torch.nn.LayerNorm", "rms_norm": "torch.nn.RMSNorm"}
KNOWN = {"in_channels", "in_features", "num_features", "num_channels", "normalized_shape", "input_size", "embed_dim",
         "num_embeddings"}


@pytest.mark.parametrize("op", [op for op in CATALOGUE.ops.values() if op.habit], ids=lambda op: op.name)
def test_the_habit_of_an_op_is_the_order_of_torchs_constructor(op: Op) -> None:
    assert isinstance(op.torch, Module)
    target = CLASSES.get(op.name) or op.torch.dotted(OpCall((Tensor((4, 8, 8)),), {a.name: a.default for a in op.args}))
    constructor = inspect.signature(locate(target))  # type: ignore[arg-type]  # a class of torch
    if op.name in ("lstm", "gru"):
        parameters = ["input_size", "hidden_size", "num_layers", "bias"]  # documented; the signature says `*args`
    else:
        parameters = list(constructor.parameters)
    for ours, torchs in zip(op.habit, parameters, strict=False):
        if not ours:
            assert torchs in KNOWN
        else:
            assert OTHERS.get(op.name, {}).get(ours, TORCH.get(ours, ours)) == torchs


# --- axes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flow", "size", "meant"), [
    ("softmax(axis = 1)", "[3, 8, 8]", "channels"),
    ("softmax(1)", "[3, 8, 8]", "channels"),
    ("softmax(axis = 3)", "[3, 8, 8]", "width"),
    ("softmax(axis = -1)", "[3, 8, 8]", "width"),
    ("log_softmax(axis = 2)", "[9, 4]", "features"),
    ("log_softmax(axis = 1)", "[9, 4]", "positions"),
    ("softmax(axis = -1)", "[10]", "features"),
    ("concat(x -> relu, axis = 1)", "[3, 8, 8]", "channels"),
    ("slice(0, axis = 2)", "[3, 8, 8]", "height"),
    ("split(2, axis = 2) -> sum", "[4, 3, 6, 6]", "depth"),
    ("permute([2, 1])", "[9, 4]", "features"),
])
def test_the_number_of_an_axis_is_refused_with_its_word(flow: str, size: str, meant: str) -> None:
    source = text(f"output x -> {flow}", size=size)
    assert wrong(source) == ["wrong-axis"]
    assert f"is `{meant}` of {size}" in helps(flow, size)


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_every_dimension_of_torch_is_the_axis_that_it_counts(rank: int) -> None:
    sizes = (5, 6, 7, 8)[:rank]
    batch = torch.zeros(2, *sizes)
    for dim in range(-7, 8):
        word = torch_axis(dim, rank)
        is_inside = -batch.dim() <= dim < batch.dim()
        if not is_inside or dim % batch.dim() == 0:
            assert word is None, dim
        else:
            assert word is not None
            assert sizes[axis_index(word, Tensor(sizes))] == batch.shape[dim], dim


def test_the_batch_is_no_axis() -> None:
    assert wrong(text("output x -> softmax(axis = 0)")) == ["wrong-axis"]
    assert "its axes are `channels`, `height`, `width`" in helps("softmax(axis = 0)")
