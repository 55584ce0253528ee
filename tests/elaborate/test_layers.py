"""Layers: stages that hold their weights once. What is shared, what is refused, and what a model of them computes."""

from __future__ import annotations

import pytest

from archlang.diagnostics import Diagnostic
from archlang.elaborate import check_text, loads
from archlang.elaborate.network import Network
from tests.reference.compare import check

FPN = """archlang 1
network Pyramid(classes = 3) {
  input p3: [8, 16, 16]
  input p4: [8, 8, 8]
  input p5: [8, 4, 4]
  layer head = conv(3x3, 8) -> batch_norm -> relu -> conv(3x3, classes)
  output p3 -> head
  output middle = p4 -> head
  output small  = p5 -> head
}
"""

SIAMESE = """archlang 1
block arm(c) = conv(3x3, c, stride = 2) -> batch_norm -> relu -> flatten -> linear(6)

network Siamese {
  input left: [1, 8, 8]
  input right: [1, 8, 8]
  layer embed = arm(4)
  output left -> embed -> sub(right -> embed) -> linear(1)
}
"""

RECURSIVE = """archlang 1
network Recursive {
  input image: [6, 8, 8]
  layer once = residual { conv(3x3, 6) -> batch_norm -> relu }
  output image -> 3 * once -> global_avg_pool -> linear(3)
}
"""

NESTED = """archlang 1
block pair(c, f) {
  layer own = conv(3x3, c) -> relu
  first  = in -> own -> f
  output first -> own -> f
}

network Nested {
  input a: [4, 8, 8]
  layer outer = pair(4, relu) -> conv(1x1, 4)
  layer shared_by_all = conv(1x1, 4) -> batch_norm
  one = a -> outer -> pair(4, shared_by_all)
  two = one -> outer -> pair(4, shared_by_all) -> fork(2) -> each { shared_by_all } -> parallel { concat; sum }
  output two[1] -> for i in range(2) { outer -> if i == 0 { shared_by_all } } -> flatten -> linear(3)
}
"""

STRUCTURES = {
    "parallel": "parallel { conv(3x3, 4); conv(1x1, 4) -> relu } -> sum",
    "router": "fork(2, cross_connection(hidden = 3)) -> each { conv(3x3, 4) } -> route(cross_stitch) -> mean",
    "prediction": "fork(2) -> route(cross_prediction(conv(3x3, 4))) -> sum",
    "pbconv": "pbconv(3x3, 4, kernels = acb)",
    "layers": "layers { conv(3x3, 4); relu } -> each { flatten -> linear(16) } -> attend(innate_static(256)) "
              "-> reshape([4, 8, 8])",
    "residual": "residual(mix = learned) { conv(3x3, 4) -> prelu(params = channels) }",
    "excite": "squeeze_excite(ratio = 2) -> group_norm(2)",
    "experts": "patches(4x4) -> experts(2, cross_connection(hidden = 3)) { conv(3x3, 4) } -> unpatch",
    "shared": "fork(2) -> each { conv(3x3, 4) } -> shared { conv(1x1, 4) -> batch_norm } -> concat -> conv(1x1, 4)",
    "repeat": "2 * (conv(3x3, 4) -> add(in)) -> for k in [1, 3] { conv(k, 4) }",
    "branches": "branches(words(\"110\", \"011\", \"101\"), drop = 0.1) { conv(1x1, 4) } -> energy_normalize -> sum",
}
"""A stage of each family with weights, from [4, 8, 8] to the same."""


def net_of(body: str, head: str = "") -> Network:
    return loads(f"archlang 1\n{head}network N {{\n  input x: [4, 8, 8]\n{body}\n}}\n")


def twice(stage: str) -> Network:
    """A stage used twice in a row."""
    return net_of(f"  layer f = {stage}\n  output x -> f -> relu -> f -> flatten -> linear(3)")


def mistakes(body: str, head: str = "") -> list[Diagnostic]:
    return list(check_text(f"archlang 1\n{head}network N {{\n  input x: [4, 8, 8]\n{body}\n}}\n"))


@pytest.mark.parametrize("parallel", ["loop", "grouped"])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("text", [FPN, SIAMESE, RECURSIVE, NESTED])
def test_a_network_computes_what_the_reference_does(text: str, training: bool, parallel: str) -> None:
    check(loads(text), training=training, parallel=parallel)


@pytest.mark.parametrize("stage", [s for name, s in STRUCTURES.items() if name != "branches"])
@pytest.mark.parametrize("training", [False, True])
def test_every_structure_shares_all_of_its_weights(stage: str, training: bool) -> None:
    net = twice(stage)
    check(net, training=training, parallel="grouped")

    once = net_of(f"  layer f = {stage}\n  output x -> f -> flatten -> linear(3)")
    assert net.parameters == once.parameters
    assert net.buffers == once.buffers
    assert net.flops > 2 * (once.flops - 2 * 256 * 3)


def test_branches_of_a_code_are_shared() -> None:
    net = twice(STRUCTURES["branches"])
    check(net, parallel="grouped")
    assert list(net.graph.coded) == [("f", "branches")]
