"""What is folded, what is kept and why; nothing is ever silently wrong."""

from __future__ import annotations

import copy
import inspect

import pytest
import torch
from torch import fx, nn

from archlang.diagnostics import ArchError
from archlang.elaborate import network
from archlang.emit import ArchModule, emit
from archlang.rewrite import Fold, Skip, fuse
from tests.rewrite.subjects import FOLDS, FOLDS_WITH_EXAMPLE, KEPT, conv, frozen_statistics, randomised, tied


def example(shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def assert_same(old, new, x):
    one, other = old(x), new(x)
    for a, b in zip([one] if isinstance(one, torch.Tensor) else one, [other] if isinstance(other, torch.Tensor) else
                    other, strict=True):
        assert (a - b).abs().max() <= 1e-10 * (1 + a.abs().max())


def norms(model):
    functions = [n for n in model.graph.nodes if n.target is nn.functional.batch_norm]
    return functions + [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


@pytest.mark.parametrize("name", FOLDS)
@pytest.mark.parametrize("known", [False, True])
def test_folds(name, known):
    make, shape = FOLDS[name]
    model, x = randomised(make()), example(shape)
    made = fuse(model, [x] if known else None)
    assert not norms(made) and not made.meta["report"].skipped
    assert_same(model, made, x)


@pytest.mark.parametrize("name", FOLDS_WITH_EXAMPLE)
def test_folds_with_an_example(name):
    make, shape = FOLDS_WITH_EXAMPLE[name]
    model, x = randomised(make()), example(shape)
    made = fuse(model, [x])
    assert not norms(made)
    assert_same(model, made, x)
    unknown = fuse(model)
    assert norms(unknown) and "not known without an example" in unknown.meta["report"].skipped[0].reason
    assert_same(model, unknown, x)


@pytest.mark.parametrize("name", KEPT)
def test_keeps_with_a_reason(name):
    make, shape, reason = KEPT[name]
    model, x = randomised(make()), example(shape)
    for inputs in ([x], None):
        made = fuse(model, inputs)
        report = made.meta["report"]
        assert not report.merges and report.skipped
        assert_same(model, made, x)
    assert reason in fuse(model, [x]).meta["report"].skipped[0].reason


def test_training_mode_is_refused():
    with pytest.raises(ArchError, match="not-evaluation-mode"):
        fuse(conv(4, 6, 3))


def test_a_norm_in_training_mode_is_kept():
    model = randomised(frozen_statistics())
    model[1].train()
    made = fuse(model)
    assert made.meta["report"].skipped == (Skip("1", "training-mode", "it is in training mode"),)
    assert not made.training and made.get_submodule("1").training


@pytest.mark.parametrize(("eps", "variance"), [(0.0, 0.0), (1e-5, -1.0), (1e-5, float("nan"))])
def test_statistics_without_a_finite_scale_are_kept(eps, variance):
    model = randomised(conv(4, 6, 3))
    model[1].eps = eps
    model[1].running_var[2] = variance
    made, x = fuse(model), example((2, 4, 8, 8))
    assert "finite" in made.meta["report"].skipped[0].reason
    assert torch.equal(made(x).isnan(), model(x).isnan())


@pytest.mark.parametrize("at", [0, 1])
def test_hooks_are_kept(at):
    model = randomised(conv(4, 6, 3))
    model[at].register_forward_hook(lambda module, args, result: result + 1)
    made = fuse(model)
    assert "hooks" in made.meta["report"].skipped[0].reason
    assert_same(model, made, example((2, 4, 8, 8)))


def test_hooks_on_the_whole_model_are_refused():
    model = randomised(conv(4, 6, 3))
    model.register_forward_hook(lambda module, args, result: result + 1)
    with pytest.raises(ArchError, match="unsupported-module"):
        fuse(model)


def test_control_flow_is_refused_by_name():
    class Moody(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(ArchError, match="not-traceable"):
        fuse(Moody().eval())


@pytest.mark.parametrize("name", ["plain", "tied weight", "functions", "weight norm"])
def test_the_source_stays_as_it_was(name):
    make = {**FOLDS, **FOLDS_WITH_EXAMPLE, **KEPT}[name][0]
    model = randomised(make())
    before, mode, state = copy.deepcopy(model.state_dict()), model.training, torch.get_rng_state()
    fuse(model, [example((2, 4, 8, 9))])
    assert model.training == mode and torch.equal(torch.get_rng_state(), state)
    after = model.state_dict()
    assert list(before) == list(after) and all(torch.equal(before[n], after[n]) for n in before)


def test_tied_weights_of_others_stay():
    model = randomised(tied())
    made = fuse(model)
    assert torch.equal(made.other.weight, model.other.weight) and not torch.equal(made.conv.weight, model.conv.weight)


def test_what_weights_are_stays():
    model = randomised(conv(4, 6, 3, bias=False)).float().to(memory_format=torch.channels_last)
    model[0].weight.requires_grad_(False)
    made = fuse(model).get_submodule("0")
    assert made.weight.is_contiguous(memory_format=torch.channels_last)
    assert made.weight.dtype == torch.float32 and not made.weight.requires_grad and not made.bias.requires_grad
    trained = fuse(randomised(conv(4, 6, 3, bias=False))).get_submodule("0")
    assert trained.weight.requires_grad and trained.bias.requires_grad


def test_the_meta_device_works():
    made = fuse(randomised(conv(4, 6, 3)).to("meta"))
    assert not norms(made) and made(torch.zeros(2, 4, 8, 8, device="meta", dtype=torch.float64)).shape == (2, 6, 6, 6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(dtype):
    model = randomised(conv(64, 64, 3, padding=1), seed=4)
    x = example((2, 64, 12, 12))
    half = copy.deepcopy(model).to(dtype)
    with torch.no_grad():
        truth, plain, made = model(x), half(x.to(dtype)), fuse(half)(x.to(dtype))
    assert made.dtype == dtype
    errors = [float((y.double() - truth).abs().mean() / truth.abs().mean()) for y in (plain, made)]
    assert errors[1] <= 1.5 * errors[0]


def test_a_half_convolution_before_a_full_norm():
    model = randomised(conv(4, 6, 3)).float()
    model[0].to(torch.bfloat16)
    x = example((2, 4, 8, 8)).to(torch.bfloat16)
    made = fuse(model)
    assert made(x).dtype == model(x).dtype


def test_names_after_folding():
    assert list(fuse(randomised(conv(4, 6, 3, bias=False))).state_dict()) == ["0.weight", "0.bias"]


NET = """archlang 1
network N(paths = 4) {
  let gate = cross_connection(hidden = 4)
  input image: [3, 8, 8]
  stem  = image -> conv(3x3, 4) -> batch_norm -> relu
  trunk = stem -> fork(paths, gate)
       -> each { conv(3x3, 4, padding_mode = reflect) -> batch_norm -> relu } -> route(gate)
       -> each { residual { conv_transpose(3x3, 4) -> batch_norm } -> flatten -> linear(5) -> batch_norm } -> mean
  line  = image -> reshape([3, 64]) -> conv1d(3, 4) -> batch_norm -> global_avg_pool1d -> linear(5)
  output trunk -> add(line) -> linear(2)
}
"""


@pytest.mark.parametrize("parallel", ["loop", "grouped", "auto"])
@pytest.mark.parametrize("taps", [False, True])
def test_a_compiled_file(parallel, taps):
    model = randomised(emit(network.loads(NET).graph, parallel=parallel, taps=taps))
    x = example((3, 3, 8, 8))
    made = fuse(model)
    assert isinstance(made, ArchModule) and made.archlang.passes == ("fuse",) and not norms(made)
    assert made.inputs == model.inputs and len(made.meta["report"].merges) == 14
    assert "<text>:5:" in made.meta["report"].merges[0].parts[0]
    torch.testing.assert_close(made(x), model(x), rtol=1e-10, atol=1e-10)
    assert list(made.state_dict())[:2] == ["stem.conv.weight", "stem.conv.bias"]
    with pytest.raises(ArchError, match="input-shape"):
        made(x[0])
    assert "stem.conv" in str(made.meta["report"])


def test_what_folding_gives_is_ordinary():
    model = fuse(randomised(emit(network.loads(NET).graph)))
    x = example((2, 3, 8, 8))
    wanted = model(x)
    torch.testing.assert_close(copy.deepcopy(model)(x), wanted)
    torch.testing.assert_close(torch.compile(model, backend="eager", fullgraph=True)(x), wanted)
    torch.testing.assert_close(torch.export.export(model, (x,)).module()(x), wanted)
    torch.testing.assert_close(fx.Interpreter(model).run(x), wanted, rtol=0, atol=0)
    assert inspect.signature(model.forward) == inspect.signature(emit(network.loads(NET).graph).forward)
    assert fuse(model).meta["report"].merges == ()


def test_the_pass_is_called_fuse():
    assert Fold.name == "fuse" and Fold() == Fold()
