"""Losses of segmentation, of images, of heatmaps and of pairs, beside torch's own and the papers' formulas."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from archlang import ArchError, loads
from archlang.train.losses.catalogue import FORMULAS

torch.manual_seed(0)
LOSSES = ("focal", "dice", "l1", "smooth_l1", "charbonnier", "frequency_l1", "heatmap_focal", "contrastive")


def checked(name: str, reads: list[Tensor], expected: Callable[..., Tensor], **args: object) -> None:
    """Compare a loss, and the gradients of all tensors that have one, with what a formula of our own gives."""
    mine = [read.detach().clone().requires_grad_(read.requires_grad) for read in reads]
    theirs = [read.detach().clone().requires_grad_(read.requires_grad) for read in reads]
    value, wanted = FORMULAS[name](mine, args), expected(*theirs)
    torch.testing.assert_close(value, wanted, rtol=1e-12, atol=1e-12)

    value.backward()
    wanted.backward()
    for one, other in zip(mine, theirs, strict=True):
        if one.requires_grad:
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-10, atol=1e-12)


def scores(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def masks() -> Tensor:
    """Class numbers of four classes with places that are ignored."""
    label = torch.randint(0, 4, (3, 5, 6))
    label[0, 1:3] = 255
    label[2, :, 4] = 255
    return label


WEIGHTS = (0.5, 2.0, 1.0, 0.0)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_that_ignores_and_weighs(weights: tuple[float, ...] | None, smoothing: float) -> None:
    label = masks()
    tensor = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    checked("cross_entropy", [scores(3, 4, 5, 6), label],
            lambda x, y: functional.cross_entropy(x, y, tensor, ignore_index=255, label_smoothing=smoothing),
            ignore=255, weights=weights, label_smoothing=smoothing)


def test_where_nothing_counts_the_loss_is_nothing() -> None:
    """Every label is ignored, or is of a class whose weight is 0: torch's mean is no number there."""
    x = scores(2, 4, 3, 3)
    for name, number in product(("cross_entropy", "focal"), (255, 3)):
        label = torch.full((2, 3, 3), number)
        loss = FORMULAS[name]([x, label], {"ignore": 255, "gamma": 2.0, "weights": WEIGHTS})
        assert loss.item() == 0
        loss.backward()
    assert x.grad is not None and not x.grad.any()


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("gamma", [0.0, 2.0, 1.5])
def test_focal(weights: tuple[float, ...] | None, gamma: float) -> None:
    def expected(x: Tensor, y: Tensor) -> Tensor:
        total, count = x.new_zeros(()), x.new_zeros(())
        for place in (y != 255).nonzero().tolist():
            sample, row, column = place
            right = int(y[sample, row, column])
            share = x[sample, :, row, column].softmax(0)[right]
            weight = 1.0 if weights is None else weights[right]
            total, count = total - weight * (1 - share) ** gamma * share.log(), count + weight
        return total / count

    checked("focal", [scores(3, 4, 5, 6), masks()], expected, gamma=gamma, weights=weights, ignore=255)


def test_focal_without_its_exponent_is_cross_entropy() -> None:
    checked("focal", [scores(6, 4), torch.randint(4, (6,))], functional.cross_entropy, gamma=0.0)
    shares = torch.rand(6, 4, dtype=torch.float64).softmax(1)
    checked("focal", [scores(6, 4), shares], functional.cross_entropy, gamma=0.0)


@pytest.mark.parametrize("smooth", [1.0, 0.0])
def test_dice(smooth: float) -> None:
    def expected(x: Tensor, y: Tensor) -> Tensor:
        shares, losses = x.softmax(1), []
        for number in range(4):
            given, right = shares[:, number][y != 255], (y == number)[y != 255].double()
            losses.append(1 - (2 * (given * right).sum() + smooth) / (given.sum() + right.sum() + smooth))
        return torch.stack(losses).mean()

    checked("dice", [scores(3, 4, 5, 6), masks()], expected, smooth=smooth, ignore=255)


IMAGES: dict[str, tuple[dict[str, float], Callable[[Tensor, Tensor], Tensor]]] = {
    "l1": ({}, functional.l1_loss),
    "smooth_l1": ({"beta": 0.3}, lambda x, y: functional.smooth_l1_loss(x, y, beta=0.3)),
    "charbonnier": ({"epsilon": 0.01}, lambda x, y: ((x - y) ** 2 + 0.0001).pow(0.5).mean()),
    "frequency_l1": ({}, lambda x, y: functional.l1_loss(torch.view_as_real(torch.fft.fft2(x)),
                                                         torch.view_as_real(torch.fft.fft2(y)))),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_compared_number_by_number(name: str) -> None:
    args, expected = IMAGES[name]
    target = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    checked(name, [scores(2, 3, 6, 7), target], expected, **args)


@pytest.mark.parametrize("name", IMAGES)
def test_targets_of_another_size_are_resized(name: str) -> None:
    args, expected = IMAGES[name]
    target = torch.randn(2, 3, 12, 9, dtype=torch.float64)
    small = functional.interpolate(target, size=(6, 7), mode="bilinear", align_corners=False)
    checked(name, [scores(2, 3, 6, 7), target], lambda x, y: expected(x, small), resize=True, **args)


def test_masks_of_another_size_are_resized() -> None:
    label = masks()
    small = functional.interpolate(label[:, None].double(), size=(3, 4), mode="nearest")[:, 0].long()
    checked("cross_entropy", [scores(3, 4, 3, 4), label],
            lambda x, y: functional.cross_entropy(x, small, ignore_index=255), resize=True, ignore=255)


@pytest.mark.parametrize("own", [False, True])
def test_a_loss_that_counts_at_centres_alone(own: bool) -> None:
    """mmdetection's loss of sizes: differences times the mask, over twice the number of centres."""
    heat = torch.rand(2, 3, 5, 6, dtype=torch.float64) * 0.9
    heat[0, 1, 2, 3] = heat[0, 0, 4, 4] = heat[1, 2, 0, 0] = 1
    mask = (heat == 1).any(1, keepdim=True)
    told = mask[:, 0].double() if own else heat

    def expected(x: Tensor, y: Tensor, _: Tensor) -> Tensor:
        return ((x - y).abs() * mask).sum() / (2 * 3)

    checked("l1", [scores(2, 2, 5, 6), torch.rand(2, 2, 5, 6), told], expected)
    nowhere = torch.zeros(2, 3, 5, 6)
    checked("smooth_l1", [scores(2, 2, 5, 6), torch.rand(2, 2, 5, 6), nowhere], lambda x, y, _: x.sum() * 0, beta=1.0)


def test_heatmaps_of_centres() -> None:
    heat = torch.rand(2, 3, 5, 5, dtype=torch.float64) * 0.9
    heat[0, 1, 2, 3] = heat[1, 0, 4, 4] = heat[1, 2, 0, 0] = 1.0

    def expected(x: Tensor, y: Tensor) -> Tensor:
        chance, at = x.sigmoid(), (y == 1).double()
        right = at * (1 - chance) ** 2 * chance.log()
        wrong = (1 - at) * (1 - y) ** 4 * chance**2 * (1 - chance).log()
        return -(right + wrong).sum() / 3

    checked("heatmap_focal", [scores(2, 3, 5, 5), heat], expected, alpha=2.0, beta=4.0)


def test_pairs() -> None:
    label = torch.tensor([1, 0, 1, 0, 0])

    def expected(x: Tensor, z: Tensor, y: Tensor) -> Tensor:
        distance = functional.pairwise_distance(x, z, eps=0.0)
        return torch.where(y == 1, distance**2, (1.5 - distance).clamp(min=0) ** 2).mean()

    checked("contrastive", [scores(5, 3), scores(5, 3), label], expected, margin=1.5)


def test_a_pair_at_one_point_has_a_gradient() -> None:
    x = scores(2, 3)
    loss = FORMULAS["contrastive"]([x, x.detach().clone(), torch.tensor([0, 1])], {"margin": 1.0})
    loss.backward()
    assert loss.item() == 0.5 and x.grad is not None and bool(x.grad.isfinite().all())


TEXT = """archlang 1
network N {{
  input image: [3, 8, 8]
  maps   = image -> conv(3x3, 4)
  vector = maps -> global_avg_pool
  shares = maps -> softmax(axis = channels)
  output maps
  output vector = vector
  output shares = shares
}}
train {{ loss = {loss}; optimizer = sgd(lr = 0.1); phase all {{ epochs = 1 }} }}
"""


@pytest.mark.parametrize(("loss", "kind"), [
    ("cross_entropy(maps, label, ignore = 3)", "out-of-range"),
    ("cross_entropy(maps, label, weights = [1, 2, 3])", "wrong-count"),
    ("cross_entropy(vector, label, ignore = 255)", "conflicting-arguments"),
    ("focal(shares, label)", "expected-logits"),
    ("heatmap_focal(shares, label)", "expected-logits"),
    ("contrastive(vector, label, label)", "exchanged-arguments"),
    ("contrastive(maps, maps, label)", "shape-mismatch"),
    ("l1(label, maps)", "exchanged-arguments"),
])
def test_what_a_file_shows_to_be_wrong(loss: str, kind: str) -> None:
    with pytest.raises(ArchError) as caught:
        loads(TEXT.format(loss=loss))
    assert [problem.name for problem in caught.value.diagnostics] == [kind]


@pytest.mark.parametrize(("name", "reads", "says"), [
    ("cross_entropy", [torch.zeros(2, 4, 3, 3), torch.full((2, 3, 3), 200)], "label 200"),
    ("cross_entropy", [torch.zeros(2, 4, 3, 3), torch.zeros(2, 6, 6, dtype=torch.int64)], "[6, 6]"),
    ("heatmap_focal", [torch.zeros(2, 3, 3, 3), torch.full((2, 3, 3, 3), 1.5)], "from 0 to 1"),
    ("contrastive", [torch.zeros(2, 3), torch.zeros(2, 3), torch.tensor([2, 0])], "0 and 1"),
    ("frequency_l1", [torch.zeros(2, 3), torch.zeros(2, 3)], "maps"),
])
def test_labels_that_are_none(name: str, reads: list[Tensor], says: str) -> None:
    with pytest.raises(ArchError) as caught:
        FORMULAS[name](reads, {"ignore": 255, "alpha": 2.0, "beta": 4.0, "margin": 1.0})
    (problem,) = caught.value.diagnostics
    assert problem.name == "bad-data" and says in problem.message
