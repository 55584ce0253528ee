"""Names of modules, biases that are left open, and what no output needs."""

from __future__ import annotations

import pytest

from archlang.elaborate import loads
from tests.elaborate.texts import names, net

UNIT = "block unit(c) = conv(3x3, c) -> batch_norm -> relu"


@pytest.mark.parametrize(("body", "expected"), [
    ("a = x -> conv(1x1, 2)\n output a", ["a.conv"]),
    ("output x -> conv(1x1, 2) -> relu -> conv(1x1, 2)", ["conv", "relu", "conv_2"]),
    ("output x -> conv(1x1, 2) as reduce -> conv(1x1, 2)", ["reduce", "conv"]),
    ("output x -> conv(1x1, 2) as a -> relu as a", ["a", "a_2"]),
    ("a = x -> unit(2)\n output a", ["a.unit.conv", "a.unit.batch_norm", "a.unit.relu"]),
    ("output x -> unit(2) -> unit(2)",
     [f"{u}.{o}" for u in ("unit", "unit_2") for o in ("conv", "batch_norm", "relu")]),
    ("a = x -> 2 * conv(1x1, 2)\n output a", ["a.conv.0", "a.conv.1"]),
    ("a = x -> 2 * (conv(1x1, 2) -> relu)\n output a",
     ["a.repeat.0.conv", "a.repeat.0.relu", "a.repeat.1.conv", "a.repeat.1.relu"]),
    ("a = x -> 2 * conv(1x1, 2) as two\n output a", ["a.two.0", "a.two.1"]),
    ("output x -> conv(1x1, 2) as a -> conv(1x1, 2) as a -> conv(1x1, 2) as a_2", ["a", "a_2", "a_2_2"]),
    ("output x -> conv(1x1, 2) -> conv(1x1, 2) -> conv(1x1, 2) as conv_2 -> conv(1x1, 2)",
     ["conv", "conv_2", "conv_2_2", "conv_3"]),
    ("output x -> for c in [2, 3] { conv(1x1, c) -> relu }",
     ["loop.0.conv", "loop.0.relu", "loop.1.conv", "loop.1.relu"]),
    ("output x -> for c in [2] { conv(1x1, c) } -> for c in [3] { relu }", ["loop.0.conv", "loop_2.0.relu"]),
    ("output x -> if true { conv(1x1, 2) }", ["conv"]),
    ("output x -> fork(2) -> each { conv(1x1, 2) } -> sum", ["each.0.conv", "each.1.conv", "sum"]),
    ("output x -> fork(2) -> shared { conv(1x1, 2) } -> sum", ["shared.conv", "shared.conv", "sum"]),
    ("output x -> parallel { relu; tanh } -> sum", ["parallel.0.relu", "parallel.1.tanh", "sum"]),
    ("output x -> layers { relu; tanh } -> sum", ["layers.0.relu", "layers.1.tanh", "sum"]),
    ("output x -> residual { relu }", ["residual.relu", "residual.add"]),
    ("output x -> residual(mix = learned) { relu }", ["residual.relu", "residual.mix"]),
    ("output x -> fork(2, cross_connection) -> sum", ["fork.gates", "fork.combine", "sum"]),
    ("output x -> fork(2) -> route(cross_stitch) -> route(cross_stitch) -> sum",
     ["route.stitch", "route_2.stitch", "sum"]),
    ("output x -> fork(2) -> route(cross_prediction(tanh), to = 1) -> sum",
     ["route.gates", "route.0.0.tanh", "route.1.0.tanh", "route.combine", "route.relu", "sum"]),
    ("let f = conv(1x1, 2) -> relu\n output x -> f", ["f.conv", "f.relu"]),
    ("let f = unit(2)\n output x -> f -> f",
     [f"{u}.unit.{o}" for u in ("f", "f_2") for o in ("conv", "batch_norm", "relu")]),
    ("conv = x -> relu\n output conv -> tanh", ["conv.relu", "tanh"]),
    ("relu = x -> tanh\n a = relu -> conv(1x1, 2)\n output a", ["relu.tanh", "a.conv"]),
])
def test_modules_are_called(body: str, expected: list[str]) -> None:
    assert names(net(body, UNIT if "unit" in body else "")) == expected


def test_a_bound_name_is_not_given_to_a_stage() -> None:
    body = "relu_2 = x -> tanh\n output relu_2 -> relu -> relu -> relu"
    found = names(net(body))
    assert len(set(found)) == len(found) == 4
    assert found[0] == "relu_2.tanh"


@pytest.mark.parametrize(("body", "biases"), [
    ("output x -> conv(1x1, 2) -> batch_norm", [False]),
    ("output x -> conv(1x1, 2) -> relu -> batch_norm", [True]),
    ("output x -> conv(1x1, 2, bias = true) -> batch_norm", [True]),
    ("output x -> conv(1x1, 2, bias = false) -> relu", [False]),
    ("output x -> unit(2)", [False]),
    ("a = x -> conv(1x1, 2)\n output a -> batch_norm\n output raw = a", [True]),
    ("a = x -> conv(1x1, 2)\n output a -> batch_norm -> add(a)", [True]),
    ("a = x -> conv(1x1, 2)\n dead = a -> relu\n output a -> batch_norm", [False]),
    ("a = x -> fork(2) -> shared { conv(1x1, 2) }\n output (a[0] -> batch_norm, a[1]) -> sum", [True, True]),
    ("a = x -> fork(2) -> shared { conv(1x1, 2) -> batch_norm }\n output a -> sum", [False, False]),
    ("output x -> conv(1x1, 2) -> if true { batch_norm }", [False]),
    ("output x -> conv(1x1, 2) -> fork(2) -> each { batch_norm } -> sum", [True]),
    ("output x -> flatten -> linear(3) -> batch_norm", [False]),
    ("output x -> flatten -> linear(3, bias = true) -> batch_norm", [True]),
    ("output x -> flatten -> linear(3) -> relu", [True]),
    ("output x -> flatten -> linear(3) -> standardize", [False]),
    ("output x -> flatten -> linear(3) -> layer_norm", [True]),
    ("output x -> to_sequence -> linear(3) -> batch_norm", [True]),
    ("output x -> conv(3x3, 4) -> instance_norm", [False]),
    ("output x -> conv(3x3, 4) -> group_norm(4)", [False]),
    ("output x -> conv(3x3, 4) -> group_norm(2)", [True]),
    ("output x -> conv(3x3, 4) -> layer_norm", [True]),
    ("output x -> conv_transpose(2x2, 4, stride = 2) -> batch_norm", [False]),
])
def test_open_biases(body: str, biases: list[bool]) -> None:
    graph = net(body, UNIT if "unit" in body else "").graph
    assert [node.args["bias"] for node in graph if "bias" in node.args] == biases


def test_what_no_output_needs_is_cut_off() -> None:
    network = net("a = x -> fork(3) -> each { conv(3x3, 4) }\n lost = a[1] -> relu\n output a[2]")
    assert names(network) == ["a.each.2.conv"]
    assert set(network.graph.bound) == set()


def test_an_unused_input_stays() -> None:
    network = net("input y: [2]\n output x -> relu")
    assert [node.path for node in network.graph] == [("x",), ("y",), ("relu",)]
    assert [d.name for d in network.warnings] == ["unused-name"]


def test_what_a_loss_reads_stays() -> None:
    train = "train { loss = cross_entropy(head, label)\n optimizer = sgd(lr = 0.1)\n phase all { epochs = 1 } }"
    network = net("head = x -> flatten -> linear(3)\n output x -> relu", train)
    assert "head.linear" in names(network)


@pytest.mark.parametrize(("read", "kept"), [("raw", True), ("scores", False)])
def test_a_bias_that_a_loss_reads_stays(read: str, kept: bool) -> None:
    graph = loads(f"""archlang 1
network N {{
  input x: [6]
  raw    = x -> linear(3)
  scores = raw -> standardize
  output scores
}}
train {{
  loss      = mse({read}, label)
  optimizer = sgd(lr = 0.1)
  phase all {{ epochs = 1 }}
}}
""").graph
    assert [node.args["bias"] for node in graph if "bias" in node.args] == [kept]
