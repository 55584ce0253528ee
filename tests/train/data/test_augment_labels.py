"""Label maps and target images go with their images, or the augmentation is refused; judged by pixels that tell where
they came from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.ops import CATALOGUE
from archlang.ops.values import Option
from archlang.train import fit
from archlang.train.data.augmentation.augment import AUGMENTATIONS, augment, augment_both, check_samples
from archlang.train.optimization.planning import ignored_label

MAPS = {"flip", "shift", "color_jitter", "grayscale"}
"""What a map of classes can follow, or stands under."""

TARGETS = {"flip", "shift", "crop", "rotate", "scale"}
"""What a target image can follow."""


def option(name: str, **args: object) -> Option:
    setting = CATALOGUE.setting("augmentation", name)
    assert setting is not None
    return Option(name, "augmentation", {**{arg.name: arg.default for arg in setting.args}, **args})


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def places(count: int = 16, side: int = 12) -> torch.Tensor:
    """Images [count, 1, side, side] each of whose pixels has a number of its own, in 0 to 1."""
    return torch.arange(1, side * side + 1).view(1, 1, side, side).expand(count, -1, -1, -1) / (side * side)


@pytest.mark.parametrize("name", sorted(MAPS & TARGETS))
def test_a_map_lies_on_its_image_after_what_moves_pixels(name: str) -> None:
    images = places()
    maps = (images[:, 0] * 144).round().long()
    moved, labels = augment_both(images, maps, [option(name), option("flip")], seeded())
    assert not torch.equal(moved, images)
    assert torch.equal((moved[:, 0] * 144).round().long(), labels)
    assert labels.dtype == torch.int64


@pytest.mark.parametrize("name", ["crop", "rotate", "scale"])
def test_pixels_from_outside_get_the_label_that_is_ignored(name: str) -> None:
    images = places()
    maps = (images[:, 0] * 144).round().long() - 1  # class 0 is one of them
    check_samples([option(name)], images, maps, ignored=255)
    moved, labels = augment_both(images, maps, [option(name), option("flip")], seeded(), 255)
    expected = (moved[:, 0] * 144).round().long() - 1
    assert torch.equal(labels, expected.where(expected >= 0, 255))
    assert bool((labels == 255).any()) and bool((labels < 144).any())


def test_the_label_to_ignore_is_that_of_all_losses() -> None:
    text = ("archlang 1\nnetwork N {{ input x: [1, 8, 8]\n y = x -> conv(1x1, 2)\n output y }}\n"
            "train {{ loss = cross_entropy(y, label{}) + dice(y, label{})\n optimizer = sgd(lr = 0.1)\n"
            "phase all {{ epochs = 1 }} }}")
    cases = [((", ignore = 9", ", ignore = 9"), 9), ((", ignore = 9", ""), None), (("", ""), None),
             ((", ignore = 9", ", ignore = 8"), None)]
    for given, wanted in cases:
        plan = loads(text.format(*given)).graph.plan
        assert plan is not None and ignored_label(plan) == wanted


@pytest.mark.parametrize("channels", [None, 1, 3])
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_image_lies_on_its_image(name: str, channels: int | None) -> None:
    images = places()
    targets = images[:, 0] if channels is None else images.expand(-1, channels, -1, -1)
    moved, labels = augment_both(images, targets.contiguous(), [option("flip"), option(name)], seeded())
    assert labels.shape == targets.shape and labels.dtype == targets.dtype
    assert not torch.equal(moved, images)
    for plane in labels.reshape(16, -1, 12, 12).unbind(1):
        assert torch.equal(plane, moved[:, 0])


def test_images_are_those_that_are_made_without_labels() -> None:
    images = torch.rand(8, 3, 9, 7)
    options = [option(name) for name in ("flip", "shift", "color_jitter", "flip")]
    alone = augment(images, options, seeded())
    for labels in (torch.zeros(8, 9, 7, dtype=torch.int64), torch.arange(8), torch.rand(8, 4)):
        both, moved = augment_both(images, labels, options, seeded())
        assert torch.equal(both, alone)
        assert labels.ndim > 2 or moved is labels


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
@pytest.mark.parametrize(("labels", "allowed"), [
    (torch.zeros(4, 12, 12, dtype=torch.int64), MAPS), (torch.zeros(4, 1, 12, 12, dtype=torch.int64), MAPS),
    (torch.rand(4, 12, 12), TARGETS), (torch.rand(4, 3, 12, 12), TARGETS),
    (torch.arange(4), set(AUGMENTATIONS)), (torch.rand(4, 5), set(AUGMENTATIONS)),
])
def test_what_labels_can_follow(name: str, labels: torch.Tensor, allowed: set[str]) -> None:
    if name in allowed:
        check_samples([option(name)], places(4), labels)
    else:
        with pytest.raises(ArchError, match=f"`{name}` .* cannot follow"):
            check_samples([option(name)], places(4), labels)


@pytest.mark.parametrize(("told", "options", "samples", "labels"), [
    ("each has a map of classes of", [option("flip")], places(4), torch.zeros(4, 6, 6, dtype=torch.int64)),
    ("changes images", [option("flip")], torch.rand(4, 144), torch.arange(4)),
    ("changes images", [option("shift")], torch.rand(4, 12, 12), torch.arange(4)),
    ("by more pixels than they have", [option("crop", pad=1_000_000)], places(4), torch.arange(4)),
    ("by more pixels than they have", [option("shift", by=13)], places(4), torch.arange(4)),
    ("numbers from 0 to 1", [option("color_jitter")], places(4) * 255, torch.arange(4)),
    ("numbers from 0 to 1", [option("rand_augment")], places(4) - 0.5, torch.arange(4)),
])
def test_what_samples_cannot_take(
    told: str, options: list[Option], samples: torch.Tensor, labels: torch.Tensor
) -> None:
    with pytest.raises(ArchError, match=told) as caught:
        check_samples(options, samples, labels)
    assert caught.value.diagnostics[0].name == "bad-data"
    check_samples([option("crop", pad=12)], places(4), torch.arange(4))


DENSE = """archlang 1
network Dense {
  input image: [1, 16, 16]
  logits = image -> conv(3x3, 8) -> relu -> conv(1x1, 2)
  output logits
}
train {
  loss = cross_entropy(logits, label); optimizer = adam(lr = 0.02); batch = 16; augment = [%s]; seed = 1
  phase all { epochs = 6 }
}
"""


def halves() -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose left half is bright, and maps of where it is bright."""
    samples = torch.randn(64, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.1
    samples[..., :8] += 1
    maps = torch.zeros(64, 16, 16, dtype=torch.int64)
    maps[..., :8] = 1
    return samples, maps


def test_a_training_moves_maps_with_their_images() -> None:
    history = fit(loads(DENSE % "flip(p = 1)"), halves(), device="cpu").history
    assert history[-1].test_loss < 0.05  # 1.5 to 9 where the images alone are mirrored


def test_a_training_with_what_maps_cannot_follow_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ArchError, match="`erase` hides a part of the image, which a map of classes cannot follow"):
        fit(loads(DENSE % "erase"), halves(), device="cpu", run=tmp_path / "run")
    assert not (tmp_path / "run").exists()
