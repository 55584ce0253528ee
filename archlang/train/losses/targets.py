"""Targets of losses: labels in the form that a formula wants, or refused with the shapes and values that were given.

Every batch passes here, so that a label that is wrong in one sample of many is refused when that sample comes. Without
these checks torch would broadcast some of them, ignore others (-100), and give a negative loss for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from archlang.diagnostics import ArchError
from archlang.train.problems import bad_data

ROUNDING = 0.01
"""How far shares of classes may sum past 1: they may come from a network that calculates in half precision."""


def class_numbers(
    loss: str, label: torch.Tensor, places: Sequence[int], classes: int, axis: int = 1, ignore: int | None = None
) -> torch.Tensor:
    """Class numbers as int64, checked.

    Arguments:
        loss: the name of the loss, for messages.
        label: whole numbers or booleans of shape `places`, or with one more axis of size 1 at `axis`.
        places: the shape that is wanted, [batch] or [batch, positions] or [batch, height, width] ...
        classes: how many classes the network tells apart.
        axis: the axis of classes in the scores, counted from the batch.
        ignore: a number that is no class and stands for no label.

    Raises `ArchError` (bad-data) for another shape, for fractions, and for numbers that are no classes.
    """
    wanted = f"`{loss}` wants class numbers {_sizes(places)}"
    if label.is_floating_point() or label.is_complex():
        raise bad_data(
            f"{wanted}, whole numbers, and the data's label is {_sizes(label.shape)} of {_dtype(label)}",
            help="give class numbers as int64, or the share of each class as floats",
        )
    # A column of class numbers is how some data sets write them.
    if tuple(label.shape) == _with_one(places, axis):
        label = label.squeeze(axis)
    if tuple(label.shape) != tuple(places):
        raise bad_data(f"{wanted} for a sample, and the data's label is {_sizes(label.shape)}")

    label = label.long()  # torch takes class numbers of no other type
    told = label
    if ignore is not None:
        told = label[label != ignore]
    if told.numel():
        _in_range(loss, told, classes)
    return label


def class_shares(loss: str, scores: torch.Tensor, target: torch.Tensor, axis: int = 1) -> torch.Tensor:
    """The share of each class, in the shape of the scores: floats of at least 0 that sum to 1 along `axis`.

    Raises `ArchError` (bad-data).
    """
    if target.shape != scores.shape:
        places = (*scores.shape[:axis], *scores.shape[axis + 1 :])
        raise bad_data(
            f"`{loss}` of scores {_sizes(scores.shape)} wants class numbers {_sizes(places)} or shares "
            f"{_sizes(scores.shape)}, and the data's label is {_sizes(target.shape)} of {_dtype(target)}",
            help="class numbers are whole numbers, such as int64",
        )

    # NaN passes: a network's own tensor may hold it, and such a step is skipped.
    low, sums = target.detach().min(), target.detach().sum(axis)
    if bool(low < -ROUNDING):
        raise bad_data(f"`{loss}` wants the share of each class, and the target holds {float(low):.4g}")
    if bool(((sums - 1).abs() > ROUNDING).any()):
        worst = sums.flatten()[(sums - 1).abs().argmax()]
        raise bad_data(f"`{loss}` wants shares of classes that sum to 1, and those of the target sum to {worst:.4g}",
                       help="divide each row by its sum, or give class numbers")
    return target.to(scores.dtype)


def numbers(loss: str, value: torch.Tensor, target: torch.Tensor, axis: int = 1) -> torch.Tensor:
    """A target in the shape and dtype of an output.

    Arguments:
        value: the output [batch, ...], with its classes or channels at `axis`.
        target: numbers of the same shape; the axis of a single channel may be missing. Or class numbers, without that
            axis, where the output has several: they become one-hot rows.

    Raises `ArchError` (bad-data) where they do not fit.
    """
    channels, places = value.shape[axis], (*value.shape[:axis], *value.shape[axis + 1 :])
    is_whole = not target.is_floating_point() and not target.is_complex()
    if is_whole and target.ndim == 1:  # -1 of every sample stands for no label, not for the number
        _is_labelled(target)
    if target.shape == value.shape:
        return target.to(value.dtype)

    # Whole numbers of the output's own shape were numbers above; of any other they are classes.
    if is_whole and channels > 1 and tuple(target.shape) in (places, _with_one(places, axis)):
        target = class_numbers(loss, target, places, channels, axis)
        return functional.one_hot(target, channels).movedim(-1, axis).to(value.dtype)
    if channels == 1 and tuple(target.shape) == places:
        return target.unsqueeze(axis).to(value.dtype)

    raise bad_data(
        f"`{loss}`: the network gives {_sizes(value.shape)} for a sample, the data's label is {_sizes(target.shape)}"
    )


def chances(loss: str, logits: torch.Tensor, target: torch.Tensor, axis: int = 1) -> torch.Tensor:
    """A target from 0 to 1 in the shape of the logits; class numbers become one-hot rows, as `numbers` says.

    Outside of that range binary cross-entropy has no lower bound: it would fall for ever. Raises `ArchError`
    (bad-data).
    """
    value = numbers(loss, logits, target, axis)
    low, high = value.detach().min(), value.detach().max()
    if bool(low < 0) or bool(high > 1):
        told = "targets lie from 0 to 1"
        if logits.shape[axis] == 1:
            told = "one logit tells the classes 0 and 1 apart"
        raise bad_data(f"`{loss}`: {told}, and the data's label {_sizes(target.shape)} lies {_from_to(value.detach())}",
                       help=_help(value.detach()))
    return value


def resized(label: torch.Tensor, scores: torch.Tensor, axis: int = 1) -> torch.Tensor:
    """A label of maps brought to the height and width of the scores [batch, channels, height, width].

    Class numbers [batch, height, width], or with an axis of one channel, take those of the nearest cell; floats
    [batch, channels, height, width] are blended, without corners aligned. Raises `ArchError` (bad-data) for what is no
    label of maps.
    """
    places = scores.shape[2:]
    if scores.ndim != 4 or axis != 1 or label.ndim not in (3, 4):
        raise bad_data(f"`resize` is for labels of maps, and the data's label is {_sizes(label.shape)}")
    if label.shape[-2:] == places:
        return label

    lacks_channels = label.ndim == 3
    if lacks_channels:
        label = label.unsqueeze(1)
    if label.is_floating_point():
        label = functional.interpolate(label, size=places, mode="bilinear", antialias=False)
    else:
        # Interpolation is for floats; float64 holds every class number.
        label = functional.interpolate(label.double(), size=places, mode="nearest").to(label.dtype)

    if lacks_channels:
        return label.squeeze(1)
    return label


def scores(loss: str, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """A target of scores, in the shape of the logits. Raises `ArchError` (bad-data)."""
    if target.shape != logits.shape or not target.is_floating_point():
        raise bad_data(f"`{loss}` wants scores {_sizes(logits.shape)} for a sample as its target, and the data's label "
                       f"is {_sizes(target.shape)} of {_dtype(target)}")
    return target


def check_numbers(label: torch.Tensor) -> None:
    """Raises `ArchError` (bad-data) where labels are complex numbers, or hold NaN or infinity."""
    if label.is_complex():
        raise bad_data(f"the data's label {_sizes(label.shape)} holds complex numbers, which no loss reads")
    if label.is_floating_point() and not bool(label.isfinite().all()):
        raise bad_data(f"the data's label {_sizes(label.shape)} holds NaN or infinity")


def no_labels() -> ArchError:
    """The error of data without labels under a loss that reads them; the caller raises it."""
    return bad_data("a loss reads the label, and the data has no labels")


def _is_labelled(label: torch.Tensor) -> None:
    if label.numel() and bool((label == -1).all()):
        raise no_labels()


def _in_range(loss: str, label: torch.Tensor, classes: int) -> None:
    low, high = (int(number) for number in label.aminmax())
    if high < 0 and label.ndim == 1:  # a map of -1 is a wrong map
        raise no_labels()
    if low < 0 or high >= classes:
        wrong = high
        if low < 0:
            wrong = low
        raise bad_data(
            f"the data has the label {wrong}, the network knows 0 to {classes - 1} (`{loss}`, of labels "
            f"{_sizes(label.shape)} {_from_to(label)})",
            help=_help(label),
        )


def _help(label: torch.Tensor) -> str:
    """Mends for the usual codes of two classes; else the dial or the labels are wrong."""
    values = set(label.flatten().tolist())
    if values <= {0, 255}:
        return "a mask of 0 and 255 becomes one of 0 and 1 in the function that gives the data: `mask // 255`"
    if values <= {-1, 1}:
        return "labels of -1 and 1 become 0 and 1 in the function that gives the data: `(label + 1) // 2`"
    return "set the network's dial for the number of classes, or check the labels"


def _from_to(values: torch.Tensor) -> str:
    return f"from {values.min().item():g} to {values.max().item():g}"


def _sizes(shape: Sequence[int]) -> str:
    """The sizes of a sample: those behind the batch."""
    if len(shape) == 1:
        return "of one number"
    return str(list(shape[1:]))


def _with_one(places: Sequence[int], axis: int) -> tuple[int, ...]:
    return (*places[:axis], 1, *places[axis:])


def _dtype(value: torch.Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
