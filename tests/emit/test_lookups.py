"""Modules that are read often have a name in the code: the same results, from the weights of the moment."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import fx, nn

import archlang
from archlang.elaborate import loads
from archlang.emit import emit
from archlang.emit.lookups import MANY, with_lookups, written

MEMBERS = """archlang 1
network N {
  input image: [2, 4, 4]
  output image -> fork(9) -> each { conv(3x3, 3) -> batch_norm -> relu -> conv(1x1, 2) } -> sum
}
"""


def model(parallel="grouped"):
    return emit(loads(MEMBERS).graph, parallel=parallel).double().eval()


def image():
    return torch.randn(3, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_results_are_those_of_the_loop():
    ours, loop = model(), model("loop")
    assert sum(node.op == "get_attr" for node in ours.graph.nodes) >= MANY
    assert "part_0 = " in ours.code and "part_0" not in loop.code
    torch.testing.assert_close(ours(image()), loop(image()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_read_their_own_weights(again):
    ours = model()
    before, twin = ours(image()), again(ours)
    assert twin.code == ours.code
    with torch.no_grad():
        for weight in twin.parameters():
            weight.zero_()
    assert not twin(image()).any() and torch.equal(ours(image()), before)


def test_weights_and_modules_that_are_exchanged_count_at_once():
    ours, loop = model(), model("loop")
    for one in (ours, loop):
        one(image())
        (name, _), *_ = [(n, m) for n, m in one.named_modules() if isinstance(m, nn.Conv2d)]
        other = nn.Conv2d(2, 3, 3, padding=1, bias=False).double()
        nn.init.constant_(other.weight, 0.5)
        one.set_submodule(name, other)
        (*_, last) = [m for m in one.modules() if isinstance(m, nn.Conv2d)]
        last.weight.data = torch.ones_like(last.weight)
    torch.testing.assert_close(ours(image()), loop(image()), rtol=1e-12, atol=1e-12)


def test_a_file_holds_such_a_network(tmp_path):
    """Whether the code is that of the graph is looked at before a model is saved; an edited one is still refused."""
    ours = archlang.compile(archlang.loads(MEMBERS), parallel="grouped").eval()
    archlang.save(ours, tmp_path / "m.safetensors")
    again, x = archlang.load_model(tmp_path / "m.safetensors").eval(), image().float()
    torch.testing.assert_close(again(x), ours(x))

    type(ours).forward = lambda self, x: x
    with pytest.raises(archlang.ArchError, match="its `forward` is not the one"):
        archlang.save(ours, tmp_path / "other.safetensors")


def test_a_line_that_fails_is_still_named():
    """Both a call, and the look-up of a module that is not there any more."""
    ours = model()
    ours.get_submodule(next(n for n, m in ours.named_modules() if isinstance(m, nn.ReLU))).forward = None
    with pytest.raises(TypeError, match=r"in `relu` \(each"):
        ours(image())

    ours = model()
    delattr(ours.get_submodule("each"), "8")
    with pytest.raises(AttributeError, match=r"in `\w+` \(each\.8"):
        ours(image())


def test_names_of_nodes_are_not_taken_and_strange_names_stay_as_torch_writes_them():
    root = nn.Module()
    root.add_module("0", nn.ModuleDict({"a-b": nn.ModuleDict({str(i): nn.Linear(1, 1) for i in range(MANY)})}))
    graph = fx.Graph()
    total = graph.placeholder("part_0")
    for i in range(MANY):
        for kind in ("weight", "bias"):
            total = graph.call_function(torch.add, (total, graph.create_node("get_attr", f"0.a-b.{i}.{kind}")))
    graph.output(total)
    plain = fx.GraphModule(root, graph)
    x = torch.randn(2, 1)
    expected, code = plain(x), plain.code

    with graph.on_generate_code(lambda _: with_lookups(graph)):
        plain.recompile()
    assert plain.code != code and "    part_0 = " not in plain.code
    given = [line.split(" = ")[0] for line in plain.code.splitlines() if line.startswith("    part_")]
    assert len(given) == len(set(given)) == MANY + 1
    assert plain.code.count('"a-b"') == 1 and plain.code.count(f'"{MANY - 1}"') == 1
    assert torch.equal(plain(x), expected)
    assert written("self", ("a", "0")) == 'getattr(self.a, "0")'
