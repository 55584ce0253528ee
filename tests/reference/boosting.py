"""`pbconv`, written from docs/pbconv.md and section 4.2 of the paper: a padded map, cut to what a small kernel sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from archlang.kernels import candidate
from tests.reference import norms, sliding
from tests.reference.static import rows, word
from tests.reference.values import Choice, Flowing, Group, StructureUse, Surprise, Value, Where, Word

if TYPE_CHECKING:
    from tests.reference.machine import Reference, Use

NAMES = ("kernel", "channels", "kernels", "stride", "padding", "dilation", "groups", "padding_mode", "norm", "bias",
         "scale", "gamma", "eps", "momentum", "multiplier", "init")
DEFAULTS = (None, None, None, 1, None, 1, 1, None, True, None, 1.0, 1.0, 1e-5, 0.1, 1, None)
Place = tuple[tuple[int, ...], tuple[int, ...]]
"""Sizes of a small kernel, and how far it lies from the top left corner."""


@dataclass
class _Boosted:
    """One `pbconv`: what enters, its arguments, and the branches so far."""

    m: Reference
    x: Value
    where: Where
    given: dict[str, object]

    def __post_init__(self) -> None:
        given, entering = self.given, self.x.data.shape[1]
        self.kernel, self.stride, self.dilation = (rows(given[n], 2) for n in ("kernel", "stride", "dilation"))
        self.groups = given["groups"] if isinstance(given["groups"], int) else entering
        self.entering, channels = entering, given["channels"]
        self.channels = channels if isinstance(channels, int) else entering * int(given["multiplier"])  # type: ignore[call-overload]
        self.branches: list[Value] = []

    def around(self) -> Tensor:
        """The map with all of the large kernel's padding."""
        mode = "zeros" if self.given["padding_mode"] is None else word(self.given["padding_mode"])
        return sliding._edge(self.x.data, sliding._sides(self.given["padding"], self.kernel, self.dilation), mode)

    def step(self, at: Where, name: str, x: Value, compute: Callable[[Use], Tensor]) -> Value:
        """An operation of a branch."""
        made = self.m.make(name, (*at.path, at.name(name)), (x,), compute)
        assert isinstance(made, Value)
        return made

    def normed(self, at: Where, x: Value, scale: object) -> Value:
        """Its batch norm, unless there is none."""
        settings = {"scale": scale, "eps": self.given["eps"], "momentum": self.given["momentum"]}
        if not self.given["norm"]:
            return x
        return self.step(at, "batch_norm", x, lambda u: norms.batch_norm(u, x.data, **settings))  # type: ignore[arg-type]

    def main(self) -> None:
        """The convolution itself."""
        names = ("kernel", "stride", "padding", "dilation", "padding_mode", "bias")
        settings = {name: self.given[name] for name in names}
        at = self.where.inside("0")
        made = self.step(at, "conv", self.x, lambda u: sliding.conv(
            u, self.x.data, channels=self.channels, groups=self.groups, **settings))  # type: ignore[arg-type]
        self.branches.append(self.normed(at, made, self.given["scale"]))

    def small(self, place: Place) -> None:
        """A small kernel: rows and columns that it does not see are cut off the padded map."""
        size, first = place
        at = self.where.inside(str(len(self.branches)))

        def compute(u: Use) -> Tensor:
            x = self.around()
            for axis in (0, 1):
                before = self.dilation[axis] * first[axis]
                behind = self.dilation[axis] * (self.kernel[axis] - first[axis] - size[axis])
                x = x.narrow(2 + axis, before, x.shape[2 + axis] - before - behind)
            return self.slid(u, x, self.channels, size, self.stride, self.dilation)

        self.branches.append(self.normed(at, self.step(at, "conv", self.x, compute), self.given["gamma"]))

    def slid(self, u: Use, x: Tensor, leaving: int, size: tuple[int, ...], stride: tuple[int, ...] = (1, 1),
             dilation: tuple[int, ...] = (1, 1)) -> Tensor:
        """A kernel without bias and padding."""
        weight = u.weight("weight", leaving, x.shape[1] // self.groups, *size)
        return functional.conv2d(x, weight, None, stride, 0, dilation, self.groups)

    def chains(self, mean: bool) -> None:
        """1x1 before the large kernel; 1x1 before the mean, which of a depthwise convolution stands alone."""
        inner = self.entering * (2 if self.groups == self.channels else 1)
        at = self.where.inside(str(len(self.branches)))
        first = self.step(at, "conv", self.x, lambda u: self.slid(u, self.around(), inner, (1, 1)))
        first = self.normed(at, first, 1.0)
        large = self.step(at, "conv", first, lambda u: self.slid(
            u, first.data, self.channels, self.kernel, self.stride, self.dilation))
        self.branches.append(self.normed(at, large, self.given["gamma"]))
        if not mean:
            return
        at = self.where.inside(str(len(self.branches)))
        alone = self.groups == self.entering == self.channels
        point = self.x if alone else self.normed(at, self.step(
            at, "conv", self.x, lambda u: self.slid(u, self.around(), self.channels, (1, 1))), 1.0)
        mean = self.step(at, "avg_pool", point, lambda u: self.mean(self.around() if alone else point.data))
        self.branches.append(self.normed(at, mean, self.given["gamma"]))

    def mean(self, x: Tensor) -> Tensor:
        """The mean of every window, padding and all."""
        count = x.shape[1]
        cells = torch.full((count, 1, *self.kernel), 1 / (self.kernel[0] * self.kernel[1]), dtype=x.dtype,
                           device=x.device)
        return functional.conv2d(x, cells, None, self.stride, 0, 1, count)


def pbconv(m: Reference, use: StructureUse, value: Flowing, where: Where) -> Flowing:
    """A convolution, its small kernels, and what else is summed."""
    assert isinstance(value, Value)
    found = Choice(use.name, use.places, use.names).get(NAMES, DEFAULTS)
    block = _Boosted(m, value, where, dict(zip(NAMES, found, strict=True)))
    block.main()
    name, places = _places(block.given["kernels"], block.kernel)
    for place in places:
        block.small(place)
    if name == "dbb":
        block.chains(bool(_choice(block.given["kernels"]).get(("mean",), (True,))[0]))
    if name == "none":
        return block.branches[0]
    made = block.branches
    return m.make("sum", (*where.path, where.name("sum")), tuple(made), lambda u: sum(v.data for v in made))  # type: ignore[arg-type, return-value]


def _places(kernels: object, kernel: tuple[int, ...]) -> tuple[str, list[Place]]:
    """The name of a choice, and the small kernels."""
    if isinstance(kernels, list):
        return "", [(tuple(size), (row - 1, column - 1)) for size, (row, column) in kernels]
    choice = _choice(kernels)
    height, width = kernel
    middle = (height - 1) // 2, (width - 1) // 2
    if choice.name in ("none", "dbb"):
        return choice.name, [((1, 1), middle)] if choice.name == "dbb" else []
    if choice.name == "acb":
        both = [((1, width), (middle[0], 0)), ((height, 1), (0, middle[1]))]
        # The middle row of a kernel that is one row is no smaller kernel.
        return "acb", [one for one in both if one[0] != (height, width)] or both[:1]
    if choice.name not in ("propose", "pbconv"):
        raise Surprise(choice.name)
    # The draw is defined by archlang.kernels, whose tests hold it against the paper's rules.
    seed, types, rules = choice.get(("seed", "types", "rules"), (0, None, "full"))
    words = rules if isinstance(rules, str) else word(rules)
    drawn = candidate((height, width), seed, types, words)  # type: ignore[arg-type]
    return choice.name, [((w.height, w.width), (w.row - 1, w.column - 1)) for w in drawn]


def _choice(kernels: object) -> Choice:
    """A choice of small kernels, as it is written: by its name alone, or with arguments."""
    choice = Choice(kernels.text) if isinstance(kernels, Word) else kernels
    if isinstance(choice, StructureUse):
        choice = Choice(choice.name, choice.places, choice.names)
    assert isinstance(choice, Choice)
    return choice


def at(size: object, place: object) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`3x1 at (1, 2)`: a size and its place, rows first."""
    assert isinstance(place, Group)
    row, column = place.members
    assert isinstance(row, int) and isinstance(column, int)
    return rows(size, 2), (row, column)
