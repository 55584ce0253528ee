"""Parallel members run one by one or as one operation: the same numbers, gradients, statistics and weights."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from archlang.elaborate import loads
from archlang.emit import emit
from archlang.emit.grouping import plan
from archlang.layers import grouped

ROUTED = """archlang 1
block unit(c, stride = 1) = conv(3x3, c, stride = stride) -> batch_norm -> relu
network N(paths = {paths}) {{
  let gate = cross_connection(hidden = 4)
  input image: [3, 8, 8]
  trunk  = image -> fork(paths, gate)
                 -> for c in [4, 6] {{ each {{ unit(c) -> unit(c) -> max_pool(2x2) }} -> route(gate) }}
  logits = trunk -> each {{ flatten -> linear(5) -> batch_norm -> relu }} -> route(gate)
                 -> each {{ linear(5) -> relu -> linear(3, bias = false) }} -> mean
  output logits
}}
"""
BODIES = {
    "predictions": "route(cross_prediction(conv(3x3, 4) -> batch_norm)) -> sum",
    "dense predictions": "each { flatten -> linear(6) } -> route(cross_prediction(linear(4)), to = 3) -> sum",
    "plain copies": "sum -> fork(4) -> each { conv(3x3, 4) -> batch_norm } -> sum -> flatten -> fork(3)"
                    " -> each { linear(4) } -> sum",
    "one to many": "sum -> fork(3, cross_prediction(conv(3x3, 4) -> batch_norm)) -> sum",
    "other convolutions": "each { conv(3x3, 4, groups = 2) -> conv(1x3, 4, stride = 2, bias = true) -> tanh"
                          " -> depthwise_conv(3x3) -> conv(2x2, 4) -> conv(3x3, 4, padding_mode = reflect) } -> sum",
    "common input, groups": "sum -> fork(2) -> each { conv(3x3, 4, groups = 2) } -> sum",
    "unlike parts": "sum -> parallel { conv(3x3, 4); conv(1x1, 4); conv(3x3, 4) } -> sum",
    "like parts": "sum -> parallel { conv(3x3, 4) -> batch_norm; conv(3x3, 4) -> batch_norm } -> sum",
    "no statistics": "each { conv(3x3, 4) -> batch_norm(running = false) -> batch_norm(affine = false) } -> sum",
    "residuals": "each { 2 * residual { conv(3x3, 4) -> batch_norm -> relu } -> avg_pool(2x2) } -> sum",
    "shared": "shared { conv(3x3, 4) -> batch_norm } -> each { shared_free } -> sum".replace("shared_free", "relu"),
    "nested": "each { fork(2) -> each { conv(3x3, 4) -> relu } -> sum } -> sum",
    "members as outputs": "each { conv(3x3, 4) -> relu }",
}


def routed(paths):
    return loads(ROUTED.format(paths=paths)).graph


def body(name):
    flow = BODIES[name]
    ends = "output made[0]\n  output other = made[1]" if name == "members as outputs" else "output made"
    return loads(f"archlang 1\nnetwork N {{\n  input a: [4, 6, 6]\n  input b: [4, 6, 6]\n"
                 f"  made = (a, b) -> {flow}\n  {ends}\n}}\n").graph


def leaves(result):
    return list(result.values()) if isinstance(result, dict) else [result]


def assert_equal_in_training(graph, inputs):
    loop, joined = (emit(graph, parallel=p).double() for p in ("loop", "grouped"))
    assert list(loop.state_dict()) == list(joined.state_dict())
    for _ in range(2):
        one, other = leaves(loop(*inputs)), leaves(joined(*inputs))
        for a, b in zip(one, other, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-10, atol=1e-10)
        sum(y.square().sum() + y.sum() for y in one).backward()
        sum(y.square().sum() + y.sum() for y in other).backward()
    for (name, p), q in zip(loop.named_parameters(), joined.parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None), name
        if p.grad is not None:
            torch.testing.assert_close(q.grad, p.grad, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(joined.state_dict(), loop.state_dict(), rtol=1e-10, atol=1e-10)
    for a, b in zip(leaves(loop.eval()(*inputs)), leaves(joined.eval()(*inputs)), strict=True):
        torch.testing.assert_close(b, a, rtol=1e-10, atol=1e-10)
    return joined


def double(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("paths", [2, 3, 4])
def test_routed_paths(paths):
    joined = assert_equal_in_training(routed(paths), [double(4, 3, 8, 8)])
    assert "grouped_convolution" in joined.code and "grouped_linear" in joined.code


@pytest.mark.parametrize("name", BODIES)
def test_bodies(name):
    assert_equal_in_training(body(name), [double(5, 4, 6, 6), double(5, 4, 6, 6) + 1])


def called(graph, parallel="grouped"):
    nodes = emit(graph, parallel=parallel).graph.nodes
    return [n.target.__name__ for n in nodes if getattr(n.target, "__module__", "") == grouped.__name__]


def test_one_operation_for_all_members():
    assert called(body("plain copies")) == ["convolution", "batch_norm", "linear"]
    assert called(body("unlike parts")) == []
    assert called(body("like parts")) == ["convolution", "batch_norm"]
    assert called(body("predictions")) == ["gather", "convolution", "batch_norm"]
    assert called(body("shared")) == []
    chain = called(routed(2))
    assert chain.count("convolution") == 4 and chain.count("batch_norm") == 5 and chain.count("gather") == 4


def test_dropout_stays_one_by_one():
    flow = "a -> fork(4) -> each { linear(8) -> dropout(0.5) } -> sum"
    graph = loads(f"archlang 1\nnetwork N {{\n  input a: [8]\n  output {flow}\n}}\n").graph
    models = [emit(graph, parallel=p) for p in ("loop", "grouped")]
    results = []
    for model in models:
        torch.manual_seed(0)
        results.append(model(torch.ones(3, 8)))
    torch.testing.assert_close(results[0], results[1])


def test_auto_groups_small_dense_maps_of_many_paths():
    assert called(routed(2), "auto") == [] and called(routed(6), "loop") == []
    assert {"gather", "linear"} <= set(called(routed(6), "auto")) <= {"gather", "linear", "batch_norm"}


def test_program_order_without_groups():
    graph = routed(3)
    assert [unit[0] for unit in plan(graph, "loop")] == list(graph)
    done = set()
    for unit in plan(graph, "grouped"):
        assert all(port.node in done for node in unit for port in node.inputs)
        done |= {node.id for node in unit}
    assert len(done) == len(graph)


def test_a_frozen_member_keeps_its_statistics():
    graph = routed(3)
    models = [emit(graph, parallel=p).double() for p in ("loop", "grouped")]
    for model in models:
        for name, module in model.named_modules():
            if isinstance(module, nn.BatchNorm2d) and ".each.1." in name:
                module.eval()
        model(double(4, 3, 8, 8)).sum().backward()
    torch.testing.assert_close(models[0].state_dict(), models[1].state_dict(), rtol=1e-10, atol=1e-10)
    frozen = [m for n, m in models[1].named_modules() if isinstance(m, nn.BatchNorm2d) and ".each.1." in n]
    assert frozen and not any(m.running_mean.any() for m in frozen)


def test_modules_keep_their_classes_in_a_grouped_model_and_its_copy():
    loop, joined = (emit(routed(2), parallel=p) for p in ("loop", "grouped"))
    classes = [[(n, type(m)) for n, m in model.named_modules()][1:] for model in (loop, joined, copy.deepcopy(joined))]
    assert classes[0] == classes[1] == classes[2]
