"""Labels that no loss can read: bad-data with their shapes and values, and never a number taken for good."""

from __future__ import annotations

import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.train.losses.catalogue import FORMULAS

VECTOR, ONE, MAP, SEQUENCE = torch.zeros(4, 3), torch.zeros(4, 1), torch.zeros(4, 3, 2, 2), torch.zeros(4, 5, 3)


def refused(name: str, scores: torch.Tensor, label: torch.Tensor, axis: int = 0) -> str:
    """The message and the help of a refusal."""
    with pytest.raises(ArchError) as caught:
        FORMULAS[name]([scores, label], {"class_axis": axis})
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.name == "bad-data"
    return " | ".join((diagnostic.message, *diagnostic.help))


@pytest.mark.parametrize("name", ["cross_entropy", "mse", "bce"])
@pytest.mark.parametrize("label", [[0, 5, 1, 1], [-1, 0, 1, 2], [0, 255, 0, 1], [-100, 0, 1, 2]])
def test_class_numbers_out_of_range(name: str, label: list[int]) -> None:
    message = refused(name, VECTOR, torch.tensor(label))
    assert "the network knows 0 to 2" in message
    assert f"from {min(label)} to {max(label)}" in message


@pytest.mark.parametrize("name", ["cross_entropy", "mse", "bce"])
def test_data_without_labels(name: str) -> None:
    for scores in (VECTOR, ONE):
        assert "the data has no labels" in refused(name, scores, torch.full((4,), -1))


@pytest.mark.parametrize("name", ["cross_entropy", "bce"])
def test_masks_of_0_and_255_and_labels_of_minus_1_and_1_come_with_their_mend(name: str) -> None:
    mask = torch.tensor([0, 255, 0, 255]).view(4, 1, 1).expand(4, 2, 2)
    assert "mask // 255" in refused(name, MAP, mask)
    assert "(label + 1) // 2" in refused(name, VECTOR[:, :2], torch.tensor([-1, 1, 1, -1]))


@pytest.mark.parametrize("label", [
    torch.tensor([0, 1, 2, 9]), torch.tensor([0.0, 1.0, 2.0, 9.0]), torch.tensor([-1.0, 1.0, 1.0, -1.0]),
    torch.tensor([0, 255, 0, 255]), torch.tensor([-0.1, 0.5, 0.2, 0.3]), torch.tensor([0.0, 1.5, 0.2, 0.3]),
])
def test_bce_of_one_logit_knows_two_classes(label: torch.Tensor) -> None:
    message = refused("bce", ONE, label)
    assert "one logit tells the classes 0 and 1 apart" in message and "lies from" in message


def test_bce_refuses_targets_past_0_and_1_in_every_shape() -> None:
    for scores in (VECTOR, MAP, SEQUENCE):
        assert "targets lie from 0 to 1" in refused("bce", scores, torch.full_like(scores, 1.01))
        assert "targets lie from 0 to 1" in refused("bce", scores, torch.full_like(scores, -0.01))


@pytest.mark.parametrize(("scores", "axis", "label"), [
    (VECTOR, 0, torch.zeros(4)),  # class numbers as floats
    (VECTOR, 0, torch.zeros(4, 1)),
    (VECTOR, 0, torch.zeros(4, 2)),
    (MAP, 0, torch.zeros(4, 2, 2)),
    (SEQUENCE, 1, torch.zeros(4, 5)),
])
def test_cross_entropy_refuses_floats_that_are_no_shares(scores: torch.Tensor, axis: int, label: torch.Tensor) -> None:
    message = refused("cross_entropy", scores, label, axis)
    assert "of float32" in message and "whole numbers" in message


@pytest.mark.parametrize(("row", "said"), [
    ([0.5, 0.5, 0.5], "sum to 1, and those of the target sum to 1.5"),
    ([0.0, 0.0, 0.0], "sum to 1, and those of the target sum to 0"),
    ([2.0, -0.5, -0.5], "the share of each class, and the target holds -0.5"),
    ([255.0, 0.0, 0.0], "sum to 255"),
])
def test_cross_entropy_refuses_rows_that_are_no_distribution(row: list[float], said: str) -> None:
    label = torch.tensor([[0.2, 0.3, 0.5]] * 3 + [row])
    assert said in refused("cross_entropy", VECTOR, label)


@pytest.mark.parametrize(("scores", "axis", "shape"), [
    (VECTOR, 0, (4, 3)), (VECTOR, 0, (4, 2, 2)), (MAP, 0, (4,)), (MAP, 0, (4, 2, 3)), (MAP, 0, (4, 3, 2, 2)),
    (SEQUENCE, 1, (4,)), (SEQUENCE, 1, (4, 3)), (SEQUENCE, 1, (4, 5, 3)),
])
def test_cross_entropy_refuses_class_numbers_of_another_shape(scores: torch.Tensor, axis: int, shape: tuple[int, ...]
                                                              ) -> None:
    message = refused("cross_entropy", scores, torch.zeros(shape, dtype=torch.int64), axis)
    assert str(list(shape[1:])) in message or "of one number" in message


@pytest.mark.parametrize("name", ["mse", "bce"])
@pytest.mark.parametrize(("scores", "shape"), [
    (VECTOR, (4, 4)), (VECTOR, (4, 3, 1)), (MAP, (4, 2, 2, 3)), (MAP, (4, 12)), (MAP, (4, 3)), (ONE, (4, 2)),
    (torch.zeros(4, 6), (4, 2, 3)), (torch.zeros(4, 1, 2, 3), (4, 3, 2)),
])
def test_numbers_in_another_order_are_refused_though_there_are_as_many(name: str, scores: torch.Tensor,
                                                                       shape: tuple[int, ...]) -> None:
    assert "for a sample" in refused(name, scores, torch.zeros(shape))


@pytest.mark.parametrize("label", [torch.zeros(4, dtype=torch.int64), torch.zeros(4, 3, dtype=torch.int64),
                                   torch.zeros(4, 2)])
def test_kl_wants_scores(label: torch.Tensor) -> None:
    assert "wants scores [3]" in refused("kl", VECTOR, label)


def test_one_wrong_label_among_many_is_found_in_the_batch_that_has_it() -> None:
    good = torch.randint(0, 3, (512,))
    scores = torch.zeros(512, 3)
    FORMULAS["cross_entropy"]([scores, good], {})
    good[511] = 3
    assert "the data has the label 3" in refused("cross_entropy", scores, good)
