"""Augmentations: what they do to pixels, and that a seed decides all of it."""

import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.ops.values import Option
from archlang.train.data.augmentation.augment import augment, check

ARGS = {"flip": {"p": 0.5}, "shift": {"by": 2}, "crop": {"pad": 2}, "erase": {"p": 0.5, "share": 0.3, "most": 1}}
"""Those of place; those of light and shape have tests of their own."""


def option(name: str, **args: object) -> Option:
    return Option(name, "augmentation", args)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ARGS)
def test_a_seed_decides(name: str) -> None:
    images = torch.rand(64, 2, 9, 7)
    kept = images.clone()
    options = [option(name, **ARGS[name])]
    first, again, other = (augment(images, options, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == images.shape
    assert torch.equal(images, kept)


def test_flip_mirrors_all_or_nothing() -> None:
    images = torch.rand(50, 1, 3, 4)
    flipped = augment(images, [option("flip", p=0.5)], generator())
    mirrored = [bool(torch.equal(a, b.flip(-1))) for a, b in zip(flipped, images, strict=True)]
    same = [bool(torch.equal(a, b)) for a, b in zip(flipped, images, strict=True)]
    assert all(m != s for m, s in zip(mirrored, same, strict=True))
    assert 10 < sum(mirrored) < 40
    assert torch.equal(augment(images, [option("flip", p=1.0)], generator()), images.flip(-1))


@pytest.mark.parametrize(("name", "args"), [("shift", {"by": 1}), ("crop", {"pad": 1})])
def test_windows_are_whole_and_reach_everywhere(name: str, args: dict[str, int]) -> None:
    image = torch.arange(1.0, 7.0).view(1, 1, 2, 3).expand(300, 2, 2, 3)
    moved = augment(image, [option(name, **args)], generator())
    padded = torch.nn.functional.pad(image[0], (1, 1, 1, 1), mode="replicate" if name == "shift" else "constant")
    windows = {tuple(padded[:, t : t + 2, left : left + 3].flatten().tolist()) for t in range(3) for left in range(3)}
    assert {tuple(m.flatten().tolist()) for m in moved} == windows


def test_erase_leaves_zeros_in_a_square() -> None:
    erased = augment(torch.ones(3000, 1, 20, 20), [option("erase", p=0.5, share=0.25, most=1)], generator())
    holes = [int((image == 0).sum()) for image in erased]
    assert set(holes) == {0, 25}
    assert 1300 < holes.count(25) < 1700
    touched = (erased == 0).any(0)
    assert bool(touched.all())
    image = erased[holes.index(25), 0] == 0
    assert int(image.any(0).sum()) == int(image.any(1).sum()) == 5


def test_erase_takes_up_to_so_many_squares() -> None:
    erased = augment(torch.ones(6000, 1, 60, 60), [option("erase", p=0.5, share=0.01, most=3)], generator())
    holes = [int((image == 0).sum()) for image in erased]
    assert set(holes) == {0, 1, 2, 3}
    # Of 3,600 pixels two are hardly ever the same.
    assert 2850 < holes.count(0) < 3150
    assert all(900 < holes.count(number) < 1100 for number in (1, 2, 3))


def test_vectors_are_no_images() -> None:
    rows = torch.rand(3, 5)
    assert augment(rows, [], generator()) is rows
    with pytest.raises(ArchError, match="changes images"):
        augment(rows, [option("flip")], generator())


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ArchError, match="sobel"):
        check([option("sobel")])
