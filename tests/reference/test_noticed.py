"""The comparison notices mistakes: each bug is put into a compiled network on purpose, and must be reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, fx, nn

import archlang.layers.multipath as routing_layers
from archlang.elaborate import loads
from archlang.elaborate.finish import _taken_off
from archlang.emit import emit
from tests.reference.compare import Pair, reference_of

TEXT = """archlang 1
network N {
  input x: [4, 8, 8]
  y = x -> conv(3x3, 6, stride = 2) -> batch_norm -> relu -> residual(mix = fixed(0.25)) { conv(3x3, 6) -> relu }
        -> fork(2, cross_connection(hidden = 3))
        -> each { conv(3x3, 5) -> batch_norm -> relu } -> route(cross_connection(hidden = 3), to = 2)
        -> each { avg_pool(3x3, stride = 1, count_padding = false) -> layer_norm -> gelu } -> mean
  output y -> to_sequence -> attention(1) -> lstm(3, give = last)
}
"""
Bug = Callable[[nn.Module], None]


def _forward(module: nn.Module, forward: Callable[..., object]) -> None:
    module.forward = forward


def _of(model: nn.Module, kind: type[nn.Module]) -> nn.Module:
    return next(m for m in model.modules() if type(m) is kind)


def wrong_eps(model: nn.Module) -> None:
    _of(model, nn.BatchNorm2d).eps = 1e-4  # type: ignore[assignment]


def shifted_stride(model: nn.Module) -> None:
    conv = _of(model, nn.Conv2d)
    _forward(conv, lambda x: nn.functional.conv2d(x.roll(1, 3), conv.weight, conv.bias, 2, 1))  # type: ignore[arg-type]


def swapped_gate_axes(model: nn.Module) -> None:
    gates = [m for m in model.modules() if isinstance(m, routing_layers.Gates)][-1]
    _forward(gates, lambda *xs: gates.scores(*xs).softmax(2).transpose(1, 2))


def softmax_over_inputs(model: nn.Module) -> None:
    gates = [m for m in model.modules() if isinstance(m, routing_layers.Gates)][-1]
    _forward(gates, lambda *xs: gates.scores(*xs).softmax(1))


def batch_statistics(model: nn.Module) -> None:
    norm = _of(model, nn.BatchNorm2d)
    _forward(norm, lambda x: nn.functional.batch_norm(x, None, None, norm.weight, norm.bias, True))  # type: ignore[arg-type]


def fixed_gates(model: nn.Module) -> None:
    gates = _of(model, routing_layers.Gates)
    plain = gates.forward
    _forward(gates, lambda *xs: plain(*xs).detach())


def swapped_mix(model: nn.Module) -> None:
    _of(model, routing_layers.Mix).beta = 0.75  # type: ignore[assignment]


def padding_counts(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.AvgPool2d):
            module.count_include_pad = True


def tanh_gelu(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.GELU):
            module.approximate = "tanh"


def norm_over_all(model: nn.Module) -> None:
    norm = next(m for m in model.modules() if type(m).__name__ == "ChannelNorm")
    _forward(norm, lambda x: nn.functional.layer_norm(x, x.shape[1:]))


def _without_first(gates: Tensor, *inputs: Tensor, column: int | None = None) -> object:
    return routing_layers.combine(gates, 0 * inputs[0], *inputs[1:], column=column)


def dropped_path(model: nn.Module) -> None:
    assert isinstance(model, fx.GraphModule)
    for node in model.graph.nodes:
        if node.target is routing_layers.combine:
            node.target = _without_first
    model.recompile()


def first_state(model: nn.Module) -> None:
    lstm = next(m for m in model.modules() if isinstance(m, nn.LSTM))
    _forward(lstm, lambda x: nn.LSTM.forward(lstm, x)[0][:, 0])


BUGS = (wrong_eps, shifted_stride, swapped_gate_axes, softmax_over_inputs, batch_statistics, fixed_gates, swapped_mix,
        padding_counts, dropped_path, tanh_gelu, norm_over_all, first_state)


def _noticed(model: nn.Module | None = None) -> None:
    net = loads(TEXT)
    pair = Pair(net, reference_of(net), "loop", model=model)
    pair.compare()
    pair.compare(training=True)


def test_without_a_bug_nothing_is_noticed() -> None:
    _noticed()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_bug_is_noticed(bug: Bug) -> None:
    model = emit(loads(TEXT).graph, parallel="loop")
    bug(model)
    with pytest.raises(AssertionError, match="differs"):
        _noticed(model)


def _wide(inner: Callable[..., object]) -> Callable[..., object]:
    return lambda graph, node, read: False


@contextmanager
def _patched(monkeypatch: pytest.MonkeyPatch, target: str, value: object) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(target, value)
        yield


@pytest.mark.parametrize(("target", "value", "words"), [
    ("archlang.elaborate.finish._taken_off", _wide(_taken_off), None),
    ("archlang.ops.windows.same", lambda k, d: tuple((t - t // 2, t // 2) for t in
                                                     (b * (a - 1) for a, b in zip(k, d, strict=True))), "differs"),
], ids=["wrong bias rule", "padding on the wrong side"])
def test_bug_in_the_compiler_is_noticed(monkeypatch: pytest.MonkeyPatch, target: str, value: object,
                                        words: str | None) -> None:
    text = TEXT.replace("conv(3x3, 6, stride = 2)", "conv(4x4, 6)")
    with _patched(monkeypatch, target, value), pytest.raises(AssertionError, match=words):
        net = loads(text)
        pair = Pair(net, reference_of(net), "loop")
        pair.compare()


def test_nan_elsewhere_is_noticed() -> None:
    model = emit(loads(TEXT).graph, parallel="loop")
    norm = _of(model, nn.BatchNorm2d)
    plain = norm.forward
    _forward(norm, lambda x: torch.nan_to_num(plain(x)))
    net = loads(TEXT)
    with pytest.raises(AssertionError, match="NaN"):
        Pair(net, reference_of(net), "loop", model=model).compare(nan=True, gradients=False)
