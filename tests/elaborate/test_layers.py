"""Layers: stages that hold their weights once. What is shared, what is refused, and what a model of them computes."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archlang
from archlang.analysis.report import report
from archlang.diagnostics import Diagnostic
from archlang.elaborate import check_text, loads
from archlang.elaborate.network import Network
from archlang.views.compose import compose
from tests.reference.compare import check, filled

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


# --- weights, names and numbers --------------------------------------------------------------------------------------


def test_modules_are_called_by_the_layer_and_counted_once() -> None:
    net = loads(FPN)
    assert sorted(name for name, _ in archlang.compile(net).named_parameters()) == [
        "head.batch_norm.bias", "head.batch_norm.weight", "head.conv.weight", "head.conv_2.bias", "head.conv_2.weight",
    ]
    one = 2 * 9 * 8 * (8 + 3)  # FLOPs of both convolutions for one place
    assert net.parameters == 9 * 8 * 8 + 2 * 8 + 9 * 8 * 3 + 3
    assert net.flops == one * (16 * 16 + 8 * 8 + 4 * 4)


def test_each_use_of_a_block_has_a_layer_of_its_own() -> None:
    names = set(archlang.compile(loads(NESTED)).state_dict())
    assert {"outer.pair.own.conv.weight", "one.pair.own.conv.weight", "two.pair.own.conv.weight"} <= names
    assert sum(name.endswith("shared_by_all.conv.weight") for name in names) == 1


def test_a_bias_stays_unless_every_use_has_a_norm_behind_it() -> None:
    head = "  layer f = conv(3x3, 4)\n"
    everywhere = net_of(f"{head}  output x -> f -> batch_norm -> f -> batch_norm")
    somewhere = net_of(f"{head}  output x -> f -> batch_norm -> f -> relu")
    assert "f.conv.bias" not in archlang.compile(everywhere).state_dict()
    assert "f.conv.bias" in archlang.compile(somewhere).state_dict()


def test_one_layer_draws_once_whatever_the_number_of_its_uses() -> None:
    once = archlang.compile(net_of("  layer f = conv(3x3, 4)\n  output x -> f -> flatten -> linear(3)"), seed=3)
    often = archlang.compile(net_of("  layer f = conv(3x3, 4)\n  output x -> 3 * f -> flatten -> linear(3)"), seed=3)
    for name, weight in once.state_dict().items():
        assert torch.equal(weight, often.state_dict()[name])


def test_names_bound_in_two_braces_of_an_if_have_modules_of_their_own() -> None:
    branch = "if true {{ {0} = conv(3x3, 4) -> conv(1x1, 4)\n output {0} }}"
    net = net_of(f"  y = x -> {branch.format('a')} -> {branch.format('a')}\n  output y")
    check(net)
    assert net.parameters == 2 * (9 * 4 * 4 + 4 + 4 * 4 + 4)

    layers = "if true { layer f = conv(1x1, 4)\n output f -> f }"
    assert net_of(f"  output x -> {layers} -> {layers}").parameters == 2 * 20


def test_one_layer_may_have_uses_that_nothing_reads() -> None:
    net = net_of("  layer f = conv(3x3, 4) -> relu\n  _unread = x -> f\n  output x -> f")
    assert {member.count for node in net.graph for member in node.members} == {1}


# --- beside plain modules of torch -----------------------------------------------------------------------------------


class Arms(nn.Module):
    """The siamese network, its arm called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
                                   nn.Linear(64, 6))
        self.last = nn.Linear(6, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.last(self.embed(left) - self.embed(right))


class Thrice(nn.Module):
    """The recursive network, its step taken three times."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Sequential(nn.Conv2d(6, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU())
        self.last = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = x + self.step(x)
        return self.last(x.mean(dim=(2, 3)))


@pytest.mark.parametrize(("text", "peer"), [(SIAMESE, Arms()), (RECURSIVE, Thrice())])
def test_a_layer_is_a_module_that_is_called_several_times(text: str, peer: nn.Module) -> None:
    net = loads(text)
    ours, theirs = filled(archlang.compile(net)), peer.double()
    for mine, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        other.copy_(mine)

    draw = torch.Generator().manual_seed(1)
    xs = [torch.randn(3, *map(int, spec.type.dims), generator=draw, dtype=torch.float64) for spec in net.graph.inputs]
    a, b = ours(*xs), theirs(*xs)
    a.square().sum().backward()
    b.square().sum().backward()

    assert torch.allclose(a, b, rtol=0, atol=1e-9)
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(mine.grad, other.grad, rtol=1e-9, atol=1e-9), name
    # A norm that is called several times updates its statistics as often.
    for (name, mine), other in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        assert torch.allclose(mine.double(), other.double(), rtol=0, atol=1e-9), name


# --- rewriting, saving, drawing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", ["keep", "clone"])
@pytest.mark.parametrize("text", [FPN, SIAMESE, RECURSIVE, NESTED])
def test_a_fused_model_keeps_its_layers(text: str, shared: str) -> None:
    net = loads(text)
    model = filled(archlang.compile(net)).eval()
    xs = tuple(torch.randn(2, *map(int, spec.type.dims), dtype=torch.float64) for spec in net.graph.inputs)
    fused = archlang.fuse(model, xs, shared=shared)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    if shared == "keep":
        assert sum(p.numel() for p in fused.parameters()) <= net.parameters

    wanted, found = model(*xs), fused(*xs)
    if isinstance(wanted, Tensor):
        wanted, found = {"": wanted}, {"": found}
    for name in wanted:
        assert torch.allclose(found[name], wanted[name], rtol=0, atol=1e-9)


def test_a_norm_stays_where_one_use_has_another_behind_it() -> None:
    body = "  layer f = conv(3x3, 4)\n  output x -> f -> batch_norm -> relu -> f -> batch_norm -> flatten"
    model = filled(archlang.compile(net_of(body))).eval()
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64)
    kept, cloned = archlang.fuse(model), archlang.fuse(model, shared="clone")
    assert sum(isinstance(m, nn.BatchNorm2d) for m in kept.modules()) == 2
    assert not any(isinstance(m, nn.BatchNorm2d) for m in cloned.modules())
    for fused in (kept, cloned):
        assert torch.allclose(fused(x), model(x), rtol=0, atol=1e-9)


def test_a_saved_model_has_its_layer_once(tmp_path: Path) -> None:
    net = loads(RECURSIVE)
    model = filled(archlang.compile(net)).float().eval()
    archlang.save(model, tmp_path / "model.safetensors")
    again = archlang.load_model(tmp_path / "model.safetensors").eval()
    assert set(again.state_dict()) == set(model.state_dict())
    x = torch.randn(2, 6, 8, 8)
    assert torch.equal(again(x), model(x))
    assert copy.deepcopy(model)(x).equal(model(x))


def test_a_picture_shows_each_use() -> None:
    titles = [box.lines[0] for box in compose(loads(RECURSIVE).graph, depth=0).boxes]
    assert titles[1:4] == ["once (use 1 of 3)", "once (use 2 of 3)", "once (use 3 of 3)"]


def test_costs_are_told_for_each_use() -> None:
    rows = [row for row in report(loads(FPN)).paths if row.kind == "layer"]
    assert [(row.region, row.index, row.of) for row in rows] == [("head", 0, 3), ("head", 1, 3), ("head", 2, 3)]
    assert [bool(row.parameters) for row in rows] == [True, False, False]


def test_experts_in_a_layer_are_counted_at_each_use() -> None:
    rows = report(twice(STRUCTURES["experts"])).experts
    once = report(net_of(f"  layer f = {STRUCTURES['experts']}\n  output x -> f")).experts
    assert [row.pair_flops for row in rows] == [once[0].pair_flops] * 2


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("body", "name"), [
    ("  layer f = conv(3x3, 4)\n  output x -> f -> conv(1x1, 5) -> f", "shared-shapes"),
    ("  layer f = batch_norm\n  output x -> f -> conv(1x1, 5) -> f", "shared-shapes"),
    ("  layer f = linear(3)\n  output x -> flatten -> f -> f", "shared-shapes"),
    ("  layer f = if x.height > 4 { relu }\n  y = x -> f\n  layer g = f\n  output y -> g -> f", ""),
    ("  output x -> f\n  layer f = relu", "unknown-stage"),
    ("  layer f = 3\n  output x", "wrong-kind"),
    ("  layer f = [relu]\n  output x", "wrong-kind"),
    ("  layer f = x\n  output x", "tensor-is-no-stage"),
    ("  layer f = x -> relu\n  output x", "misplaced-statement"),
    ("  layer f = f\n  output x -> f", "unknown-stage"),
    ("  layer f = relu -> f\n  output x -> f", "unknown-stage"),
    ("  layer x = relu\n  output x", "already-bound"),
    ("  layer f = relu\n  output x -> residual { layer f = tanh\n output f }", "shadowed-name"),
    ("  output x -> if true { layer f = conv(1x1, 4)\n output f } -> f", "unknown-stage"),
    ("  layer f = conv(1x1, 4)\n  output x -> f as g", "already-bound"),
    ("  layer f = relu\n  output f", "stage-is-no-tensor"),
    ("  layer f = relu\n  output x -> add(f)", "stage-is-no-tensor"),
    ("  layer f = relu\n  output x -> f(3)", "not-callable"),
    ("  layer f = conv(3x3)\n  output x -> f -> f", "missing-argument"),
])
def test_mistakes(body: str, name: str) -> None:
    names = {mistake.name for mistake in mistakes(body) if mistake.severity == "error"}
    assert names == ({name} if name else set())


def test_what_nothing_uses_is_a_warning() -> None:
    (warning,) = mistakes("  layer f = conv(3x3, 4)\n  output x")
    assert (warning.name, warning.message) == ("unused-name", "the layer `f` is never used")


def test_a_wrong_use_inside_a_block_says_how_it_came_there() -> None:
    (mistake,) = mistakes("  layer f = linear(4)\n  output x -> flatten -> twice(f)", "block twice(g) = g -> g\n")
    assert mistake.name == "shared-shapes"
    assert any("twice" in note for note in mistake.notes)
