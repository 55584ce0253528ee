"""Every task loss against torch's own, for vectors, maps, volumes, lines and sequences, with gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from archlang.ops.losses import TASK
from archlang.train.losses.catalogue import FORMULAS
from tests.train.losses import test_further_losses

torch.manual_seed(0)
SHAPES = {
    "vector": ((6, 4), 1), "map": ((3, 4, 2, 5), 1), "volume": ((2, 4, 2, 3, 2), 1), "line": ((3, 4, 7), 1),
    "sequence": ((3, 7, 4), 2),
}
"""Scores of four classes: their shape, and the axis of classes."""


def numbers(shape: tuple[int, ...], axis: int) -> Tensor:
    """Class numbers for scores of this shape."""
    return torch.randint(0, shape[axis], (*shape[:axis], *shape[axis + 1 :]))


def checked(name: str, reads: list[Tensor], expected: Callable[[Tensor], Tensor], axis: int = 1,
            **args: object) -> None:
    """Compare a loss and the gradient of its first tensor with what torch gives."""
    ours, theirs = (reads[0].clone().requires_grad_() for _ in range(2))
    value, wanted = FORMULAS[name]([ours, *reads[1:]], {"class_axis": axis - 1, **args}), expected(theirs)
    assert value.shape == () and value.item() == pytest.approx(wanted.item(), abs=1e-12)
    value.backward()
    wanted.backward()
    assert ours.grad is not None and ours.grad.allclose(theirs.grad, atol=1e-12)


def test_every_task_loss_is_tested_here() -> None:
    here = {"cross_entropy", "mse", "bce", "kl", "minimize"}
    assert {setting.name for setting in TASK} == here | set(test_further_losses.LOSSES)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_of_class_numbers(kind: str, smoothing: float) -> None:
    shape, axis = SHAPES[kind]
    scores, label = torch.randn(shape, dtype=torch.float64), numbers(shape, axis)
    checked("cross_entropy", [scores, label], lambda x: functional.cross_entropy(
        x.reshape(-1, 4) if axis == len(shape) - 1 else x.movedim(axis, -1).reshape(-1, 4), label.reshape(-1),
        label_smoothing=smoothing), axis, label_smoothing=smoothing)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_of_shares(kind: str, smoothing: float) -> None:
    shape, axis = SHAPES[kind]
    scores, shares = torch.randn(shape, dtype=torch.float64), torch.randn(shape).softmax(axis)

    def expected(x: Tensor) -> Tensor:
        smooth = shares.double() * (1 - smoothing) + smoothing / 4
        return -(smooth * x.log_softmax(axis)).sum(axis).mean()

    checked("cross_entropy", [scores, shares], expected, axis, label_smoothing=smoothing)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.int16])
@pytest.mark.parametrize("kind", ["vector", "map", "sequence"])
def test_class_numbers_of_any_whole_type_and_with_an_axis_of_one(kind: str, dtype: torch.dtype) -> None:
    shape, axis = SHAPES[kind]
    scores, label = torch.randn(shape), numbers(shape, axis)
    plain = FORMULAS["cross_entropy"]([scores, label], {"class_axis": axis - 1})
    for given in (label.to(dtype), label.unsqueeze(axis).to(dtype)):
        assert FORMULAS["cross_entropy"]([scores, given], {"class_axis": axis - 1}) == plain


def test_booleans_are_two_classes() -> None:
    scores, label = torch.randn(5, 2), torch.tensor([True, False, True, True, False])
    assert FORMULAS["cross_entropy"]([scores, label], {}) == functional.cross_entropy(scores, label.long())


@pytest.mark.parametrize("shape", [(5, 1), (3, 4, 2, 2)])
def test_a_quantity_of_the_networks_own_is_averaged(shape: tuple[int, ...]) -> None:
    checked("minimize", [torch.randn(shape, dtype=torch.float64)], lambda x: x.sum() / x.numel())


LOSSES = {"mse": functional.mse_loss, "bce": functional.binary_cross_entropy_with_logits}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", SHAPES)
def test_numbers_of_the_same_shape(name: str, kind: str) -> None:
    shape, axis = SHAPES[kind]
    value, target = torch.randn(shape, dtype=torch.float64), torch.rand(shape)
    checked(name, [value, target], lambda x: LOSSES[name](x, target.double()), axis)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", SHAPES)
def test_class_numbers_are_one_hot_rows(name: str, kind: str) -> None:
    shape, axis = SHAPES[kind]
    value, label = torch.randn(shape, dtype=torch.float64), numbers(shape, axis)
    rows = torch.eye(4, dtype=torch.float64)[label].movedim(-1, axis)
    for given in (label, label.unsqueeze(axis)):
        checked(name, [value, given], lambda x: LOSSES[name](x, rows), axis)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("shape", [(6, 1), (3, 1, 4, 5), (2, 1, 2, 3, 2)])
def test_a_single_channel_may_be_missing_in_the_target(name: str, shape: tuple[int, ...]) -> None:
    value, target = torch.randn(shape, dtype=torch.float64), torch.randint(0, 2, shape)
    for given in (target, target[:, 0], target[:, 0].bool(), target[:, 0].float()):
        checked(name, [value, given], lambda x: LOSSES[name](x, target.double()))


@pytest.mark.parametrize("kind", SHAPES)
def test_kl_of_two_scores(kind: str) -> None:
    shape, axis = SHAPES[kind]
    scores, target = torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64).requires_grad_()

    def expected(x: Tensor) -> Tensor:
        rows = x.movedim(axis, -1).reshape(-1, 4).log_softmax(1)
        wanted = target.detach().movedim(axis, -1).reshape(-1, 4).log_softmax(1)
        return functional.kl_div(rows, wanted, reduction="batchmean", log_target=True)

    checked("kl", [scores, target], expected, axis)
    assert target.grad is None
