"""Models that import takes with care, or refuses: a function each, as `archlang import` is given it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Forward = Callable[[Any, Any], Any]


class Unfit(nn.Module):
    """A convolution, a dense map, a table and a buffer, in a forward that is given."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.dense = nn.Linear(8, 8)
        self.register_buffer("seen", torch.zeros(1))
        self.given = forward

    def forward(self, x: Any) -> Any:
        return self.given(self, x)


def _made(forward: Forward, example: Any = None) -> Callable[[], tuple[nn.Module, Any]]:
    """A function that gives the module and its input, a batch of two small maps where nothing else is said."""
    if example is None:
        example = torch.zeros(2, 4, 8, 8)
    return lambda: (Unfit(forward), example)


def _branch(m: Any, x: Tensor) -> Tensor:
    if x.sum() > 0:
        return x
    return -x


def _moving(m: Any, x: Tensor) -> Tensor:
    m.seen += 1
    return m.conv(x) * m.seen


def _in_place(m: Any, x: Tensor) -> Tensor:
    y = m.conv(x)
    y += 1
    y.mul_(2).relu_()
    return y.clamp_(0, 3)


def _part_written(m: Any, x: Tensor) -> Tensor:
    y = m.conv(x)
    y[:, 0] = 0
    return y


def _raises(m: Any, x: Tensor) -> Tensor:
    raise ValueError("this needs a side of 32")


branches = _made(_branch)
numbers = _made(lambda m, x: x[:, : int(x.max())])
twice = _made(lambda m, x: m.norm(m.conv(m.norm(m.conv(x)))))
moves = _made(_moving)
in_place = _made(_in_place)
part_written = _made(_part_written)
spectrum = _made(lambda m, x: torch.fft.fft2(x).abs())
complex_input = _made(lambda m, x: x * 2, torch.zeros(2, 3, dtype=torch.complex64))
half = _made(lambda m, x: m.conv(x).half())
random = _made(lambda m, x: x + torch.rand_like(x))
over_the_batch = _made(lambda m, x: x - x.mean(0, keepdim=True))
mixed = _made(lambda m, x: x.reshape(-1, 16))
by_the_batch = _made(lambda m, x: x * x.shape[0])
raises = _made(_raises)
sizes_disagree = _made(lambda m, x: m.dense(x.flatten(1)))
constant = _made(lambda m, x: m.dense.weight)
nested = _made(lambda m, x: {"a": [m.conv(x), x], "b": x})
dictionary = _made(lambda m, x: m.conv(x["image"]), ({"image": torch.zeros(2, 4, 8, 8)},))
no_samples = _made(lambda m, x: x * 2, torch.zeros(2))
places = _made(lambda m, x: x.topk(2, 1)[0])


def frozen() -> tuple[nn.Module, Any]:
    """A model whose convolution no training moves."""
    model, example = _made(lambda m, x: m.conv(x))()
    for parameter in model.parameters():
        parameter.requires_grad = False
    return model, example
