"""What the emitted module computes, is called, and says."""

from __future__ import annotations

import ast

import pytest
import torch
from torch import fx
from torch.nn import functional as F

from archlang.emit import emit, safe
from archlang.emit.audit import FORMS, audit
from archlang.ops.values import Option
from archlang.shapes import symbol
from tests.emit.graphs import Maker
from tests.emit.networks import plain, routed, several

GRAPHS = {"plain": plain, "routed": routed, "routed3": lambda: routed(3)}


def test_the_module_computes_the_network():
    model = emit(plain()).double().eval()
    w, x = dict(model.state_dict()), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    y = F.conv2d(x, w["stem.conv.weight"], padding=1)
    y = F.batch_norm(y, w["stem.batch_norm.running_mean"], w["stem.batch_norm.running_var"]).relu()
    z = F.conv2d(F.pad(y, (2, 0, 0, 2)), w["layer1.0.conv.weight"], w["layer1.0.conv.bias"])
    y = F.linear((y + z).mean((2, 3)), w["head.linear.weight"], w["head.linear.bias"])
    torch.testing.assert_close(model(x), y, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("taps", [False, True])
def test_interpreter_equals_generated_code_bit_for_bit(graph, taps):
    model = emit(GRAPHS[graph](), taps=taps).eval()
    x = torch.randn(3, 3, 8, 8)
    one, two = fx.Interpreter(model).run(x), model(x)
    if taps:
        assert one[1].keys() == two[1].keys() and all(torch.equal(one[1][k], two[1][k]) for k in one[1])
        one, two = one[0], two[0]
    assert torch.equal(one, two)


@pytest.mark.parametrize("graph", GRAPHS)
def test_generated_code_holds_only_the_listed_forms(graph):
    model = emit(GRAPHS[graph](), taps=True)
    assert {type(node) for node in ast.walk(ast.parse(model.code))} <= set(FORMS)


@pytest.mark.parametrize("code", ["import os", "[x for x in y]", "lambda: 1", "exec('x')", "x.__class__", "f'{1}'"])
def test_other_forms_are_seen(code):
    assert audit(f"def forward(self, y):\n    x = 1\n    {code}")


def test_state_dict_names_follow_the_paths():
    assert list(emit(plain()).state_dict()) == [
        "stem.conv.weight", "stem.batch_norm.weight", "stem.batch_norm.bias", "stem.batch_norm.running_mean",
        "stem.batch_norm.running_var", "stem.batch_norm.num_batches_tracked", "layer1.0.conv.weight",
        "layer1.0.conv.bias", "head.linear.weight", "head.linear.bias"]


HOSTILE = ["nan", "inf", "torch", "forward", "class", "self", "device", "__import__", "training", "_modules", "match",
           "weight", "state_dict", "graph", "code", "archlang", "meta", "None", "device_", "T_destination"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_change_nothing_but_names(name):
    model, usual = emit(plain(name, last=name + "_")), emit(plain())
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(model(x), usual(x))
    assert next(iter(model.state_dict())) == f"{safe(name)}.conv.weight"
    assert model.code.split("\n", 5)[3].strip() == "def forward(self, image):"


def test_safe_keeps_names_apart():
    names = [n + "_" * k for n in HOSTILE for k in range(3)]
    assert len({safe(n) for n in names}) == len(set(names))
    with pytest.raises(ValueError):
        safe("a.b")


def test_hostile_inputs_change_nothing():
    make = Maker()
    x = make.input("nan", 3)
    model = emit(make.output(make.add("relu", x, "inf.relu")))
    assert torch.equal(model(torch.ones(1, 3)), torch.ones(1, 3))


def test_shared_paths_share_one_module():
    make = Maker()
    x, y = make.input("a", 3), make.input("b", 3)
    both = [make.add("linear", p, "each.shared.linear", features=3) for p in (x, y)]
    model = emit(make.output(make.add("add", both, "add")))
    assert len(list(model.parameters())) == 2
    a, b = torch.randn(2, 3), torch.randn(2, 3)
    layer = model.get_submodule("each.shared.linear")
    assert torch.equal(model(a, b), layer(a) + layer(b))


def test_several_inputs_and_outputs():
    model = emit(several())
    a, b = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    result = model(a, b)
    assert list(result) == ["logits", "aux", "whole"]
    assert torch.equal(result["whole"], a + b) and torch.equal(result["aux"], (a + b)[:, 2:])
    again = model(mask=b, image=a)
    assert torch.equal(again["aux"], result["aux"])


def test_a_main_output_without_a_name_is_called_output():
    graph = several()
    graph.bound = {}
    assert next(iter(emit(graph)(torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 8, 8)))) == "output"


def test_taps_hand_out_gates():
    model = emit(routed(3), taps=True)
    outputs, taps = model(torch.randn(5, 3, 8, 8))
    assert outputs.shape == (5, 3)
    assert list(taps) == ["trunk.route", "trunk.route_2", "head.route"]
    for gates in taps.values():
        assert gates.shape == (5, 3, 3)
        torch.testing.assert_close(gates.sum(2), torch.ones(5, 3))


def test_every_node_carries_its_place():
    model = emit(routed(), taps=True)
    for node in model.graph.nodes:
        assert node.meta["span"].startswith("small.arch:")
        assert set(node.meta["archlang"]) >= {"span", "path", "op", "frames"}
    first, *_, last = [node.meta["archlang"] for node in model.graph.nodes if node.op != "output"]
    assert first["input"] == "image" and first["span"] == "small.arch:3:3"
    assert last["path"] == "head.mean" and last["op"] == "mean"


def test_start_depends_on_seed_and_position_alone():
    first, same, renamed, other = emit(plain()), emit(plain()), emit(plain("root")), emit(plain(), seed=1)
    for a, b, c in zip(first.parameters(), same.parameters(), renamed.parameters(), strict=True):
        assert torch.equal(a, b) and torch.equal(a, c)
    assert not torch.equal(first.stem.conv.weight, other.stem.conv.weight)
    assert not torch.equal(first.layer1.get_submodule("0.conv").weight[:, :3], first.stem.conv.weight)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    emit(routed())
    assert torch.equal(torch.rand(3), wanted)


def test_init_is_applied():
    make = Maker()
    x = make.input("image", 3, 8, 8)
    init = Option("constant", "initialiser", {"value": 0.5})
    model = emit(make.output(make.add("conv", x, "a.conv", channels=2, bias=True, init=init)))
    assert torch.equal(model.a.conv.weight, torch.full((2, 3, 3, 3), 0.5)) and model.a.conv.bias.any()


def test_symbolic_sizes_are_calculated():
    height, width = symbol("H", low=4, divisor=4), symbol("W", low=4)
    make = Maker()
    x = make.input("image", 2, height, width)
    sizes = (height // 2, 4 * width)
    y = make.add("reshape", x, "y.reshape", sizes=sizes)
    odd = make.add("reshape", y, "z.reshape", sizes=(2 * height, (width + 1) // 2 + width // 2))
    model = emit(make.output(odd))
    for rows, columns in ((4, 4), (8, 5), (12, 7)):
        assert model(torch.zeros(3, 2, rows, columns)).shape == (3, 2 * rows, columns)


def test_the_record_says_what_the_model_is():
    model = emit(plain(), seed=7)
    assert model.archlang.seed == 7 and model.archlang.passes == () and model.archlang.network is None
    assert type(model).__name__ == "Small"
