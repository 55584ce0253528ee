"""The algebra of fusion on random geometries: what two steps become is what they do, or it is refused."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from archlang.rewrite.algebra import added, after
from archlang.rewrite.report import Obstacle
from archlang.rewrite.steps import ConvStep

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def applied(conv: ConvStep, x: torch.Tensor) -> torch.Tensor:
    """A convolution as its step describes it: the whole map extended, then cropped, then slid over."""
    pads = [cells for pair in zip(reversed(conv.lo), reversed(conv.hi), strict=True) for cells in pair]
    padded = functional.pad(x, [max(p, 0) for p in pads], MODES[conv.mode])
    padded = functional.pad(padded, [min(p, 0) for p in pads])
    run = {1: functional.conv1d, 2: functional.conv2d}[conv.spatial]
    return run(padded, conv.kernel, conv.bias, conv.stride, 0, conv.dilation, conv.groups)


def drawn(chance: random.Random, spatial: int, entering: int, leaving: int) -> ConvStep:
    """A convolution of any geometry: strided, dilated, padded or cropped by side, grouped, with a bias or without."""
    size = tuple(chance.choice((1, 1, 2, 3)) for _ in range(spatial))
    groups = chance.choice([g for g in (1, 1, 2, 4) if entering % g == leaving % g == 0])
    generator = torch.Generator().manual_seed(chance.randrange(2**31))
    kernel = torch.randn(leaving, entering // groups, *size, dtype=torch.float64, generator=generator)
    bias = torch.randn(leaving, dtype=torch.float64, generator=generator) if chance.random() < 0.7 else None

    def each(values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(chance.choice(values) for _ in range(spatial))

    pads = (0, 0, 0, 1, 2, -1)
    return ConvStep(kernel, bias, each((1, 1, 2)), each((1, 1, 2)), each(pads), each(pads), groups,
                    chance.choice(("zeros", "zeros", "zeros", *MODES)))


def compared(
    make: Callable[[ConvStep, ConvStep], ConvStep], run: Callable[[ConvStep, ConvStep, torch.Tensor], torch.Tensor],
    seed: int, spatial: int, count: int,
) -> set[tuple[bool, ...]]:
    """Compare two steps with what they become; strides, dilations, crops ... of the pairs that became one."""
    chance, met = random.Random(seed), set()
    for _ in range(count):
        between = chance.choice((4, 8))
        first = drawn(chance, spatial, 4, between)
        second = drawn(chance, spatial, between if make is after else 4, 8 if make is after else between)
        x = torch.randn(2, 4, *(12,) * spatial, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        try:
            one = make(first, second)
        except Obstacle:
            continue

        torch.testing.assert_close(applied(one, x), run(first, second, x), rtol=1e-10, atol=1e-10)
        met.add((max(first.stride) > 1, max(second.stride) > 1, max(*first.dilation, *second.dilation) > 1,
                 min(*second.lo, *second.hi) < 0, max(*first.lo, *first.hi) > 0, first.groups > 1, second.groups > 1,
                 first.bias is None))
    return met


@pytest.mark.parametrize(("spatial", "count"), [(1, 150), (2, 40)])
def test_two_in_a_row(spatial: int, count: int) -> None:
    met = compared(after, lambda first, second, x: applied(second, applied(first, x)), 0, spatial, count)
    if spatial > 1:
        return
    for trait in range(8):
        assert {traits[trait] for traits in met} == {True, False}, f"no pair that became one tells of trait {trait}"
    # A stride before a crop: the crop is counted in steps of the stride.
    assert any(traits[0] and traits[3] for traits in met)


@pytest.mark.parametrize("spatial", [1, 2])
@pytest.mark.parametrize("seed", range(2))
def test_two_side_by_side(seed: int, spatial: int) -> None:
    met = compared(added, lambda one, other, x: applied(one, x) + applied(other, x), seed, spatial, 3000)
    assert met  # some pairs become one


@pytest.mark.parametrize("seed", range(2))
def test_sums_of_what_reaches_equally_far(seed: int) -> None:
    """Kernels of any size at any place, dilated or not, whose outputs are equally large."""
    chance = random.Random(seed)
    done = 0
    for _ in range(150):
        one = drawn(chance, 2, 4, 8)
        other = drawn(chance, 2, 4, 8)
        # The other's padding behind is what its output needs to be as large.
        hi = tuple(r - a + d * (k - 1) + 1 for r, a, d, k in zip(one.reach, other.lo, other.dilation, other.size,
                                                               strict=True))
        other = ConvStep(other.kernel, other.bias, one.stride, other.dilation, other.lo, hi, other.groups, one.mode)
        x = torch.randn(2, 4, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        try:
            wanted = applied(one, x) + applied(other, x)
            made = added(one, other)
        except (Obstacle, RuntimeError):
            continue  # refused, or padded by more than torch mirrors
        torch.testing.assert_close(applied(made, x), wanted, rtol=1e-10, atol=1e-10)
        done += 1
    assert done >= 30
