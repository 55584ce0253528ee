"""Branches and steps that a `for` makes, and loops over the members of a bundle."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

import archlang
from archlang.elaborate.network import check_text, loads
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.printer import print_file
from tests.elaborate.texts import names, net, out, text, wrong
from tests.reference.compare import check

FPN = """archlang 1
network Fpn(out = 6, strides = [2, 2, 2]) {
  input image: [3, H, W] where H >= 16 and W >= 16
  levels = image -> layers { conv(3x3, 4); for s in strides { conv(3x3, 2 * in.channels, stride = s) -> relu } }
  top    = levels[3] -> conv(1x1, out)
  down   = top -> layers {
    for level in (levels[2], levels[1]) { upsample(size = level.size) -> add(level -> conv(1x1, out)) }
  }
  output (top, down[0], down[1])
}
"""


@pytest.mark.parametrize(("loop", "written"), [
    ("parallel { for k in [1, 3] { conv(size(k, k), 4) -> relu } }",
     "parallel { conv(1x1, 4) -> relu; conv(3x3, 4) -> relu }"),
    ("parallel { relu; for k in [1, 3] { conv(size(k, k), 4) }; tanh }",
     "parallel { relu; conv(1x1, 4); conv(3x3, 4); tanh }"),
    ("parallel { for (k, c) in [(1, 4), (3, 2)] { for d in range(1, k + 1) { conv(3x3, c, dilation = d) } } }",
     "parallel { conv(3x3, 4); conv(3x3, 2); conv(3x3, 2, dilation = 2); conv(3x3, 2, dilation = 3) }"),
    ("layers { for c in [4, in.channels] { conv(1x1, c) } }", "layers { conv(1x1, 4); conv(1x1, 3) }"),
    ("parallel { relu; for k in [] { conv(size(k, k), 4) } }", "parallel { relu }"),
    # Behind an arrow, or in parentheses, a loop is a flow like any other: one turn after the other.
    ("parallel { in -> for k in [1, 3] { conv(size(k, k), 4) } }",
     "parallel { conv(1x1, 4) as loop0 -> conv(3x3, 4) }"),
    ("parallel { (for k in [1, 3] { conv(size(k, k), 4) }) }", "parallel { conv(1x1, 4) as loop0 -> conv(3x3, 4) }"),
])
def test_a_loop_alone_makes_a_flow_of_each_turn(loop: str, written: str) -> None:
    block = "block made = in -> {} -> concat"
    one, other = (net("output x -> made", block.format(flows)) for flows in (loop, written))
    assert [str(n.outputs[0]) for n in one.graph] == [str(n.outputs[0]) for n in other.graph]
    if "as loop0" not in written:
        assert names(one) == names(other)
    check(one, gradients=False)


def test_a_pyramid_whose_levels_are_turns() -> None:
    """Lin et al. 2017, figure 3, at sizes that no stride divides."""
    network = loads(FPN)
    model = archlang.compile(network)
    weights = dict(model.named_parameters())
    x = torch.rand(2, 3, 21, 18)

    def conv(x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        kernel = weights[f"{name}.weight"]
        return functional.conv2d(x, kernel, weights[f"{name}.bias"], stride, kernel.shape[2] // 2)

    levels = [conv(x, "levels.layers.0.conv")]
    for i in (1, 2, 3):
        levels.append(conv(levels[-1], f"levels.layers.{i}.conv", 2).relu())
    down = [conv(levels[3], "top.conv")]
    for i, level in enumerate((levels[2], levels[1])):
        up = functional.interpolate(down[-1], level.shape[2:])
        down.append(up + conv(level, f"down.layers.{i}.conv"))

    found = model(x)
    assert [tuple(level.shape[2:]) for level in found] == [(3, 3), (6, 5), (11, 9)]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, down, strict=True))
    check(network, sizes={"H": 21, "W": 18})


@pytest.mark.parametrize("items", ["(b, a)", "[b, a]", "both", "[[b, 4], [a, 4]]"])
def test_a_loop_over_tensors(items: str) -> None:
    loop = f"for level in {items} {{ add(level -> conv(1x1, 4)) }}"
    if "4" in items:
        loop = f"for (level, c) in {items} {{ add(level -> conv(1x1, c)) }}"
    network = net(f"a = x -> conv(3x3, 2)\n b = a -> relu\n both = (b, a)\n output a -> conv(1x1, 4) -> {loop}")
    assert out(network) == "[4, 8, 8]"
    assert [n.name for n in network.graph if n.op.name == "conv"] == ["a.conv", "conv", "loop.0.conv", "loop.1.conv"]
    check(network)


@pytest.mark.parametrize(("flow", "kind"), [
    ("parallel { for k in [] { relu } }", "wrong-count"), ("layers { for k in 3 { relu } }", "wrong-kind"),
    ("parallel { for k in x { relu } }", "wrong-kind"),
    ("parallel { for k in [] { rleu }; relu } -> sum", "unknown-stage"),
    ("parallel { for k in [1, 3] { conv(k, 4) -> rleu } } -> sum", "unknown-stage"),
    ("parallel { for (a, b) in [1] { relu } }", "wrong-kind"), ("for (a, b) in [(x, 3)] { relu }", "wrong-kind"),
])
def test_wrong_loops(flow: str, kind: str) -> None:
    found = [d.name for d in check_text(text(f"output x -> {flow}")) if d.severity == "error"]
    assert found[0] == kind
    assert len(found) == 1


def test_a_mistake_in_a_branch_shows_its_turn() -> None:
    flow = "parallel { for c in [3, 4] { conv(1x1, c, groups = 3) } } -> concat"
    (mistake,) = check_text(text(f"output x -> {flow}"))
    assert "with c = 4" in mistake.notes


def test_a_network_of_too_many_branches_ends() -> None:
    loop = "for a in range(999) { " * 2 + "relu" + " }" * 2
    assert wrong(text(f"output x -> parallel {{ {loop} }} -> concat"))[0] == "too-many-nodes"


def test_the_text_comes_back() -> None:
    tree = parse(Source("fpn", FPN))
    assert parse(Source("fpn", print_file(tree))) == tree
