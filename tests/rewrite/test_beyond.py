"""Beyond what other fusers do: shared convolutions cloned, calculated weights stored, norms behind concatenations and
reshapes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize, prune

import archlang
from archlang.rewrite import Fold, fuse
from tests.rewrite.branches import Affine
from tests.rewrite.harness import assert_same, assert_untouched, convolutions, example, norms, snapshot
from tests.rewrite.subjects import Flow, Functional, NormAct, Scaled, chain, conv, randomised, tied

MAP = (2, 4, 8, 9)
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def folded(model: nn.Module, shape: Any = MAP, convs: int = 1, left: int = 0, given: bool = True,
           **options: Any) -> Any:
    """Fuse with options and assert the common rules; the fused model."""
    model, x = randomised(model), example(shape)
    before = snapshot(model)
    made = fuse(model, (x,) if given else None, **options)
    assert_untouched(before, snapshot(model))
    with torch.no_grad():
        assert_same(model(x), made(x))
    assert (convolutions(made), norms(made)) == (convs, left), str(made.meta["report"])
    assert not fuse(made, (x,) if given else None, **options).meta["report"].merges
    return made


def parts(run: Any) -> nn.Module:
    return Flow(run, conv=nn.Conv2d(4, 4, 3, padding=1), norm=nn.BatchNorm2d(4), other=nn.BatchNorm2d(4))


SHARED: dict[str, tuple[Any, int]] = {
    "two norms": (lambda: parts(lambda s, x: s.norm(s.conv(x)) * s.other(s.conv(x.relu()))), 2),
    "two norms of one result": (lambda: parts(lambda s, x: (lambda y: s.norm(y) * s.other(y))(s.conv(x))), 2),
    "two norms of one result, added": (lambda: parts(lambda s, x: (lambda y: s.norm(y) + s.other(y))(s.conv(x))), 1),
    "used once more": (lambda: parts(lambda s, x: s.norm(s.conv(x)) * s.conv(x.relu())), 2),
    "read once more": (lambda: parts(lambda s, x: (lambda y: s.norm(y) * y.sigmoid())(s.conv(x))), 2),
    "an output": (lambda: parts(lambda s, x: (lambda y: (s.norm(y), y))(s.conv(x))), 2),
    "weight read": (lambda: parts(lambda s, x: s.norm(s.conv(x)) * s.conv.weight.sum()), 1),
    "behind a dropout": (lambda: parts(
        lambda s, x: (lambda y: s.norm(functional.dropout(y, 0.5, False)) * y.relu())(s.conv(x))), 2),
    "three times": (lambda: parts(lambda s, x: s.norm(s.conv(s.other(s.conv(s.conv(x)))).relu())), 3),
    "norm of several": (lambda: parts(lambda s, x: (lambda y: functional.conv2d(y[..., 1:], s.conv.weight) * (
        functional.conv2d(y, s.conv.weight)[..., 1:]))(s.norm(x))), 2),
}


@pytest.mark.parametrize("name", SHARED)
def test_shared_convolutions_are_cloned_where_that_is_allowed(name: str) -> None:
    make, convs = SHARED[name]
    left = 1 if name == "three times" else 0
    made = folded(make(), convs=convs, left=left, shared="clone")
    kept = fuse(randomised(make()), (example(MAP),))
    assert norms(kept) > left and len(list(kept.parameters())) <= len(list(made.parameters())) + 8


def test_the_same_module_under_two_names_is_cloned() -> None:
    model = Flow(lambda s, x: s.norm(s.conv(x)) * s.again(x), conv=nn.Conv2d(4, 6, 3), norm=nn.BatchNorm2d(6))
    model.again = model.conv
    folded(model, convs=2, shared="clone")


def test_tied_and_functional_weights_are_cloned() -> None:
    folded(tied(), convs=2, shared="clone")
    model = Flow(lambda s, x: s.norm(functional.conv2d(x, s.held.weight)) * functional.conv2d(x.relu(), s.held.weight),
                 held=nn.Conv2d(4, 4, 3), norm=nn.BatchNorm2d(4))
    folded(model, convs=2, shared="clone")


def test_what_is_done_in_place_is_not_done_twice() -> None:
    def run(s: Any, x: Tensor) -> Tensor:
        y = s.conv(x)
        y += 0.5
        return s.norm(y) * y.sigmoid()

    folded(parts(run), convs=2, shared="clone")  # the sum is part of the convolution before that is cloned

    def kept(s: Any, x: Tensor) -> Tensor:
        y = s.conv(x).relu()
        z = y.mul_(2)
        return s.norm(s.conv(z)) * s.other(s.conv(z)) * y.mean()

    folded(parts(kept), convs=3, shared="clone")


def test_branches_of_a_shared_convolution() -> None:
    model = parts(lambda s, x: s.norm(s.conv(x)) + x + s.other(s.conv(x)))
    folded(model, convs=1, shared="clone")


def test_a_pass_writes_its_options() -> None:
    assert str(Fold(shared="clone", parametrised="bake")) == "fuse{shared=clone,parametrised=bake}"


# --- calculated weights ----------------------------------------------------------------------------------------------


def weight_norm_of_old(module: nn.Module) -> nn.Module:
    return nn.utils.weight_norm(module)


def pruned(module: nn.Module) -> nn.Module:
    prune.random_unstructured(module, "weight", 0.5)
    prune.l1_unstructured(module, "bias", 1)
    return module


class Halved(nn.Module):
    """A parametrisation."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight / 2


def parametrised(module: nn.Module) -> nn.Module:
    parametrize.register_parametrization(module, "weight", Halved())
    return module


BAKED = {
    "weight norm": parametrizations.weight_norm, "spectral norm": parametrizations.spectral_norm,
    "old weight norm": weight_norm_of_old, "old spectral norm": nn.utils.spectral_norm, "pruned": pruned,
    "parametrised": parametrised,
}


@pytest.mark.parametrize("name", BAKED)
def test_calculated_weights_are_stored_on_request(name: str) -> None:
    def make() -> nn.Module:
        return chain(BAKED[name](nn.Conv2d(4, 6, 3)), nn.BatchNorm2d(6))

    made = folded(make(), parametrised="bake")
    assert sorted(made.state_dict()) == ["0.bias", "0.weight"]
    assert norms(fuse(randomised(make()))) == 1


@pytest.mark.parametrize("name", ["spectral norm", "old spectral norm", "weight norm", "parametrised"])
def test_what_is_calculated_in_a_training_is_not_stored(name: str) -> None:
    """A spectral norm in training mode is another at each call, and the others train on."""
    model = nn.Sequential(BAKED[name](nn.Conv2d(4, 6, 3)), nn.BatchNorm2d(6)).double().train()
    kept = fuse(model, [torch.randn(2, 4, 6, 6, dtype=torch.float64)], training="keep", parametrised="bake")
    assert sorted(kept.state_dict()) == sorted(model.state_dict())


def test_a_linear_layer_and_a_norm_with_parametrised_weights() -> None:
    norm = nn.BatchNorm1d(6)
    parametrize.register_parametrization(norm, "weight", Halved())
    model = chain(parametrizations.orthogonal(nn.Linear(6, 6)), norm).double()
    model[1].running_mean.normal_()
    model.eval()
    x = example((5, 6))
    made = fuse(model, (x,), parametrised="bake")
    assert_same(model(x), made(x))
    assert norms(made) == 0


class Standardised(nn.Conv2d):
    """A convolution whose weights have mean 0 and deviation 1 by channel, as in networks without norms."""

    def forward(self, x: Tensor) -> Tensor:
        weight = functional.batch_norm(self.weight.reshape(1, self.out_channels, -1), None, None, training=True,
                                       momentum=0.0).reshape_as(self.weight)
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


@pytest.mark.parametrize("make", [lambda: chain(Standardised(4, 6, 3), nn.BatchNorm2d(6)),
                                  lambda: chain(Scaled(4, 6, 3), nn.BatchNorm2d(6)),
                                  lambda: Functional("calculated")], ids=["standardised", "scaled", "product"])
def test_products_of_stored_tensors_are_stored_on_request(make: Any) -> None:
    made = folded(make(), parametrised="bake")
    assert all(n.op != "call_method" for n in made.graph.nodes)
    plain = fuse(randomised(make()), (example(MAP),))
    assert norms(plain) >= 1


CALCULATED = """archlang 1
network Calculated {{
  input x: [4, 9, 9]
  output x -> conv({kernel}, 6, padding = {padding}, stride = 2, groups = 2, weights = {form}) -> batch_norm
}}
"""


@pytest.mark.parametrize("form", ["standardized", "scaled", "weight_norm"])
@pytest.mark.parametrize(("kernel", "padding"), [("3x3", "same"), ("5x1", "none")])
def test_kernels_of_the_language_that_are_calculated(form: str, kernel: str, padding: str, tmp_path: Path) -> None:
    """They say why a norm stays, and are stored on request, also in a model file."""
    net = archlang.loads(CALCULATED.format(form=form, kernel=kernel, padding=padding))
    model, x = randomised(archlang.compile(net)), example((2, 4, 9, 9))
    kept = fuse(model)
    assert [skip.name for skip in kept.meta["report"].skipped] == ["calculated-weights"]

    with torch.no_grad():
        wanted = model(x)
        made = fuse(model, parametrised="bake")
        assert_same(wanted, made(x))
        assert norms(made) == 0

        archlang.save(made, tmp_path / "baked.safetensors")
        assert_same(wanted, archlang.load_model(tmp_path / "baked.safetensors").double()(x))


def test_weights_of_chance_or_of_inputs_are_not_stored() -> None:
    class Dropping(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return functional.conv2d(x, functional.dropout(self.weight, 0.5), self.bias)

    class Following(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return functional.conv2d(x, self.weight * x.mean(), self.bias)

    for kind in (Dropping, Following):
        model = randomised(chain(kind(4, 6, 3), nn.BatchNorm2d(6)))
        made, x = fuse(model, parametrised="bake"), example(MAP)
        assert norms(made) == 1
        torch.manual_seed(1)
        wanted = model(x)
        torch.manual_seed(1)
        assert_same(wanted, made(x))


# --- subclasses ------------------------------------------------------------------------------------------------------


class PlainNorm(nn.BatchNorm2d):
    """A subclass that changes nothing."""


class PlainLinear(nn.Linear):
    """Another one, with something of its own to say."""

    def describe(self) -> str:
        return "plain"


class PlainTransposed(nn.ConvTranspose2d):
    """Another one."""


class CheckedNorm(nn.BatchNorm2d):
    """Takes any rank, and says so where torch.fx cannot look."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in (2, 3, 4):
            raise ValueError("strange")


def test_subclasses_that_change_nothing_fold() -> None:
    made = folded(chain(nn.Conv2d(4, 6, 3), PlainNorm(6)), given=False)
    assert type(made.get_submodule("0")) is nn.Conv2d
    made = folded(chain(PlainTransposed(4, 6, 3), PlainNorm(6)), given=False)
    assert type(made.get_submodule("0")) is PlainTransposed
    folded(chain(PlainLinear(4, 6), nn.BatchNorm1d(6)), (5, 4))
    folded(chain(nn.Conv2d(4, 6, 3), NormAct(6)))
    model = randomised(chain(nn.Conv2d(4, 6, 3), CheckedNorm(6)))
    x = example(MAP)
    assert_same(model(x), fuse(model, (x,))(x))


# --- concatenations and reshapes -------------------------------------------------------------------------------------


def joined(run: Any, **more: nn.Module) -> nn.Module:
    parts: dict[str, nn.Module] = {"a": nn.Conv2d(4, 6, 3), "b": nn.Conv2d(4, 2, 3), "c": nn.ConvTranspose2d(4, 3, 1),
                                   "norm": nn.BatchNorm2d(8)}
    return Flow(run, **{**parts, **more})


JOINED: dict[str, tuple[Any, int, int]] = {
    "two": (lambda: joined(lambda s, x: s.norm(torch.cat([s.a(x), s.b(x)], 1))), 2, 0),
    "from the last axis": (lambda: joined(lambda s, x: s.norm(torch.concat((s.b(x), s.a(x)), dim=-3))), 2, 0),
    "nested": (lambda: joined(lambda s, x: s.norm(torch.cat([torch.cat([s.a(x), s.b(x)], 1), s.a(x.neg())], 1)),
                              norm=nn.BatchNorm2d(14)), 3, 1),
    "nested, of four": (lambda: joined(
        lambda s, x: s.norm(torch.cat([torch.cat([s.a(x), s.b(x)], 1), s.d(x), s.c(x[..., 1:-1, 1:-1])], 1)),
        norm=nn.BatchNorm2d(14), d=nn.Conv2d(4, 3, 3)), 4, 0),
    "transposed part": (lambda: joined(lambda s, x: s.norm(torch.cat([s.c(x), s.a(functional.pad(x, (1,) * 4))], 1)),
                                       norm=nn.BatchNorm2d(9)), 2, 0),
    "dropout between": (lambda: joined(lambda s, x: s.norm(torch.cat([s.drop(s.a(x)), s.b(x)], 1)),
                                       drop=nn.Dropout2d()), 2, 0),
    "a part that others read": (lambda: joined(
        lambda s, x: (lambda y: s.norm(torch.cat([y, s.b(x)], 1)) * y.mean())(s.a(x))), 2, 1),
    "a part behind an activation": (lambda: joined(lambda s, x: s.norm(torch.cat([s.a(x), s.b(x).relu()], 1))), 2, 1),
    "a part that is the input": (lambda: joined(lambda s, x: s.norm(torch.cat([s.a(x), x[..., 2:, 2:]], 1)),
                                                norm=nn.BatchNorm2d(10)), 1, 1),
    "one part twice": (lambda: joined(lambda s, x: (lambda y: s.norm(torch.cat([y, y], 1)))(s.a(x)),
                                      norm=nn.BatchNorm2d(12)), 1, 1),
    "of rows": (lambda: joined(lambda s, x: s.norm(torch.cat([s.a(x), s.a(x.relu())], 2)),
                               norm=nn.BatchNorm2d(6)), 2, 1),
    "read twice": (lambda: joined(lambda s, x: (lambda y: s.norm(y) * y)(torch.cat([s.a(x), s.b(x)], 1))), 2, 1),
    "two norms": (lambda: joined(lambda s, x: s.last(s.norm(torch.cat([s.a(x), s.b(x)], 1))), last=nn.BatchNorm2d(8)),
                  2, 0),
    "a scale by channel": (lambda: joined(lambda s, x: s.scale(torch.cat([s.a(x), s.b(x)], 1)) * 3,
                                          scale=Affine(8)), 2, 0),
}


@pytest.mark.parametrize("name", JOINED)
def test_a_norm_behind_a_concatenation(name: str) -> None:
    make, convs, left = JOINED[name]
    made = folded(make(), convs=convs, left=left)
    if left == 0:
        assert len(made.meta["report"].merges) == 1


RESHAPED: dict[str, tuple[Any, Any, int]] = {
    "positions": (lambda: Flow(lambda s, x: s.norm(s.a(x).flatten(2)), a=nn.Conv2d(4, 6, 3), norm=nn.BatchNorm1d(6)),
                  MAP, 0),
    "positions, by function": (lambda: Flow(lambda s, x: s.norm(torch.flatten(s.a(x), start_dim=2)),
                                            a=nn.Conv2d(4, 6, 3), norm=nn.BatchNorm1d(6)), MAP, 0),
    "positions of volumes": (lambda: Flow(lambda s, x: s.norm(s.a(x).flatten(2, 3)), a=nn.Conv3d(4, 6, 2),
                                          norm=nn.BatchNorm2d(6)), (2, 4, 3, 4, 3), 0),
    "tokens, as in LeViT": (lambda: Flow(lambda s, x: (lambda y: s.norm(y.flatten(0, 1)).reshape_as(y))(s.a(x)),
                                         a=nn.Linear(4, 6), norm=nn.BatchNorm1d(6)), (2, 5, 4), 0),
    "channels and positions": (lambda: Flow(lambda s, x: s.norm(s.a(x).flatten(1)), a=nn.Conv2d(4, 2, 3),
                                            norm=nn.BatchNorm1d(84)), MAP, 1),
    "samples and channels": (lambda: Flow(lambda s, x: s.norm(s.a(x).flatten(0, 1).unsqueeze(1)), a=nn.Conv2d(4, 2, 3),
                                          norm=nn.BatchNorm2d(1)), MAP, 1),
    "before a linear layer": (lambda: Flow(lambda s, x: s.a(s.norm(x.relu()).flatten(1)), a=nn.Linear(288, 5),
                                           norm=nn.BatchNorm2d(4)), MAP, 0),
    "before a linear layer, by module": (lambda: chain(nn.ReLU(), nn.BatchNorm1d(4), nn.Flatten(), nn.Linear(24, 5)),
                                         (2, 4, 6), 0),
    "flattened from elsewhere": (lambda: Flow(lambda s, x: s.a(s.norm(x.relu()).flatten(2)), a=nn.Linear(72, 5),
                                              norm=nn.BatchNorm2d(4)), MAP, 1),
    "through a concatenation": (lambda: Flow(
        lambda s, x: s.norm(torch.cat([s.a(x).flatten(2), s.b(x).flatten(2)], 1)), a=nn.Conv2d(4, 6, 3),
        b=nn.Conv2d(4, 2, 3), norm=nn.BatchNorm1d(8)), MAP, 0),
}


@pytest.mark.parametrize("name", RESHAPED)
def test_a_norm_and_a_reshape(name: str) -> None:
    make, shape, left = RESHAPED[name]
    convs = 2 if "concatenation" in name else 1
    folded(make(), shape, convs=convs, left=left)


def test_the_examples_of_functions_and_exported_graphs() -> None:
    levit = randomised(RESHAPED["tokens, as in LeViT"][0]())
    x = example((2, 5, 4))
    graph: Any = torch.export.export(levit, (x,)).module()
    made = fuse(graph)
    assert_same(levit(x), made(x))
    assert norms(made) == 0

    two = randomised(JOINED["two"][0]())
    x = example(MAP)
    made = fuse(torch.export.export(two, (x,)).module())
    assert_same(two(x), made(x))
    assert norms(made) == 0


def test_a_dense_block_folds_as_far_as_nobody_else_reads() -> None:
    """DenseNet: the norm behind a concatenation that later layers read stays; the last one of a block goes."""
    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.first, self.second = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 3, padding=1), nn.Conv2d(6, 2, 1)
            self.inner, self.last = nn.BatchNorm2d(6), nn.BatchNorm2d(2)

        def forward(self, x: Tensor) -> Tensor:
            stem = self.stem(x)
            joined = torch.cat([stem, self.first(stem)], 1)
            return torch.cat([joined, self.last(self.second(self.inner(joined).relu()))], 1)

    folded(Dense(), convs=3, left=1)


def test_a_plain_convolution_gains_nothing_from_options() -> None:
    for options in ({}, {"shared": "clone"}, {"parametrised": "bake"}):
        made = folded(conv(4, 6, 3), **options)
        assert list(made.state_dict()) == ["0.weight", "0.bias"]
