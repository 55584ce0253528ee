"""What `archlang ops NAME` shows as an example is accepted, compiles and runs with the predicted shapes."""

from __future__ import annotations

import pytest
import torch

from archlang.elaborate import loads
from archlang.emit.emit import emit
from archlang.ops import CATALOGUE
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import MetricFacts
from archlang.ops.model import Op, Setting, Structure
from archlang.ops.values import Option
from tests.ops.instantiate import drawn

ENTRIES = [*CATALOGUE.ops.values(), *CATALOGUE.structures.values(), *CATALOGUE.settings.values()]
SHOWN = [entry for entry in ENTRIES if entry.example]
NETWORK = """
  input x: [3, 8, 8]
  logits = x -> flatten -> linear(10)
  target = x -> flatten -> linear(10)
  prediction = logits
  output logits
  output aux = target
"""
CODED = """
  input x: [3, 8, 8]
  logits = x -> branches(ten) { conv(1x1, 4) } -> energy_normalize -> sum -> flatten -> linear(10)
  output logits
"""
MAPS = """
  input x: [3, 8, 8]
  logits = x -> conv(1x1, 3)
  output logits
"""
LINE = """
  input x: [3, 8, 8]
  logits = x -> to_sequence -> linear(10)
  output logits
"""
ROUTED = """
  input x: [3, 8, 8]
  logits = x -> patches(4x4) -> experts(2, cosine_router(conv(3x3, 4) -> pyramid_pool(1))) { conv(3x3, 4) } -> unpatch
             -> flatten -> linear(10)
  output logits
}
train {
  loss = cross_entropy(logits, label)
  optimizer = adam(lr = 0.001)
"""
TEN = "code ten = design(classes = 10, branches = 10, active = 5)"
REST_OF_PLAN = "optimizer = adam(lr = 0.001)\nphase all { epochs = 1 }"
REST = {
    "loss =": "loss = cross_entropy(logits, label)",
    "optimizer =": "optimizer = adam(lr = 0.001)",
    "phase": "phase all { epochs = 1 }",
}
LOSSES = {"classes": "loss = cross_entropy(logits, label)", "numbers": "loss = l1(logits, label)"}
"""A loss that reads in the label what a metric does."""


def whole(entry: Op | Structure | Setting) -> str:
    """A file around the example: the body of a network, or a line of `train { }`."""
    if entry.example.startswith("input"):
        return f"archlang 1\nnetwork Example {{\n{entry.example}\n}}\n"
    if entry.example.startswith("code"):
        return f"archlang 1\n{entry.example}\nnetwork Example {{{CODED}}}\n"
    if "coding_loss" in entry.example:
        return f"archlang 1\n{TEN}\nnetwork Example {{{CODED}}}\ntrain {{\n{entry.example}\n{REST_OF_PLAN}\n}}\n"
    if isinstance(entry, Setting) and entry.role == "metric":
        facts = facts_of(Option(entry.name, "metric"), MetricFacts)
        body = MAPS if facts.ranks else NETWORK
        lines = [entry.example, LOSSES[facts.target], REST_OF_PLAN]
        return f"archlang 1\nnetwork Example {{{body}}}\ntrain {{\n" + "\n".join(lines) + "\n}\n"
    if any(name in entry.example for name in ("confidence", "collapse", "load_balance")):
        body = ROUTED[: ROUTED.index("}\ntrain")]
        return f"archlang 1\nnetwork Example {{{body}}}\ntrain {{\n{entry.example}\n{REST_OF_PLAN}\n}}\n"
    if "keys" in entry.example:
        return f"archlang 1\nnetwork Example {{{ROUTED}{entry.example}\n}}\n"
    lines = [entry.example, *(line for word, line in REST.items() if word not in entry.example)]
    body = LINE if entry.name == "ctc" else NETWORK
    return f"archlang 1\nnetwork Example {{{body}}}\ntrain {{\n" + "\n".join(lines) + "\n}\n"


@pytest.mark.parametrize("entry", SHOWN, ids=[f"{type(e).__name__}-{e.name}" for e in SHOWN])
def test_an_example_runs(entry: Op | Structure | Setting) -> None:
    network = loads(whole(entry))
    graph = network.graph
    model = emit(graph, seed=0).eval()
    chance = torch.Generator().manual_seed(0)
    inputs = [drawn(spec.type, tuple(map(int, spec.type.dims)), 2, chance) for spec in graph.inputs]  # type: ignore[arg-type]
    with torch.no_grad():
        result = model(*inputs)
    found = list(result.values()) if isinstance(result, dict) else [result]
    assert [tuple(y.shape[1:]) for y in found] == [graph.type(output.port).dims for output in graph.outputs]
    assert sum(p.numel() for p in model.parameters()) == graph.parameters
    assert sum(b.numel() for b in model.buffers()) == graph.buffers
