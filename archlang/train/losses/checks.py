"""What losses ask of labels and targets before they calculate, and what they refuse."""

from __future__ import annotations

import torch
from torch.nn import functional

from archlang.train.problems import bad_data


def in_range(label: torch.Tensor, classes: int) -> None:
    """Raises `ArchError` (bad-data) where class numbers are not 0 to `classes - 1`, or where there are none."""
    low, high = int(label.min()), int(label.max())
    if high < 0:
        raise bad_data("a loss reads the label, and the data has no labels")
    if low < 0 or high >= classes:
        raise bad_data(
            f"the data has the label {low if low < 0 else high}, the network knows 0 to {classes - 1}",
            help="set the network's dial for the number of classes, or check the labels",
        )


def as_target(value: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Labels in the shape of an output: class numbers as one-hot rows where the output has several numbers.

    Raises `ArchError` (bad-data) where they do not fit.
    """
    if value.ndim == 2 and target.ndim == 1 and not target.is_floating_point() and value.shape[1] > 1:
        in_range(target, value.shape[1])
        return functional.one_hot(target, value.shape[1]).to(value.dtype)
    if value.numel() != target.numel():
        given, wanted = list(value.shape[1:]), list(target.shape[1:])
        raise bad_data(f"the network gives {given} for a sample, the data's label is {wanted}")
    return target.to(value.dtype).view_as(value)
