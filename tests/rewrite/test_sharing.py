"""Conformance, parts C to E: sharing, the state of modules, numbers and what is kept of them."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune

from archlang.diagnostics import ArchError
from archlang.rewrite import fuse, verify
from archlang.rewrite.verify import verify_nodes
from tests.rewrite.branches import Total, block
from tests.rewrite.harness import assert_same, check, example, norms
from tests.rewrite.subjects import Flow, NormAct, Same, Scaled, Twice, chain, conv, randomised, tied

MAP = (2, 4, 8, 9)


def torch_fuse(model):
    """torch's own fusion, whose import warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.fx.experimental.optimization import fuse as theirs
    return theirs(model)


def parts(run):
    return Flow(run, conv=nn.Conv2d(4, 4, 3, padding=1), norm=nn.BatchNorm2d(4), other=nn.BatchNorm2d(4))


def test_case_44_conv_shared_with_its_norm():
    check(parts(lambda s, x: s.norm(s.conv(s.norm(s.conv(x)).relu()))), MAP, convs=2)


def test_a_shared_pair_right_behind_itself():
    model = parts(lambda s, x: s.norm(s.conv(s.norm(s.conv(s.norm(s.conv(x)))))))
    check(model, MAP, convs=3)
    cloned = fuse(copy.deepcopy(model).eval(), shared="clone")
    assert sum(p.numel() for p in cloned.parameters()) == 4 * 4 * 9 + 4  # one convolution with a bias is enough


def test_case_45_conv_shared_by_two_norms():
    model = parts(lambda s, x: s.norm(s.conv(x)) * s.other(s.conv(x.relu())))
    check(model, MAP, convs=2, left=2, reasons=["shared"])
    wrong = torch_fuse(model)
    x = example(MAP)
    assert (wrong(x) - model(x)).abs().max() > 1e-3
    bare = parts(lambda s, x: s.norm(s.conv(x)) * s.conv(x.relu()))
    check(bare, MAP, convs=2, left=1, reasons=["shared"])
    assert (torch_fuse(bare)(x) - bare(x)).abs().max() > 1e-3


def test_case_46_one_module_under_two_names():
    model = Flow(lambda s, x: s.norm(s.conv(x)) * s.again(x), conv=nn.Conv2d(4, 6, 3), norm=nn.BatchNorm2d(6))
    model.again = model.conv
    check(model, MAP, convs=2, left=1, reasons=["shared"])


def test_case_47_norm_shared_by_two_convs():
    check(Flow(lambda s, x: s.norm(s.a(x)) * s.norm(s.b(x)), a=nn.Conv2d(4, 6, 3), b=nn.Conv2d(4, 6, 3),
               norm=nn.BatchNorm2d(6)), MAP, convs=2)


def test_case_48_result_read_elsewhere():
    check(parts(lambda s, x: (lambda y: s.norm(y) * y)(s.conv(x))), MAP, left=1, reasons=["read-elsewhere"])
    check(parts(lambda s, x: (lambda y: (s.norm(y), y))(s.conv(x))), MAP, left=1, reasons=["read-elsewhere"])


def test_case_49_tied_parameter():
    check(tied(), MAP, convs=2)
    model = Flow(lambda s, x: functional.conv2d(s.norm(functional.conv2d(x, s.held.weight)), s.held.weight),
                 held=nn.Conv2d(4, 4, 3), norm=nn.BatchNorm2d(4))
    check(model, MAP, convs=2, left=1, known=True, reasons=["shared"])


def test_case_50_weight_read():
    check(parts(lambda s, x: s.norm(s.conv(x)) * s.conv.weight.sum()), MAP, left=1, reasons=["shared"])


def test_case_51_training_mode_is_refused_by_name():
    for model in (conv(4, 6, 3), nn.Sequential(nn.Conv2d(4, 6, 3))):
        with pytest.raises(ArchError, match="not-evaluation-mode"):
            fuse(model)
    with pytest.raises(ArchError, match="`1` \\(BatchNorm2d\\)"):
        fuse(conv(4, 6, 3))


def test_case_52_and_53_one_norm_in_another_mode():
    model = randomised(chain(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.BatchNorm2d(4)))
    model[1].train()
    made = fuse(model)
    assert norms(made) == 1 and made.get_submodule("1").training
    model.train()
    model[4].eval()
    with pytest.raises(ArchError, match="not-evaluation-mode"):
        fuse(model)
    made = fuse(model, training="keep")
    assert norms(made) == 1 and made.training and {s.name for s in made.meta["report"].skipped} == {"training-mode"}


def test_case_54_hooks_and_parametrisations():
    def hooked(at, how):
        model = randomised(conv(4, 6, 3))
        if how == "pre":
            model[at].register_forward_pre_hook(lambda module, args: (args[0] + 1,))
        elif how == "backward":
            model[at].register_full_backward_hook(lambda module, ingoing, outgoing: None)
        else:
            model[at].register_forward_hook(lambda module, args, result: result + 1)
        return model

    for at in (0, 1):
        for how in ("forward", "pre", "backward"):
            check(hooked(at, how), MAP, left=1, reasons=["hooks"], prepared=True)
    for wrap in (parametrizations.weight_norm, parametrizations.spectral_norm):
        check(chain(wrap(nn.Conv2d(4, 6, 3)), nn.BatchNorm2d(6)), MAP, left=1, reasons=["parametrised"])
    pruned = nn.Conv2d(4, 6, 3)
    prune.random_unstructured(pruned, "weight", 0.5)
    check(chain(pruned, nn.BatchNorm2d(6)), MAP, left=1, reasons=["hooks"])


def test_case_55_subclasses():
    check(chain(Same(4, 6, 3), nn.BatchNorm2d(6)), MAP)
    check(chain(Twice(4, 6, 3), nn.BatchNorm2d(6)), MAP)
    check(chain(Scaled(4, 6, 3), nn.BatchNorm2d(6)), MAP, left=1, known=True)
    check(chain(nn.Conv2d(4, 6, 3), NormAct(6)), MAP, known=True)


def test_case_56_control_flow_is_named():
    class Moody(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(ArchError) as caught:
        fuse(nn.Sequential(nn.Conv2d(4, 6, 3), Moody()).eval())
    text = str(caught.value)
    assert "not-traceable" in text and "`1`" in text and "test_sharing.py" in text and "if x.sum() > 0" in text


def test_case_57_strange_modules():
    lazy = chain(nn.LazyConv2d(6, 3), nn.BatchNorm2d(6)).eval()
    assert {s.name for s in fuse(lazy).meta["report"].skipped} == {"no-weights-yet"}
    made = fuse(randomised(conv(4, 6, 3)).to("meta"))
    assert norms(made) == 0 and made(torch.zeros(MAP, device="meta", dtype=torch.float64)).shape == (2, 6, 6, 7)
    qat = torch.ao.nn.qat.Conv2d(4, 6, 3, qconfig=torch.ao.quantization.get_default_qat_qconfig("x86"))
    made = fuse(chain(qat, nn.BatchNorm2d(6)).eval())
    assert {s.name for s in made.meta["report"].skipped} <= {"own-class", "no-contraction"} and norms(made) == 1


@pytest.mark.parametrize(("eps", "variance"), [(1e-5, 0.0), (1e-8, 1e-10), (0.0, 0.0), (1e-5, -1.0)])
def test_case_58_strange_variances(eps, variance):
    model = randomised(conv(4, 6, 3))
    model[1].eps, model[1].running_var[2] = eps, variance
    made, x = fuse(model), example(MAP)
    one, other = model(x), made(x)
    assert torch.equal(one.isfinite(), other.isfinite()) and torch.equal(one.isnan(), other.isnan())
    assert bool(norms(made)) == (variance + eps <= 0)
    assert_same(one[one.isfinite()], other[other.isfinite()])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_case_59_half_precision(dtype):
    for model in (conv(64, 64, 3, padding=1), Total(block((64, 64), 3), block((64, 64), 1), nn.BatchNorm2d(64))):
        randomised(model, seed=4)
        half, x = copy.deepcopy(model).to(dtype), example((2, 64, 12, 12))
        with torch.no_grad():
            truth, plain, made = model(x), half(x.to(dtype)), fuse(half)(x.to(dtype))
        errors = [float((y.double() - truth).abs().mean() / truth.abs().mean()) for y in (plain, made)]
        assert made.dtype == dtype and errors[1] <= 1.5 * errors[0]


def test_case_60_mixed_dtypes():
    model = randomised(conv(4, 6, 3)).float()
    model[0].to(torch.bfloat16)
    x = example(MAP).to(torch.bfloat16)
    made = fuse(model)
    assert norms(made) == 0 and made(x).dtype == model(x).dtype == torch.bfloat16


def test_case_61_what_weights_are_stays():
    model = randomised(Total(block((4, 6), 3), block((4, 6), 1))).float().to(memory_format=torch.channels_last)
    made = fuse(model).get_submodule("parts.0.0")
    assert made.weight.is_contiguous(memory_format=torch.channels_last) and made.weight.dtype == torch.float32
    assert made.weight.requires_grad and made.bias.requires_grad
    frozen = fuse(model.requires_grad_(False)).get_submodule("parts.0.0")
    assert not frozen.weight.requires_grad and not frozen.bias.requires_grad


def test_case_62_an_ordinary_module():
    class Asking(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = Total(block((4, 4), 3), block((4, 4), 1), nn.BatchNorm2d(4))

        def forward(self, x, shift=0.5):
            return self.body(x).relu() + shift

    model, x = randomised(Asking()), example(MAP)
    made = check(model, MAP, prepared=True)
    assert inspect.signature(made.forward).parameters["shift"].default == 0.5
    assert list(made.state_dict()) == ["body.parts.0.0.weight", "body.parts.0.0.bias"]
    for twin in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), torch.compile(made, backend="eager"),
                 torch.export.export(made, (x,)).module()):
        assert_same(made(x), twin(x))


def test_verify_measures_every_fused_node():
    model, x = randomised(nn.Sequential(Total(block((4, 4), 3), block((4, 4), 1)), nn.ReLU(), *conv(4, 6, 3))), \
        example(MAP)
    made = fuse(model)
    found = verify_nodes(model, made, [x])
    assert set(found) == {"0.parts.0.0", "2"} and max(found.values()) < 1e-12
    with torch.no_grad():
        made.get_submodule("2").bias[1] += 1e-3
    found = verify_nodes(model, made, [x])
    assert found["2"] == pytest.approx(1e-3) and found["0.parts.0.0"] < 1e-12
    assert not verify(model, made, [x]).equal
