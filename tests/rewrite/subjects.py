"""Small modules to fold, each with statistics far from where a fresh batch norm starts."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


def randomised(model: nn.Module, seed: int = 0) -> nn.Module:
    """The module in float64 and evaluation mode, its norms given mean N(0,1), variance U(1/4,4), scale N(0,1) with a 0
    and a negative one, shift N(0,1): a fresh batch norm is nearly the identity, and deleting it would go unseen.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase):
            if module.running_mean is not None:
                module.running_mean.normal_(generator=generator)
                module.running_var.uniform_(0.25, 4, generator=generator)
            if module.weight is not None:
                with torch.no_grad():
                    module.weight.normal_(generator=generator)
                    module.bias.normal_(generator=generator)
                    module.weight[0], module.weight[-1] = 0.0, -0.7
    return model.double().eval()


class Flow(nn.Module):
    """A module whose forward is a function of itself and its inputs."""

    def __init__(self, run: Any, **parts: nn.Module) -> None:
        super().__init__()
        self.run = run
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: torch.Tensor) -> Any:
        return self.run(self, x)


class Same(nn.Conv2d):
    """A subclass that changes nothing."""


class Twice(nn.Conv2d):
    """A subclass that computes something else."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


class Scaled(nn.Conv2d):
    """A subclass that computes something else where torch.fx does not look."""

    def _conv_forward(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return super()._conv_forward(x, 2 * weight, bias)


class NormAct(nn.BatchNorm2d):
    """As in timm: a batch norm that traces to the function."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.1,
                                     self.eps).relu()


class Functional(nn.Module):
    """Both as functions."""

    def __init__(self, how: str = "args") -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 2, 3, 3))
        self.bias = nn.Parameter(torch.randn(6))
        self.norm = nn.BatchNorm2d(6, eps=1e-2)
        self.how = how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = self.norm
        if self.how == "args":
            x = functional.conv2d(x, self.weight, self.bias, 2, 1, 1, 2)
            return functional.batch_norm(x, n.running_mean, n.running_var, n.weight, n.bias, False, 0.1, n.eps)
        weight = self.weight if self.how == "kwargs" else 2 * self.weight
        x = functional.conv2d(input=x, weight=weight, padding=1, groups=2)
        return functional.batch_norm(input=x, running_mean=n.running_mean, running_var=n.running_var,
                                     training=self.how == "training", eps=n.eps)


def chain(*parts: nn.Module) -> nn.Module:
    return nn.Sequential(*parts)


def conv(*args: Any, **kwargs: Any) -> nn.Module:
    return chain(nn.Conv2d(*args, **kwargs), nn.BatchNorm2d(args[1]))


def seen_twice(by: str) -> nn.Module:
    runs = {
        "sum": lambda s, x: (lambda y: s.norm(y) + y)(s.conv(x)),
        "output": lambda s, x: (lambda y: (s.norm(y), y))(s.conv(x)),
        "shared conv": lambda s, x: s.norm(s.conv(x)) + s.conv(2 * x),
        "weight": lambda s, x: s.norm(s.conv(x)) * s.conv.weight.sum(),
        "two norms": lambda s, x: (lambda y: s.norm(y) + s.other(y))(s.conv(x)),
    }
    return Flow(runs[by], conv=nn.Conv2d(4, 6, 3), norm=nn.BatchNorm2d(6), other=nn.BatchNorm2d(6))


def aliased() -> nn.Module:
    made = Flow(lambda s, x: s.norm(s.conv(x)) + s.again(x), conv=nn.Conv2d(4, 6, 3), norm=nn.BatchNorm2d(6))
    made.again = made.conv
    return made


def tied() -> nn.Module:
    made = Flow(lambda s, x: s.norm(s.conv(x)) * s.other(x), conv=nn.Conv2d(4, 6, 3), norm=nn.BatchNorm2d(6),
                other=nn.Conv2d(4, 6, 3))
    made.other.weight = made.conv.weight
    return made


def one_norm_for_two() -> nn.Module:
    return Flow(lambda s, x: s.norm(s.a(x)) * s.norm(s.b(x)), a=nn.Conv2d(4, 6, 3), b=nn.Conv2d(4, 6, 3),
                norm=nn.BatchNorm2d(6))


def frozen_statistics() -> nn.Module:
    made = conv(4, 6, 3)
    made[1].train()
    return made


MAP = (2, 4, 8, 9)
FOLDS = {
    "plain": (lambda: conv(4, 6, 3), MAP),
    "no bias": (lambda: conv(4, 6, 3, bias=False), MAP),
    "groups": (lambda: conv(4, 6, 3, groups=2), MAP),
    "depthwise": (lambda: conv(4, 12, 3, groups=4), MAP),
    "strided, dilated": (lambda: conv(4, 6, 3, stride=(2, 3), dilation=2, padding=2), MAP),
    "1x7": (lambda: conv(4, 6, (1, 7), padding=(0, 3)), MAP),
    "same": (lambda: conv(4, 6, 5, padding="same"), MAP),
    "reflect": (lambda: conv(4, 6, 3, padding=1, padding_mode="reflect"), MAP),
    "replicate": (lambda: conv(4, 6, 3, padding=1, padding_mode="replicate"), MAP),
    "circular": (lambda: conv(4, 6, 3, padding=1, padding_mode="circular"), MAP),
    "volume": (lambda: chain(nn.Conv3d(2, 3, 3), nn.BatchNorm3d(3)), (2, 2, 4, 4, 4)),
    "transposed": (lambda: chain(nn.ConvTranspose2d(4, 6, 3, stride=2), nn.BatchNorm2d(6)), MAP),
    "transposed, in = out": (lambda: chain(nn.ConvTranspose2d(4, 4, 3), nn.BatchNorm2d(4)), MAP),
    "transposed, groups": (lambda: chain(nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)), MAP),
    "transposed, depthwise": (lambda: chain(nn.ConvTranspose2d(4, 4, 3, groups=4), nn.BatchNorm2d(4)), MAP),
    "transposed volume": (lambda: chain(nn.ConvTranspose3d(2, 4, 2, groups=2), nn.BatchNorm3d(4)), (2, 2, 3, 3, 3)),
    "no affine": (lambda: chain(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False)), MAP),
    "subclass": (lambda: chain(Same(4, 6, 3), nn.BatchNorm2d(6)), MAP),
    "norm first": (lambda: chain(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3)), MAP),
    "own class, in the open": (lambda: chain(Twice(4, 6, 3), nn.BatchNorm2d(6)), MAP),
    "tied weight": (tied, MAP),
    "one norm, two convolutions": (one_norm_for_two, MAP),
    "small variance": (lambda: chain(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, eps=1e-8)), MAP),
}
FOLDS_WITH_EXAMPLE = {
    "line": (lambda: chain(nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)), (2, 4, 9)),
    "transposed line": (lambda: chain(nn.ConvTranspose1d(4, 6, 3, groups=2), nn.BatchNorm1d(6)), (2, 4, 9)),
    "vector": (lambda: chain(nn.Linear(4, 6), nn.BatchNorm1d(6)), (5, 4)),
    "vector, no bias": (lambda: chain(nn.Linear(4, 6, bias=False), nn.BatchNorm1d(6)), (5, 4)),
    "norm of timm": (lambda: chain(nn.Conv2d(4, 6, 3), NormAct(6)), MAP),
    "functions": (lambda: Functional(), MAP),
    "functions, keywords": (lambda: Functional("kwargs"), MAP),
    "synchronised": (lambda: chain(nn.Conv2d(4, 6, 3), nn.SyncBatchNorm(6)), MAP),
}
KEPT = {
    "positions = features": (lambda: chain(nn.Linear(4, 6), nn.BatchNorm1d(6)), (2, 6, 4), "another axis"),
    "positions": (lambda: chain(nn.Linear(4, 6), nn.BatchNorm1d(5)), (2, 5, 4), "another axis"),
    "unbatched line": (lambda: chain(nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)), (4, 8), "another axis"),
    "one feature": (lambda: chain(nn.Linear(4, 6), nn.BatchNorm1d(1)), (2, 1, 4), "another axis"),
    "relu between": (lambda: chain(nn.Conv2d(4, 6, 3), nn.ReLU(), nn.BatchNorm2d(6)), MAP, "directly before"),
    "no statistics": (lambda: chain(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, track_running_stats=False)), MAP,
                      "no running statistics"),
    "in a sum": (lambda: seen_twice("sum"), MAP, "others read"),
    "an output": (lambda: seen_twice("output"), MAP, "others read"),
    "two norms": (lambda: seen_twice("two norms"), MAP, "others read"),
    "shared": (lambda: seen_twice("shared conv"), MAP, "more than once"),
    "weight read": (lambda: seen_twice("weight"), MAP, "more than once"),
    "two names": (aliased, MAP, "more than once"),
    "own arithmetic": (lambda: chain(Scaled(4, 6, 3), nn.BatchNorm2d(6)), MAP, ""),
    "weight norm": (lambda: chain(nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 6, 3)), nn.BatchNorm2d(6)), MAP,
                    "parametrised"),
    "calculated weight": (lambda: Functional("calculated"), MAP, "calculated"),
    "function in training": (lambda: Functional("training"), MAP, "training mode"),
}
