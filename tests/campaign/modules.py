"""Fusion on 79 small modules, one for each way to write a convolution and a norm: `python -m tests.campaign.modules`
writes the table of docs/fusion.md.

A module counts as folded where no norm is left and the convolutions are as many as they must be; statistics are random,
and everything is compared in float64. Some of the modules must not fold.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune

from archlang.diagnostics import ArchError
from archlang.rewrite import fuse
from tests.rewrite.branches import Affine
from tests.rewrite.harness import convolutions, example, norms
from tests.rewrite.subjects import Flow, Functional, NormAct, Same, Scaled, aliased, chain, conv, randomised, tied

MAP, LINE, VOLUME, VECTOR = (2, 4, 8, 9), (2, 4, 9), (2, 2, 4, 4, 4), (5, 4)


@dataclass(frozen=True)
class Case:
    """One small module: how it is made, its input, the convolutions that must be left, whether its norms can fold."""

    make: Callable[[], nn.Module]
    shape: Sequence[int] = MAP
    convs: int = 1
    folds: bool = True
    prepared: bool = field(default=False)  # its state is part of the case


class PlainNorm(nn.BatchNorm2d):
    """A subclass that changes nothing."""


class ByShape(nn.Module):
    """Control flow that torch.fx does not take."""

    def __init__(self) -> None:
        super().__init__()
        self.body = conv(4, 6, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return y.relu() if y.shape[2] > 3 else y


def parts(run: Any) -> nn.Module:
    return Flow(run, conv=nn.Conv2d(4, 4, 3, padding=1), norm=nn.BatchNorm2d(4), other=nn.BatchNorm2d(4))


def hooked(how: str) -> nn.Module:
    model = conv(4, 6, 3)
    if how == "pre":
        model[1].register_forward_pre_hook(lambda module, args: (args[0] + 1,))  # type: ignore[index]
    else:
        model[1].register_forward_hook(lambda module, args, result: result + 1)  # type: ignore[index]
    return model


def pruned() -> nn.Module:
    inner = nn.Conv2d(4, 6, 3)
    prune.random_unstructured(inner, "weight", 0.5)
    return chain(inner, nn.BatchNorm2d(6))


def with_state(change: Callable[[Any], Any], make: Callable[[], nn.Module] = lambda: conv(4, 6, 3)) -> nn.Module:
    """A module with random statistics whose state is changed then."""
    model = randomised(make())
    change(model)
    return model


def two(run: Any, **more: nn.Module) -> nn.Module:
    return Flow(run, **{"a": nn.Conv2d(4, 6, 3), "b": nn.Conv2d(4, 6, 3), "norm": nn.BatchNorm2d(12), **more})


def without_shift(model: Any) -> None:
    model[0].running_mean.zero_()
    model[0].bias.data.zero_()


def qat() -> nn.Module:
    kind = torch.ao.nn.qat.Conv2d
    return chain(kind(4, 6, 3, qconfig=torch.ao.quantization.get_default_qat_qconfig("x86")), nn.BatchNorm2d(6))


def bare_norm(m: Any, x: Tensor) -> Tensor:
    return functional.batch_norm(m.a(x), None, None, training=True)


CASES: dict[str, Case] = {
    # 27 to 30: convolutions and linear layers
    "conv1d": Case(lambda: chain(nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)), LINE),
    "conv1d, no bias": Case(lambda: chain(nn.Conv1d(4, 6, 3, bias=False), nn.BatchNorm1d(6)), LINE),
    "conv2d": Case(lambda: conv(4, 6, 3)),
    "conv2d, no bias": Case(lambda: conv(4, 6, 3, bias=False)),
    "conv3d": Case(lambda: chain(nn.Conv3d(2, 6, 2), nn.BatchNorm3d(6)), VOLUME),
    "groups": Case(lambda: conv(4, 6, 3, groups=2)),
    "depthwise, multiplier 3": Case(lambda: conv(4, 12, 3, groups=4)),
    "stride and dilation": Case(lambda: conv(4, 6, 3, stride=2, dilation=2, padding=2)),
    "1x7": Case(lambda: conv(4, 6, (1, 7), padding=(0, 3))),
    "same": Case(lambda: conv(4, 6, 5, padding="same")),
    "reflect": Case(lambda: conv(4, 6, 3, padding=1, padding_mode="reflect")),
    "circular": Case(lambda: conv(4, 6, 3, padding=1, padding_mode="circular")),
    "transposed 1d": Case(lambda: chain(nn.ConvTranspose1d(4, 6, 3), nn.BatchNorm1d(6)), LINE),
    "transposed 2d": Case(lambda: chain(nn.ConvTranspose2d(4, 6, 3, 2), nn.BatchNorm2d(6))),
    "transposed 2d, in = out": Case(lambda: chain(nn.ConvTranspose2d(4, 4, 3), nn.BatchNorm2d(4))),
    "transposed 3d": Case(lambda: chain(nn.ConvTranspose3d(2, 4, 2), nn.BatchNorm3d(4)), VOLUME),
    "transposed, groups": Case(lambda: chain(nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d(6))),
    "transposed, depthwise": Case(lambda: chain(nn.ConvTranspose2d(4, 4, 3, groups=4), nn.BatchNorm2d(4))),
    "linear": Case(lambda: chain(nn.Linear(4, 6), nn.BatchNorm1d(6)), VECTOR),
    "linear, no bias": Case(lambda: chain(nn.Linear(4, 6, bias=False), nn.BatchNorm1d(6)), VECTOR),
    # 31 to 36: axes and statistics
    "linear, positions = features": Case(lambda: chain(nn.Linear(4, 6), nn.BatchNorm1d(6)), (2, 6, 4), folds=False),
    "linear, positions": Case(lambda: chain(nn.Linear(4, 6), nn.BatchNorm1d(5)), (2, 5, 4), folds=False),
    "linear, one feature": Case(lambda: chain(nn.Linear(4, 6), nn.BatchNorm1d(1)), (2, 1, 4), folds=False),
    "conv1d, unbatched": Case(lambda: chain(nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)), (4, 8), folds=False),
    "no affine": Case(lambda: chain(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False))),
    "linear, no affine": Case(lambda: chain(nn.Linear(4, 6), nn.BatchNorm1d(6, affine=False)), VECTOR),
    "no statistics": Case(lambda: chain(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, track_running_stats=False)), folds=False),
    "function, no statistics": Case(lambda: Flow(bare_norm, a=nn.Conv2d(4, 6, 3)), folds=False),
    "synchronised": Case(lambda: chain(nn.Conv2d(4, 6, 3), nn.SyncBatchNorm(6))),
    "instance norm with statistics": Case(
        lambda: chain(nn.Conv2d(4, 6, 3), nn.InstanceNorm2d(6, affine=True, track_running_stats=True))),
    # 37 to 42: before, between, behind
    "norm first": Case(lambda: chain(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3))),
    "norm first, reflect": Case(
        lambda: chain(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"))),
    "norm first, zeros": Case(lambda: chain(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1)), folds=False),
    "norm first, zeros, no shift": Case(lambda: with_state(without_shift, lambda: chain(
        nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1))), prepared=True),
    "norm, linear": Case(lambda: chain(nn.BatchNorm1d(4), nn.Linear(4, 6)), VECTOR),
    "norm, 1x1": Case(lambda: chain(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 1))),
    "two norms": Case(lambda: chain(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.BatchNorm2d(6))),
    "identity and dropout between": Case(
        lambda: chain(nn.Conv2d(4, 6, 3), nn.Identity(), nn.Dropout2d(), nn.BatchNorm2d(6))),
    "activation between": Case(lambda: chain(nn.Conv2d(4, 6, 3), nn.ReLU(), nn.BatchNorm2d(6)), folds=False),
    "flatten between": Case(lambda: Flow(lambda m, x: m.norm(m.a(x).flatten(2)), a=nn.Conv2d(4, 6, 3),
                                         norm=nn.BatchNorm1d(6))),
    "shuffle between": Case(lambda: Flow(
        lambda m, x: m.norm(m.a(x).reshape(2, 2, 3, 6, 7).transpose(1, 2).reshape(2, 6, 6, 7)), a=nn.Conv2d(4, 6, 3),
        norm=nn.BatchNorm2d(6)), folds=False),
    "tokens, as LeViT": Case(lambda: Flow(lambda m, x: (lambda y: m.norm(y.flatten(0, 1)).reshape_as(y))(m.a(x)),
                                          a=nn.Linear(4, 6), norm=nn.BatchNorm1d(6)), (2, 5, 4)),
    "concatenation": Case(lambda: two(lambda m, x: m.norm(torch.cat([m.a(x), m.b(x)], 1))), convs=2),
    "constants by channel": Case(lambda: chain(nn.Conv2d(4, 6, 3), Affine(6), nn.BatchNorm2d(6))),
    "plain numbers": Case(lambda: parts(lambda m, x: 1 - 2 * m.norm(m.conv(x) / 3 + 0.5))),
    # 43: functions
    "function norm": Case(lambda: chain(nn.Conv2d(4, 6, 3), NormAct(6))),
    "functions": Case(lambda: Functional()),
    "functions by name": Case(lambda: Functional("kwargs")),
    "function in training": Case(lambda: Functional("training"), folds=False),
    # 44 to 50: sharing
    "shared, same norm": Case(lambda: parts(lambda m, x: m.norm(m.conv(m.norm(m.conv(x)).relu()))), convs=2),
    "shared by two norms": Case(lambda: parts(lambda m, x: m.norm(m.conv(x)) * m.other(m.conv(x.relu()))), convs=2),
    "used once more": Case(lambda: parts(lambda m, x: m.norm(m.conv(x)) * m.conv(x.relu())), convs=2),
    "two names": Case(aliased, convs=1),
    "norm shared by two": Case(lambda: two(lambda m, x: m.norm(m.a(x)) * m.norm(m.b(x)), norm=nn.BatchNorm2d(6)),
                               convs=2),
    "result read": Case(lambda: parts(lambda m, x: (lambda y: m.norm(y) * y)(m.conv(x))), convs=2),
    "result returned": Case(lambda: parts(lambda m, x: (lambda y: (m.norm(y), y))(m.conv(x))), convs=2),
    "tied parameter": Case(tied, convs=2),
    "weight read": Case(lambda: parts(lambda m, x: m.norm(m.conv(x)) * m.conv.weight.sum())),
    # 51 to 57: state
    "training": Case(lambda: with_state(lambda m: m.train()), folds=False, prepared=True),
    "norm in training": Case(lambda: with_state(lambda m: m[1].train()), folds=False, prepared=True),
    "hook": Case(lambda: hooked("forward"), folds=False),
    "hook before": Case(lambda: hooked("pre"), folds=False),
    "weight norm": Case(lambda: chain(parametrizations.weight_norm(nn.Conv2d(4, 6, 3)), nn.BatchNorm2d(6))),
    "weight norm of old": Case(lambda: chain(nn.utils.weight_norm(nn.Conv2d(4, 6, 3)), nn.BatchNorm2d(6))),
    "spectral norm": Case(lambda: chain(parametrizations.spectral_norm(nn.Conv2d(4, 6, 3)), nn.BatchNorm2d(6))),
    "pruned": Case(pruned),
    "subclass, own arithmetic": Case(lambda: chain(Scaled(4, 6, 3), nn.BatchNorm2d(6))),
    "subclass of a convolution": Case(lambda: chain(Same(4, 6, 3), nn.BatchNorm2d(6))),
    "subclass of a norm": Case(lambda: chain(nn.Conv2d(4, 6, 3), PlainNorm(6))),
    "norm and activation in one": Case(lambda: chain(nn.Conv2d(4, 6, 3, bias=False), NormAct(6), nn.Conv2d(6, 2, 1)),
                                       convs=2),
    "control flow": Case(ByShape),
    "quantisation-aware": Case(lambda: with_state(lambda m: m.float(), qat), folds=False, prepared=True),
    "lazy": Case(lambda: chain(nn.LazyConv2d(6, 3), nn.BatchNorm2d(6)), folds=False),
    # 58 to 61: numbers
    "variance 0": Case(lambda: with_state(lambda m: m[1].running_var.zero_()), prepared=True),
    "small variance": Case(lambda: with_state(lambda m: m[1].running_var.fill_(1e-10)), prepared=True),
    "variance 0, eps 0": Case(lambda: with_state(lambda m: (m[1].running_var[2:3].zero_(), setattr(m[1], "eps", 0.0))),
                              folds=False, prepared=True),
    "bfloat16": Case(lambda: with_state(lambda m: m.bfloat16()), prepared=True),
    "bfloat16 and float32": Case(lambda: with_state(lambda m: (m.float(), m[0].bfloat16())), prepared=True),
    "channels last": Case(lambda: with_state(lambda m: m.to(memory_format=torch.channels_last)), prepared=True),
}


@dataclass(frozen=True)
class Outcome:
    """A module after a fuser: `folded`, `kept`, `refused` with the reason's name, or `wrong`."""

    word: str
    detail: str = ""


WAYS: dict[str, Callable[[nn.Module, Tensor], nn.Module]] = {
    "archlang, no example": lambda model, x: fuse(model),
    "archlang": lambda model, x: fuse(model, (x,)),
    "archlang, all options": lambda model, x: fuse(model, (x,), shared="clone", parametrised="bake"),
    "torch.fx fuse": lambda model, x: torch_fuse(model),
}


def torch_fuse(model: nn.Module) -> nn.Module:
    """torch's own fusion, as a peer."""
    from torch.fx.experimental.optimization import fuse as theirs

    return theirs(model)  # type: ignore[no-any-return]


def prepared(case: Case) -> nn.Module:
    """The module in evaluation mode with random statistics, unless its state is the case."""
    if case.prepared:
        return case.make()
    model = case.make()
    lazy = any(map(nn.parameter.is_lazy, model.parameters()))
    return model.eval() if lazy else randomised(model)


def judged(case: Case, way: Callable[[nn.Module, Tensor], nn.Module]) -> Outcome:
    """One module through one fuser."""
    model = prepared(case)
    dtype = next((p.dtype for p in model.parameters() if not nn.parameter.is_lazy(p)), torch.float32)
    x = example(case.shape).to(dtype)
    lazy = any(map(nn.parameter.is_lazy, model.parameters()))
    try:
        made = way(model, x)
    except ArchError as problem:
        return Outcome("refused", problem.diagnostics[0].name)
    except Exception as failure:
        return Outcome("refused", type(failure).__name__)
    if lazy:
        return Outcome("kept", "lazy")

    with torch.no_grad():
        wanted, got = model(x), made(x)
    if not same(wanted, got, 1e-10 if dtype == torch.float64 else 5e-2):
        return Outcome("wrong")
    graph: Any = made
    whole = norms(graph) == 0 and convolutions(graph) == case.convs
    return Outcome("folded" if whole else "kept")


def same(one: Any, other: Any, tolerance: float) -> bool:
    """Whether results agree, numbers that are none included."""
    pairs = zip(*(list(r) if isinstance(r, tuple | list) else [r] for r in (one, other)), strict=True)
    for a, b in pairs:
        finite = a.isfinite()
        if a.dtype != b.dtype or not torch.equal(finite, b.isfinite()):
            return False
        wide, difference = a[finite].double(), (a[finite].double() - b[finite].double()).abs()
        if wide.numel() and float(difference.max()) > tolerance * (1 + float(wide.abs().max())):
            return False
    return True


def main() -> int:
    """Run every module through every fuser, print the table; 1 if something of ours is wrong."""
    warnings.simplefilter("ignore")
    rows = {name: {way: judged(case, run) for way, run in WAYS.items()} for name, case in CASES.items()}
    print("| module | " + " | ".join(WAYS) + " |\n|---|" + "---|" * len(WAYS))
    for name, row in rows.items():
        cells = [f"{o.word} ({o.detail})" if o.detail else o.word for o in row.values()]
        print(f"| {name}{'' if CASES[name].folds else ' *'} | " + " | ".join(cells) + " |")

    print(f"\n{len(CASES)} modules, {sum(case.folds for case in CASES.values())} of them can fold (* cannot).")
    for way in WAYS:
        words = [rows[name][way].word for name in CASES]
        print(f"{way}: {words.count('folded')} folded, {words.count('wrong')} wrong, {words.count('refused')} refused")
    return int(any(rows[name][way].word == "wrong" for name in CASES for way in WAYS if way.startswith("archlang")))


if __name__ == "__main__":
    sys.exit(main())
