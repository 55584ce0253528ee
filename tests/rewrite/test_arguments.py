"""Every argument of every call that fusion models: listed by torch's own signature, and changed one by one."""

from __future__ import annotations

import copy
import inspect
import operator
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import archlang.rewrite.calls as calls
import archlang.rewrite.reading as reading
from archlang.rewrite import REASONS, fuse
from archlang.rewrite.arguments import IGNORED, parameters
from archlang.rewrite.report import Obstacle
from tests.rewrite.harness import assert_same, convolutions, example, norms
from tests.rewrite.subjects import randomised

FAMILIES: dict[str, tuple[set[Any], tuple[str, ...]]] = {
    "convolutions": ({*calls.CONVOLUTIONS, *calls.TRANSPOSED}, ("input", *reading.CONVOLUTION)),
    "pools": (set(calls.POOLS), ("input", *reading.POOL)),
    "norms": (calls.NORMS, ("input", *reading.NORM)),
    "pads": (set(calls.PADS), ("input", *reading.PAD)),
    "dropouts": (calls.DROPOUTS, ("input", *reading.DROPOUT)),
    "slices": ({calls.SLICE}, ("input", *reading.CUT)),
    "sums and products": ({*calls.SUMS, *calls.PRODUCTS}, ("input", "other", "alpha")),
    "concatenations": (calls.CONCATENATIONS, ("tensors", "dim")),
    "flattenings": (calls.FLATTENS, ("input", "start", "end")),
}
KNOWN_AND_REFUSED = {
    "out": "the result is written elsewhere", "rounding_mode": "the quotient is rounded",
    "a": "of plain numbers alone", "b": "of plain numbers alone", "l": "of lists", "n": "of lists",
}
"""Arguments that are not read: a call that gives one is not touched."""


def called(target: Any) -> str:
    """A name that is the same in every process: no address of an object stands in it."""
    if isinstance(target, str):
        return target
    return f"{getattr(target, '__module__', '')}.{getattr(target, '__name__', target)}"


@pytest.mark.parametrize(("family", "target"), [
    (family, target) for family, (targets, _) in FAMILIES.items() for target in sorted(targets, key=called)
], ids=lambda value: called(value)[:60])
def test_every_argument_is_read_or_known(family: str, target: Any) -> None:
    read = {*FAMILIES[family][1], *IGNORED}
    if getattr(target, "__module__", "") == "_operator":
        assert [p.name for p in parameters(target)] == ["a", "b"]  # two operands, nothing else
        return
    names = [p.name for p in parameters(target)]
    assert names and set(names) <= read | set(KNOWN_AND_REFUSED), f"{called(target)} has grown an argument"


def test_signatures_are_those_that_torch_declares() -> None:
    for target in calls.DROPOUTS:
        if inspect.isfunction(target):
            declared = inspect.signature(target).parameters
            assert [p.default for p in parameters(target)] == [p.default for p in declared.values()]
    with pytest.raises(Obstacle):
        parameters(iter)


# --- functions -------------------------------------------------------------------------------------------------------


class Calling(nn.Module):
    """A call between a convolution and a norm, with stored weights of several forms at hand."""

    def __init__(self, run: Callable[[Calling, Tensor], Any], behind: nn.Module | None = None) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)

        def drawn(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator))

        self.run = run
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.behind = nn.BatchNorm2d(4) if behind is None else behind
        self.weight, self.grouped, self.bias = drawn(4, 4, 3, 3), drawn(4, 2, 3, 3), drawn(4)
        self.vector, self.matrix, self.channels, self.square = drawn(8), drawn(8, 8), drawn(4, 1, 1), drawn(8, 8)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def statistics(m: Any) -> dict[str, Tensor]:
    return {"running_mean": m.norm.running_mean, "running_var": m.norm.running_var}


F = functional
FUNCTIONS: dict[str, Callable[[Any, Tensor], Any]] = {
    # convolutions
    "conv stride": lambda m, x: m.behind(F.conv2d(x, m.weight, m.bias, 2)),
    "conv stride by name": lambda m, x: m.behind(F.conv2d(input=x, weight=m.weight, stride=(2, 1))),
    "conv padding": lambda m, x: m.behind(F.conv2d(x, m.weight, None, 1, (2, 0))),
    "conv same": lambda m, x: m.behind(F.conv2d(x, m.weight, padding="same")),
    "conv valid": lambda m, x: m.behind(F.conv2d(x, m.weight, padding="valid")),
    "conv dilation": lambda m, x: m.behind(F.conv2d(x, m.weight, dilation=2, padding=1)),
    "conv groups": lambda m, x: m.behind(F.conv2d(x, m.grouped, groups=2)),
    "conv groups of a tensor": lambda m, x: m.behind(F.conv2d(x, m.weight[:, :1], groups=x.shape[1])),
    "conv stride of a tensor": lambda m, x: m.behind(F.conv2d(x, m.weight, stride=x.shape[1] // 2)),
    "conv padding of a tensor": lambda m, x: m.behind(F.conv2d(x, m.weight, padding=(x.shape[1] // 4, 1))),
    "conv dilation of a tensor": lambda m, x: m.behind(F.conv2d(x, m.weight, dilation=x.shape[1] // 2)),
    "conv of a calculated bias": lambda m, x: m.behind(F.conv2d(x, m.weight, m.bias * x.mean())),
    "transposed": lambda m, x: m.behind(F.conv_transpose2d(x, m.weight, m.bias, 2, 1, 1)),
    "transposed output padding by name": lambda m, x: m.behind(
        F.conv_transpose2d(x, m.weight, stride=3, output_padding=(1, 2))),
    "transposed groups": lambda m, x: m.behind(F.conv_transpose2d(x, m.grouped.transpose(0, 1)[:1].reshape(4, 1, 3, 3),
                                                                  groups=4)),
    "transposed groups stored": lambda m, x: m.behind(F.conv_transpose2d(x, m.weight, None, 1, 0, 0, 1, 2)),
    "linear of a vector": lambda m, x: F.linear(m.conv(x), m.vector).mean(),
    "linear of a vector, then a norm": lambda m, x: m.norm(F.linear(x, m.vector).unsqueeze(1).expand(-1, 4, -1, -1)),
    "linear of a matrix": lambda m, x: F.linear(F.linear(x, m.matrix, m.vector), m.matrix),
    "linear of one bias": lambda m, x: F.linear(F.linear(x, m.matrix), m.matrix, m.vector[:1]),
    # norms
    "batch norm eps": lambda m, x: F.batch_norm(m.conv(x), **statistics(m), eps=0.5),
    "batch norm weight alone": lambda m, x: F.batch_norm(m.conv(x), **statistics(m), weight=m.bias),
    "batch norm bias alone": lambda m, x: F.batch_norm(m.conv(x), **statistics(m), bias=m.bias),
    "batch norm momentum": lambda m, x: F.batch_norm(m.conv(x), **statistics(m), momentum=0.7),
    "batch norm training": lambda m, x: F.batch_norm(m.conv(x), None, None, m.bias, None, True),
    "batch norm eps calculated": lambda m, x: F.batch_norm(m.conv(x), **statistics(m), eps=x.shape[1] / 8),
    "torch batch norm": lambda m, x: torch.batch_norm(
        m.conv(x), m.bias, None, m.norm.running_mean, m.norm.running_var, False, 0.1, 1e-2, True),
    "instance norm of stored": lambda m, x: F.instance_norm(m.conv(x), **statistics(m), use_input_stats=False),
    "instance norm of its own": lambda m, x: F.instance_norm(m.conv(x), **statistics(m)),
    # pools
    "pool": lambda m, x: m.conv(F.avg_pool2d(x, 2)),
    "pool stride": lambda m, x: m.conv(F.avg_pool2d(x, 3, 1)),
    "pool no stride": lambda m, x: m.conv(F.avg_pool2d(x, kernel_size=3, stride=None)),
    "pool padding": lambda m, x: m.conv(F.avg_pool2d(x, 3, 2, 1)),
    "pool ceil": lambda m, x: F.avg_pool2d(m.norm(x), 3, 2, ceil_mode=True) + x[..., :4, :4],
    "pool ceil beside": lambda m, x: F.avg_pool2d(x, 3, 2, 0, True) + F.conv2d(x, m.weight, stride=2, padding=1),
    "pool ceil and padding beside": lambda m, x: F.avg_pool2d(x, 2, 2, 1, True) + F.conv2d(
        x, m.weight, stride=2, padding=2),
    "pool counts": lambda m, x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False) + F.conv2d(x, m.weight, padding=1),
    "pool divisor": lambda m, x: F.avg_pool2d(x, 3, 1, 1, divisor_override=4) + F.conv2d(x, m.weight, padding=1),
    "pool divisor, counts": lambda m, x: F.avg_pool2d(x, 3, 1, 1, False, False, 4) + F.conv2d(x, m.weight, padding=1),
    "pool size of a tensor": lambda m, x: F.avg_pool2d(x, x.shape[1] - 1, 1, 1) + F.conv2d(x, m.weight, padding=1),
    # paddings and cuts
    "pad value": lambda m, x: m.conv(F.pad(x, (1, 1, 1, 1), value=3.0)),
    "pad value zero": lambda m, x: F.conv2d(F.pad(x, (1, 2, 0, 1), value=0.0), m.weight),
    "pad mode": lambda m, x: F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), m.weight),
    "pad mode by name": lambda m, x: F.conv2d(F.pad(x, pad=(1, 1, 1, 1), mode="replicate"), m.weight),
    "pad of channels": lambda m, x: m.conv(F.pad(x, (0, 0, 0, 0, 1, -1))),
    "pad of a tensor": lambda m, x: F.conv2d(F.pad(x, (x.shape[1], 0, 0, 0)), m.weight),
    "cut": lambda m, x: F.conv2d(x[:, :, 1:-2], m.weight),
    "cut from the end": lambda m, x: F.conv2d(x[..., -5:], m.weight),
    "cut with steps": lambda m, x: F.conv2d(x[..., 1::2], m.weight),
    "cut to a place": lambda m, x: F.conv2d(x[:, :, :5, 1:], m.weight),
    "cut of channels": lambda m, x: m.norm(torch.cat([m.conv(x)[:, 1:], x[:, :1]], 1)),
    "cut of samples": lambda m, x: m.norm(m.conv(x[1:])),
    # sums and products
    "add alpha": lambda m, x: torch.add(m.conv(x), m.channels, alpha=3),
    "add alpha of a tensor": lambda m, x: torch.add(m.conv(x), m.channels, alpha=x.shape[1]),
    "method add alpha": lambda m, x: m.conv(x).add(m.channels, alpha=-2),
    "sub alpha": lambda m, x: m.conv(x).sub(m.channels, alpha=0.5),
    "constant minus": lambda m, x: torch.sub(m.channels, m.conv(x), alpha=2),
    "sum alpha": lambda m, x: torch.add(m.conv(x), F.conv2d(x, m.weight, padding=1), alpha=-3),
    "div": lambda m, x: torch.div(m.conv(x), m.channels),
    "div rounding": lambda m, x: torch.div(m.conv(x), 0.1, rounding_mode="floor"),
    "method div rounding": lambda m, x: m.conv(x).div(m.channels, rounding_mode="trunc"),
    "div by zero": lambda m, x: torch.nan_to_num(m.conv(x) / 0),
    "constant over": lambda m, x: m.channels / m.conv(x),
    "mul by one number": lambda m, x: m.conv(x) * m.bias[0],
    "mul by position": lambda m, x: m.conv(x) * m.vector,
    "mul by map": lambda m, x: m.conv(x) * m.square,
    "mul by another rank": lambda m, x: m.conv(x) * m.channels.view(1, 1, 4, 1, 1)[:, 0],
    "mul makes an axis": lambda m, x: m.conv(x) * m.bias[:1].view(1, 1, 1, 1, 1),
    "mul by truth": lambda m, x: m.conv(x) * True,
    "huge number": lambda m, x: torch.nan_to_num(m.conv(x) * 1e300 * 1e300),
    "neg": lambda m, x: torch.neg(input=m.conv(x)),
    "builtin sum from": lambda m, x: sum([m.conv(x), F.conv2d(x, m.weight, padding=1)], start=m.channels),
    # dropouts
    "dropout off": lambda m, x: m.norm(F.dropout(m.conv(x), 0.5, False)),
    "dropout by name": lambda m, x: m.norm(F.dropout2d(m.conv(x), training=False, p=0.3)),
    "dropout of nothing": lambda m, x: m.norm(F.dropout(m.conv(x), 0.0)),
    "alpha dropout": lambda m, x: m.norm(F.alpha_dropout(m.conv(x))),
    # concatenations and flattenings
    "cat": lambda m, x: m.behind(torch.cat([m.conv(x)[:, :0], m.conv(x)], 1)),
    "cat of rows": lambda m, x: m.norm(torch.cat([m.conv(x), F.conv2d(x, m.weight, padding=1)], 2)),
    "cat by name": lambda m, x: m.norm(torch.cat(tensors=[m.conv(x), F.conv2d(x, m.weight, padding=1)], dim=-1)),
    "cat of samples": lambda m, x: m.norm(torch.cat([m.conv(x), F.conv2d(x, m.weight, padding=1)])),
    "flatten": lambda m, x: F.linear(m.norm(x)[..., :6, :6].flatten(1), m.weight.reshape(1, -1)).sum() + x,
    "flatten of samples": lambda m, x: m.norm(m.conv(x)).flatten(0, 1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_with_its_arguments(name: str) -> None:
    model = randomised(Calling(FUNCTIONS[name]))
    x = example((2, 4, 8, 8))
    wanted = model(x)
    for given in (None, (x,)):
        made = fuse(model, given)
        assert_same(wanted, made(x))
        assert {s.name for s in made.meta["report"].skipped} <= set(REASONS)


FOLDED = {"conv stride", "conv stride by name", "conv padding", "conv same", "conv valid", "conv dilation",
          "conv groups", "transposed", "transposed output padding by name", "transposed groups stored",
          "batch norm eps", "batch norm weight alone", "batch norm bias alone", "batch norm momentum",
          "torch batch norm", "instance norm of stored", "dropout off", "dropout by name", "dropout of nothing",
          "alpha dropout"}
"""Calls whose norm must fold, so that reading everything is not bought with refusing everything."""


@pytest.mark.parametrize("name", sorted(FOLDED))
def test_a_function_folds(name: str) -> None:
    assert norms(fuse(randomised(Calling(FUNCTIONS[name])), (example((2, 4, 8, 8)),))) == 0


@pytest.mark.parametrize("function", [F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, torch.dropout,
                                      torch.feature_dropout])
def test_an_active_dropout_stays(function: Any) -> None:
    """torch's functions are active unless they are told not to be."""
    def run(m: Any, x: Tensor) -> Tensor:
        y = m.conv(x)
        y = function(y, 0.5, True) if function in (torch.dropout, torch.feature_dropout) else function(y)
        return m.norm(y)

    model = randomised(Calling(run)).float()
    if function is F.dropout1d:
        model.conv, model.norm = nn.Conv1d(4, 4, 3), nn.InstanceNorm1d(4, track_running_stats=True).eval()
    x = torch.randn(2, 4, 8) if function is F.dropout1d else torch.randn(2, 4, 8, 8)
    made = fuse(model, (x,))
    assert norms(made) == 1
    for seed in range(2):
        torch.manual_seed(seed)
        wanted = model(x)
        torch.manual_seed(seed)
        torch.testing.assert_close(made(x), wanted)


# --- modules ---------------------------------------------------------------------------------------------------------


def changed(module: nn.Module, **facts: Any) -> nn.Module:
    """A module whose settings were changed after it was made."""
    for name, value in facts.items():
        setattr(module, name, value)
    return module


MODULES: dict[str, tuple[Callable[[], nn.Module], bool]] = {
    "stride": (lambda: nn.Conv2d(4, 4, 3, stride=(2, 1)), True),
    "padding": (lambda: nn.Conv2d(4, 4, 3, padding=(2, 0)), True),
    "same": (lambda: nn.Conv2d(4, 4, 2, padding="same"), True),
    "valid": (lambda: nn.Conv2d(4, 4, 2, padding="valid"), True),
    "dilation": (lambda: nn.Conv2d(4, 4, 3, dilation=(1, 2)), True),
    "groups": (lambda: nn.Conv2d(4, 4, 3, groups=2), True),
    "no bias": (lambda: nn.Conv2d(4, 4, 3, bias=False), True),
    "mode": (lambda: nn.Conv2d(4, 4, 3, padding=2, padding_mode="reflect"), True),
    "stride later": (lambda: changed(nn.Conv2d(4, 4, 3), stride=(2, 2)), True),
    "padding later": (lambda: changed(nn.Conv2d(4, 4, 3), padding=(1, 2)), True),
    "padding later, in a mode": (lambda: changed(nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
                                                 padding=(0, 0)), True),
    "mode later": (lambda: changed(nn.Conv2d(4, 4, 3, padding=1), padding_mode="replicate"), True),
    "transposed": (lambda: nn.ConvTranspose2d(4, 4, 3, 2, 1, 1, groups=2, dilation=2, bias=False), True),
    "transposed, padded later": (lambda: changed(nn.ConvTranspose2d(4, 4, 3, 2), output_padding=(1, 0)), True),
    "forward of the object": (lambda: changed(nn.Conv2d(4, 4, 3), forward=lambda x: x * 2), False),
}


@pytest.mark.filterwarnings("ignore:Using padding")
@pytest.mark.parametrize("name", MODULES)
def test_a_convolution_with_its_settings(name: str) -> None:
    make, folds = MODULES[name]
    model = randomised(nn.Sequential(make(), nn.BatchNorm2d(4)))
    x = example((2, 4, 8, 8))
    made = fuse(model)
    assert_same(model(x), made(x))
    assert (norms(made) == 0) == folds


def test_the_size_of_a_transposed_convolution_is_an_argument() -> None:
    class Sized(nn.Module):
        def __init__(self, by_name: bool) -> None:
            super().__init__()
            self.conv, self.norm, self.by_name = nn.ConvTranspose2d(4, 4, 3, 2), nn.BatchNorm2d(4), by_name

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x, output_size=[18, 18]) if self.by_name else self.conv(x, [18, 17])
            return self.norm(y)

    x = example((2, 4, 8, 8))
    for by_name in (True, False):
        model = randomised(Sized(by_name))
        made = fuse(model)
        assert_same(model(x), made(x))
        assert {s.name for s in made.meta["report"].skipped} == {"arguments"}


NORMS: dict[str, tuple[Callable[[], nn.Module], bool]] = {
    "eps": (lambda: nn.BatchNorm2d(4, eps=0.5), True),
    "momentum": (lambda: nn.BatchNorm2d(4, momentum=None), True),
    "no affine": (lambda: nn.BatchNorm2d(4, affine=False), True),
    "no statistics": (lambda: nn.BatchNorm2d(4, track_running_stats=False), False),
    "flag later": (lambda: changed(nn.BatchNorm2d(4), track_running_stats=False), True),
    "no bias": (lambda: changed(nn.BatchNorm2d(4), bias=None), True),
    "no weight": (lambda: changed(nn.BatchNorm2d(4), weight=None), True),
    "instance": (lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), True),
    "instance, flag later": (lambda: changed(nn.InstanceNorm2d(4, track_running_stats=True),
                                             track_running_stats=False), False),
    "instance of its own": (lambda: nn.InstanceNorm2d(4), False),
    "synchronised": (lambda: nn.SyncBatchNorm(4, eps=0.1), True),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_with_its_settings(name: str) -> None:
    make, folds = NORMS[name]
    model = nn.Sequential(nn.Conv2d(4, 4, 3), make())
    if (model[1].weight is None) == (model[1].bias is None):
        randomised(model)
    else:
        model[1].running_mean.normal_()
        model.double().eval()
    x = example((2, 4, 8, 8))
    made = fuse(model, (x,))
    assert_same(model(x), made(x))
    assert (norms(made) == 0) == folds


OTHERS: dict[str, Callable[[], nn.Module]] = {
    "pool ceil": lambda: nn.AvgPool2d(3, 2, ceil_mode=True),
    "pool ceil, padded": lambda: nn.AvgPool2d(2, 2, 1, ceil_mode=True),
    "pool ceil later": lambda: changed(nn.AvgPool2d(3, 2), ceil_mode=True),
    "pool counts": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "pool divisor": lambda: nn.AvgPool2d(3, 1, 1, divisor_override=5),
    "pool stride": lambda: nn.AvgPool2d(2, 1),
    "pad value": lambda: nn.ConstantPad2d((1, 0, 2, 1), 1.5),
    "pad zero": lambda: nn.ZeroPad2d((1, 0, 2, 1)),
    "pad reflect": lambda: nn.ReflectionPad2d((1, 0, 2, 1)),
    "pad replicate": lambda: nn.ReplicationPad2d(1),
    "pad circular": lambda: nn.CircularPad2d((0, 1, 2, 1)),
    "pad circular, cut": lambda: nn.CircularPad2d((-1, 1, 0, 0)),
    "pad value later": lambda: changed(nn.ConstantPad2d(1, 0.0), value=2.0),
    "dropout": lambda: nn.Dropout2d(0.9),
    "alpha dropout": lambda: nn.AlphaDropout(0.9),
    "feature alpha dropout": lambda: nn.FeatureAlphaDropout(0.9),
    "identity": lambda: nn.Identity(3, some="thing"),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("ahead", [True, False])
def test_a_module_between(name: str, ahead: bool) -> None:
    parts = [OTHERS[name](), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)]
    if not ahead:
        parts = [nn.Conv2d(4, 4, 3), OTHERS[name](), nn.BatchNorm2d(4)]
    model = randomised(nn.Sequential(*parts))
    for shape in ((2, 4, 8, 8), (2, 4, 9, 9)):
        x = example(shape)
        assert_same(model(x), fuse(model)(x))


@pytest.mark.parametrize("kind", calls.MODULES, ids=lambda kind: kind.__name__)
def test_a_module_is_called_with_one_tensor(kind: Any) -> None:
    """Each modelled class takes its input alone, but for the size of a transposed convolution's result."""
    names = [p.name for p in inspect.signature(kind.forward).parameters.values()]
    assert names in (["self", "input"], ["self", "input", "output_size"])


def test_an_average_pool_with_ceil_stays_what_it_is() -> None:
    """The last window reaches outside: branches of one size at the first positions differ at the last one."""
    class Beside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool, self.conv = nn.AvgPool2d(2, 2, 1, ceil_mode=True), nn.Conv2d(4, 4, 3, 2, 2, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.pool(x) + self.conv(x)

    for size in (7, 8):
        model, x = randomised(Beside()), example((1, 4, size, size))
        if model.pool(x).shape != model.conv(x).shape:
            continue
        made = fuse(model)
        assert_same(model(x), made(x))
        assert convolutions(made) == 1 and "pooling" in {s.name for s in made.meta["report"].skipped}


def test_operators_have_two_operands() -> None:
    for target in (operator.add, operator.iadd, operator.sub, operator.mul, operator.truediv):
        assert target in calls.SUMS or target in calls.PRODUCTS


def test_settings_of_the_source_stay() -> None:
    model = randomised(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), nn.BatchNorm2d(4)))
    before = copy.deepcopy(vars(model[0]))
    fuse(model)
    assert vars(model[0])["_reversed_padding_repeated_twice"] == before["_reversed_padding_repeated_twice"]
