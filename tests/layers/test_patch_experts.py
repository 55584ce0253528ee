"""Patches: cut and put back for every size, stride and padding; overlapping ones averaged; where each pixel lies."""

from __future__ import annotations

import itertools

import pytest
import torch

from archlang.layers import add_position, cut_patches, put_back

SIZES = [(h, w) for h, w in itertools.product((1, 2, 3, 5, 8), repeat=2) if abs(h - w) < 4]


def places(cells: int, size: int, stride: int) -> int:
    """How many patches cover the cells: counted, one after the other."""
    count = 1
    while (count - 1) * stride + size < cells:
        count += 1
    return count


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_put_back_is_the_map_itself(size: tuple[int, int], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    for height, width in ((8, 8), (9, 11), (13, 8)):
        x = torch.randn(2, 3, height, width, dtype=dtype)
        for stride in itertools.product(range(1, size[0] + 1), range(1, size[1] + 1)):
            rows, columns = places(height, size[0], stride[0]), places(width, size[1], stride[1])
            patches = cut_patches(x, size, stride, rows, columns)
            assert patches.shape == (2 * rows * columns, 3, *size)
            assert torch.equal(put_back(patches, (height, width), stride, rows, columns), x)


def test_patches_are_windows_of_the_map_filled_up_with_zeros() -> None:
    x = torch.arange(1.0, 31.0).reshape(1, 1, 5, 6)
    full = torch.zeros(8, 8)
    full[:5, :6] = x[0, 0]
    patches = cut_patches(x, (4, 4), (3, 2), 2, 2).reshape(2, 2, 4, 4)
    for i, j in itertools.product(range(2), repeat=2):
        assert torch.equal(patches[i, j], full[3 * i : 3 * i + 4, 2 * j : 2 * j + 4])


def test_overlapping_patches_are_averaged() -> None:
    """Every cell is the mean of what the patches over it say, worked out cell by cell."""
    torch.manual_seed(1)
    size, stride, rows, columns, across = (3, 4), (2, 1), 3, 2, (6, 5)
    patches = torch.randn(2 * rows * columns, 2, *size, dtype=torch.float64, requires_grad=True)
    made = put_back(patches, across, stride, rows, columns)
    grid = patches.reshape(2, rows, columns, 2, *size)
    for y, x in itertools.product(range(across[0]), range(across[1])):
        said = [
            grid[:, i, j, :, y - i * stride[0], x - j * stride[1]]
            for i, j in itertools.product(range(rows), range(columns))
            if 0 <= y - i * stride[0] < size[0] and 0 <= x - j * stride[1] < size[1]
        ]
        assert torch.allclose(made[:, :, y, x], torch.stack(said).mean(0), rtol=0, atol=1e-14)
    (gradient,) = torch.autograd.grad(made.sum(), patches)
    assert gradient.sum().item() == pytest.approx(made.numel(), abs=1e-9)


def test_positions() -> None:
    """x and y of the patch in its grid, constant over it; x and y of the pixel in its patch; all from 0 to 1."""
    made = add_position(torch.full((12, 2, 3, 5), 7.0), 2, 3).reshape(2, 2, 3, 6, 3, 5)
    for sample, i, j in itertools.product(range(2), range(2), range(3)):
        patch = made[sample, i, j]
        assert torch.equal(patch[:2], torch.full((2, 3, 5), 7.0))
        assert torch.equal(patch[2], torch.full((3, 5), j / 2))
        assert torch.equal(patch[3], torch.full((3, 5), float(i)))
        assert torch.equal(patch[4], torch.tensor([0, 0.25, 0.5, 0.75, 1]).expand(3, 5))
        assert torch.equal(patch[5], torch.tensor([[0], [0.5], [1]]).expand(3, 5))


def test_a_single_place_is_at_zero() -> None:
    assert torch.equal(add_position(torch.ones(2, 1, 1, 1), 1, 1)[:, 1:], torch.zeros(2, 4, 1, 1))


def test_nothing_comes_to_an_expert_that_got_nothing() -> None:
    patches = cut_patches(torch.ones(0, 3, 8, 8), (4, 4), (4, 4), 2, 2)
    assert put_back(add_position(patches, 2, 2), (8, 8), (4, 4), 2, 2).shape == (0, 7, 8, 8)
