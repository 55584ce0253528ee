"""Coded branches run as one where that gives the same numbers, and one by one where something else reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from archlang.elaborate import loads
from archlang.emit import emit
from archlang.emit.coded import coded_tails
from archlang.graph.ir import Graph, Node, OutputSpec, Port
from archlang.ops import CATALOGUE
from archlang.ops.coded import ENERGIES, WEIGH

TEXT = """archlang 1
code three = words("110", "011", "101")
network N {{
  input image: [4, 5, 5]
  output image -> branches(three{drop}) {{ conv(1x1, 3) -> relu -> {last} }} -> energy_normalize -> sum
}}
"""
DENSE = "conv(1x1, 6, bias = false)"


def coded(last: str = DENSE, drop: str = "") -> Graph:
    return loads(TEXT.format(last=last, drop=drop)).graph


def node_of(graph: Graph, op: object) -> Node:
    return next(node for node in graph if node.op is op)


def reading(graph: Graph, port: Port) -> Graph:
    """The graph with one operation more, an output of its own, that reads a port."""
    id = f"reads_{port.node}_{port.index}"
    graph.add(Node(id, CATALOGUE.ops["tanh"], {}, (port,), (graph.type(port),), ("reader", "tanh")))
    graph.outputs = (*graph.outputs, OutputSpec("read", Port(id)))
    return graph


def assert_same_numbers(graph: Graph) -> str:
    """Compare the grouped form with the loop, in outputs and gradients; the grouped form's code."""
    x = torch.randn(3, 4, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    models = [emit(graph, parallel=parallel).double() for parallel in ("loop", "auto")]
    results = []
    for model in models:
        torch.manual_seed(0)
        made = model(x)
        values = list(made.values()) if isinstance(made, dict) else [made]
        sum(value.sin().sum() for value in values).backward()
        results.append([*values, *(p.grad for p in model.parameters())])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-12)
    return models[1].code


@pytest.mark.parametrize("drop", ["", ", drop = 0.4"])
def test_a_tail_runs_as_one(drop: str) -> None:
    graph = coded(drop=drop)
    (tail,) = coded_tails(graph)
    assert len(tail.convolutions) == 3 and len(tail.masks) == (1 if drop else 0)
    assert "coded_sum" in assert_same_numbers(graph)


def test_energies_may_be_read_elsewhere() -> None:
    graph = coded()
    assert "coded_sum" in assert_same_numbers(reading(graph, Port(node_of(graph, ENERGIES).id, 0)))


def test_normalising_weights_that_something_else_reads() -> None:
    graph = coded()
    assert "coded_sum" not in assert_same_numbers(reading(graph, Port(node_of(graph, ENERGIES).id, 1)))


def test_normalising_weights_that_are_an_output() -> None:
    graph = coded()
    graph.outputs = (*graph.outputs, OutputSpec("read", Port(node_of(graph, ENERGIES).id, 1)))
    assert "coded_sum" not in assert_same_numbers(graph)


@pytest.mark.parametrize("which", ["convolution", "weighed branch"])
def test_branches_that_something_else_reads(which: str) -> None:
    graph = coded()
    port = node_of(graph, ENERGIES).inputs[1]
    if which == "weighed branch":
        port = Port(node_of(graph, WEIGH).id, 1)
    assert "coded_sum" not in assert_same_numbers(reading(graph, port))


@pytest.mark.parametrize("which", ["convolution", "weighed branch"])
def test_branches_that_are_an_output(which: str) -> None:
    graph = coded()
    port = node_of(graph, ENERGIES).inputs[1]
    if which == "weighed branch":
        port = Port(node_of(graph, WEIGH).id, 1)
    graph.outputs = (*graph.outputs, OutputSpec("read", port))
    assert "coded_sum" not in assert_same_numbers(graph)


def test_branches_weighed_twice_by_what_normalises_them() -> None:
    graph = coded()
    weigh = node_of(graph, WEIGH)
    again = replace(weigh, id="again", inputs=(weigh.inputs[0], *(Port(weigh.id, i) for i in range(3))))
    graph.add(again)
    total = next(node for node in graph if node.inputs == again.inputs[1:])
    graph.update(total.id, inputs=tuple(Port("again", i) for i in range(3)))
    assert coded_tails(graph) == []


@pytest.mark.parametrize("last", [
    "conv(1x1, 6, bias = true)", "conv(3x3, 6, bias = false)", "conv(1x1, 6, bias = false, groups = 3)",
    "conv(1x1, 6, bias = false, stride = 2)", "conv(1x1, 6, bias = false, padding = 1)", "depthwise_conv(1x1)",
    f"{DENSE} -> batch_norm",
])  # fmt: skip
def test_what_is_no_dense_map_runs_one_by_one(last: str) -> None:
    assert "coded_sum" not in assert_same_numbers(coded(last))
