"""`parameter(...)`: a tensor of the file's own; where one may stand, how its module is called, how it is carried on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import archlang
from archlang.artefact import load_model, save
from archlang.diagnostics import ArchError
from archlang.views.compose import compose
from tests.reference.compare import filled

QUERIES = """archlang 1
let shifted = add(parameter([1, 8]) as shift)
block unit(table = parameter([6, 8], init = zeros)) {
  output in -> add(table) -> linear(8) -> shifted
}
network N {
  input x: [6, 8]
  query = parameter([3, 8], init = constant(0.5))
  fixed = parameter([3, 8], trained = false)
  y = x -> 2 * unit -> unit(parameter([1, 8]))
  output (query -> add(fixed), query -> mul(parameter([3, 8]))) -> sum -> matmul(y -> permute([features, positions]))
}
"""


def loaded(text: str) -> archlang.Network:
    return archlang.loads(text)


def test_each_use_has_weights_of_its_own_called_by_its_place() -> None:
    model = archlang.compile(loaded(QUERIES))
    named = {name: tuple(weight.shape) for name, weight in model.state_dict().items() if name.endswith(".value")}
    assert named == {
        "query.parameter.value": (3, 8), "fixed.parameter.value": (3, 8), "mul.parameter.value": (3, 8),
        "y.unit.0.parameter.value": (6, 8), "y.unit.0.shifted.add.shift.value": (1, 8),
        "y.unit.1.parameter.value": (6, 8), "y.unit.1.shifted.add.shift.value": (1, 8),
        "y.unit_2.parameter.value": (1, 8), "y.unit_2.shifted.add.shift.value": (1, 8),
    }
    assert torch.equal(model.query.parameter.value, torch.full((3, 8), 0.5))
    assert torch.equal(model.y.unit.get_submodule("1").parameter.value, torch.zeros(6, 8))
    assert dict(model.named_buffers()).keys() == {"fixed.parameter.value"}


@pytest.mark.parametrize("training", [False, True])
def test_numbers_and_gradients_are_those_of_the_formula(training: bool) -> None:
    product = "x -> reshape([1, 8]) -> matmul(w) -> flatten"
    text = f"input x: [8]\nw = parameter([8, 5])\noutput {product} -> add(parameter([5]))"
    model = filled(archlang.compile(loaded(f"archlang 1\nnetwork N {{ {text} }}"))).train(training)
    x = torch.randn(4, 8, dtype=torch.float64, requires_grad=True)
    weight, bias = model.w.parameter.value, model.add.parameter.value
    made, expected = model(x), x @ weight + bias
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-9)

    loss = torch.randn_like(made)
    got = torch.autograd.grad((made * loss).sum(), [x, weight, bias])
    wanted = torch.autograd.grad((expected * loss).sum(), [x, weight, bias])
    for one, two in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-9)


def test_saved_fused_and_exported_models_agree(tmp_path: Path) -> None:
    model = archlang.compile(loaded(QUERIES)).eval()
    x = torch.randn(5, 6, 8)
    expected = model(x)
    save(model, tmp_path / "model.archmodel")
    assert torch.equal(load_model(tmp_path / "model.archmodel")(x), expected)
    torch.testing.assert_close(archlang.fuse(model)(x), expected)

    exported = torch.export.export(model, (x[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(exported.module()(x), expected)


def test_it_is_drawn_without_arrows_to_it_and_counted() -> None:
    net = loaded(QUERIES)
    picture = compose(net.graph, 9)
    own = [box.id for box in picture.boxes if any(line.startswith("parameter") for line in box.lines)]
    assert own and not {arrow.head for arrow in picture.arrows} & set(own)
    assert set(own) <= {arrow.tail for arrow in picture.arrows}
    assert net.parameters == 3 * 8 * 2 + 2 * 48 + 8 + 3 * (72 + 8)
    assert net.buffers == 24


def test_rows_are_those_of_the_patches_and_of_an_experts_rows() -> None:
    text = """input x: [4, 8, 8]
      y = x -> patches(4x4, stride = 4x4) -> experts(3, cosine_router(flatten -> linear(3), keep = hard)) {
        own = parameter([4, 4, 4]); output in -> conv(3x3, 4) -> mul(own) }
      output y -> unpatch"""
    model = archlang.compile(loaded(f"archlang 1\nnetwork N {{ {text} }}"))
    for training in (False, True):
        assert model.train(training)(torch.randn(3, 4, 8, 8)).shape == (3, 4, 8, 8)


def test_a_reader_of_rows_alone_leaves_a_bias_to_the_norm() -> None:
    text = """block unit { own = parameter([4]); output in -> batch_norm -> add(own) }
      network N { input x: [4, 8, 8]
      output x -> patches(4x4, stride = 4x4) -> shared { conv(3x3, 4) -> unit } -> unpatch }"""
    model = archlang.compile(loaded(f"archlang 1\n{text}"))
    assert not [name for name in model.state_dict() if name.endswith("conv.bias")]


@pytest.mark.parametrize(("text", "mistake"), [
    ("let p = parameter([8])\nnetwork N { input x: [8]\noutput x -> add(p) }", "wrong-kind"),
    ("network N { input x: [8]\nlet p = parameter([8])\noutput x -> add(p) }", "wrong-kind"),
    ("network N { input x: [8]\noutput x -> parameter([8]) }", "tensor-is-no-stage"),
    ("network N { input x: [8]\noutput x -> 2 * parameter([8]) }", "wrong-kind"),
    ("network N { input x: [8]\noutput x -> add(parameter) }", "missing-argument"),
    ("network N { input x: [8]\noutput x -> add(parameter(8)) }", "wrong-kind"),
    ("network N { input x: [8]\noutput x -> add(parameter([8.0])) }", "wrong-kind"),
    ("network N { input x: [8]\noutput x -> add(parameter([-1])) }", "out-of-range"),
    ("network N { input x: [8]\noutput x -> add(parameter([8]) { relu }) }", "needless-body"),
    ("network N { input x: [8]\noutput x -> add(parameter([8], init = relu)) }", "unknown-word"),
    ("network N { input x: [H]\noutput x -> add(parameter([H])) }", "symbolic-parameters"),
    ("network N { input x: [8]\noutput x -> add(parameter([7])) }", "shape-mismatch"),
    ("network N { input x: [8]\noutput x -> add(parameter([100000, 100000])) }", "shape-mismatch"),
    ("network N { input x: [8]\noutput parameter([100000, 100000]) }", "too-many-parameters"),
    ("network N { output parameter([8]) }", "missing-input"),
    ("network N(p = parameter([8])) { input x: [8]\noutput x -> add(p) }", "bad-dial"),
    ("network N { input x: [8]\noutput x -> linear(parameter([8])) }", "wrong-kind"),
    ("network N { input x: [8]\noutput x -> linear(parameter([8]).features) }", "unknown-field"),
    ("network N { input x: [8]\noutput x -> linear(8) }\ntrain { loss = mse(parameter([8]), label) }", "wrong-kind"),
])
def test_where_none_may_stand(text: str, mistake: str) -> None:
    with pytest.raises(ArchError) as caught:
        loaded(f"archlang 1\n{text}")
    names = [found.name for found in caught.value.diagnostics if found.severity == "error"]
    assert mistake in names, caught.value.diagnostics
