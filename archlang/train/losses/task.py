"""Losses that compare outputs with labels, or with each other.

`args["class_axis"]` is the axis of classes among the sizes of one sample: 0 for vectors, lines, maps and volumes, 1 for
sequences [batch, positions, classes].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from archlang.train.losses import targets
from archlang.train.problems import bad_data


def cross_entropy(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of `-log softmax(logits)[label]` over samples and their places.

    Logits [batch, classes], [batch, classes, ...] or [batch, positions, classes]. The label holds class numbers in that
    shape without the classes, or a share of each class in that shape. Raises `ArchError` (bad-data).
    """
    logits, label = _classes("cross_entropy", reads, args)
    smoothing = float(args.get("label_smoothing") or 0.0)
    weights = _class_weights(logits, args)
    if label.is_floating_point():
        return functional.cross_entropy(logits, label, weights, label_smoothing=smoothing)

    # Most often every place counts, which is known without a look at the labels.
    ignore = _ignored(args)
    if weights is None and args.get("ignore") is None and label.numel():
        return functional.cross_entropy(logits, label, label_smoothing=smoothing)

    counts = label != ignore
    if weights is not None:
        counts = counts & (weights[label.where(counts, 0)] > 0)
    # The mean over no place at all is no number; here nothing is wrong.
    if not bool(counts.any()):
        return logits.sum() * 0
    return functional.cross_entropy(logits, label, weights, ignore_index=ignore, label_smoothing=smoothing)


def focal(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of `-(1 - p)^gamma log p` over samples and their places, p the share of the right class.

    The same tensors as `cross_entropy`; of shares of classes the expectation. With weights of classes the mean is
    weighted. Raises `ArchError` (bad-data).
    """
    logits, label = _classes("focal", reads, args)
    log_p = functional.log_softmax(logits, 1)
    terms = -((1 - log_p.exp()) ** float(args["gamma"])) * log_p
    shares = _shares(label, logits, args)

    weights = _class_weights(logits, args)
    if weights is not None:
        shares = shares * weights.view(-1, *(1,) * (logits.ndim - 2))
    # Nothing counts where every label is ignored, or every class there has the weight 0.
    return (shares * terms).sum() / _not_zero(shares.sum())


def dice(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """`1 - (2 sum(p g) + smooth) / (sum(p) + sum(g) + smooth)`, the mean over classes.

    The same tensors as `cross_entropy`: p are the shares of the softmax, g the right ones, both summed over the batch
    and its places. Raises `ArchError` (bad-data).
    """
    logits, label = _classes("dice", reads, args)
    right = _shares(label, logits, args)
    counted = right.sum(1, keepdim=True)  # 0 where the label is ignored
    given = logits.softmax(1) * counted

    axes = [axis for axis in range(logits.ndim) if axis != 1]
    both, one, other = (x.sum(axes) for x in (given * right, given, right))
    smooth = float(args["smooth"])
    return 1 - ((2 * both + smooth) / _not_zero(one + other + smooth)).mean()


def counted(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The divisor of a mean over classes, a scalar: the places that count, each by the weight of its class.

    Of `cross_entropy`, `focal` and `dice`. 0 where every label is ignored, or of a class with the weight 0. Raises
    `ArchError` (bad-data).
    """
    logits, label = _classes("cross_entropy", reads, args)
    weights = _class_weights(logits, args)
    if label.is_floating_point():
        return logits.new_tensor(label.numel() / label.shape[1])

    counts = label != _ignored(args)
    if weights is None:
        return counts.sum()
    return weights[label.where(counts, 0)][counts].sum()


def mse(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of squared differences of outputs and targets [batch, ...].

    Class numbers are compared as one-hot rows where the output has several numbers. Raises `ArchError` (bad-data).
    """
    value, target = _numbers("mse", reads, args)
    return functional.mse_loss(value, target)


def bce(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean binary cross-entropy of logits [batch, ...], after a sigmoid, with targets from 0 to 1.

    Class numbers are compared as one-hot rows where there are several logits. Raises `ArchError` (bad-data).
    """
    logits, target = reads
    chances = targets.chances("bce", logits, target, _axis(args))
    return functional.binary_cross_entropy_with_logits(logits, chances)


def kl(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean over samples and their places of `KL(p || q)`, q the softmax of logits, p that of the target.

    Both have scores in one shape; no gradient goes through p. Raises `ArchError` (bad-data).
    """
    logits, target = reads
    axis = _axis(args)
    # Of logarithms on both sides: a share of 0 would give 0 times minus infinity.
    log_p = functional.log_softmax(targets.scores("kl", logits, target).detach(), axis)
    log_q = functional.log_softmax(logits, axis)
    return functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(axis).mean()


def _classes(loss: str, reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores [batch, classes, ...], and their label: class numbers [batch, ...], or shares [batch, classes, ...].

    Raises `ArchError` (bad-data).
    """
    logits, label = reads
    axis = _axis(args)
    if args.get("resize"):
        label = targets.resized(label, logits, axis)

    # Torch wants classes on the second axis.
    if label.is_floating_point():
        return logits.movedim(axis, 1), targets.class_shares(loss, logits, label, axis).movedim(axis, 1)
    places = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    numbers = targets.class_numbers(loss, label, places, logits.shape[axis], axis, args.get("ignore"))
    return logits.movedim(axis, 1), numbers


def _shares(label: torch.Tensor, logits: torch.Tensor, args: Mapping[str, Any]) -> torch.Tensor:
    """The right share of each class [batch, classes, ...]; none at all where the label is ignored."""
    if label.is_floating_point():
        return label

    counts = label != _ignored(args)
    rows = functional.one_hot(label.where(counts, 0), logits.shape[1]).movedim(-1, 1)
    return rows.to(logits.dtype) * counts.unsqueeze(1)


def _ignored(args: Mapping[str, Any]) -> int:
    """The label that is ignored; a number that is no label where there is none."""
    ignore = args.get("ignore")
    if ignore is None:
        return -1
    return int(ignore)


def _class_weights(logits: torch.Tensor, args: Mapping[str, Any]) -> torch.Tensor | None:
    """The weights of classes as a tensor; None where all count alike."""
    weights = args.get("weights")
    if weights is None:
        return None
    return torch.tensor(weights, dtype=logits.dtype, device=logits.device)


def _not_zero(value: torch.Tensor) -> torch.Tensor:
    """The value, or 1 where it is 0: what it divides is 0 there too."""
    return value.where(value != 0, torch.ones_like(value))


def _numbers(loss: str, reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """An output and its target of one shape. Raises `ArchError` (bad-data)."""
    value, target = reads[:2]
    axis = _axis(args)
    if args.get("resize"):
        target = targets.resized(target, value, axis)
    return value, targets.numbers(loss, value, target, axis)


def l1(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of absolute differences of outputs and targets [batch, ...], of all numbers or those at `places`.

    Raises `ArchError` (bad-data).
    """
    value, target = _numbers("l1", reads, args)
    return _mean_at("l1", (value - target).abs(), reads, args)


def smooth_l1(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of `d^2 / (2 beta)` for differences under beta, else `|d| - beta / 2`; of all numbers or at `places`.

    Raises `ArchError` (bad-data).
    """
    value, target = _numbers("smooth_l1", reads, args)
    each = functional.smooth_l1_loss(value, target, beta=float(args["beta"]), reduction="none")
    return _mean_at("smooth_l1", each, reads, args)


def _mean_at(loss: str, each: torch.Tensor, reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of a loss [batch, channels, ...] over the places that a third tensor tells, or over all.

    The third tensor has the same batch and places, with channels of its own or without; a place counts where one of
    them is 1. Where none counts the mean is 0. Raises `ArchError` (bad-data).
    """
    if len(reads) < 3:
        return each.mean()

    axis, told = _axis(args), reads[2]
    if told.ndim == each.ndim:
        counts = (told == 1).any(axis)
    else:
        counts = told == 1
    places = (*each.shape[:axis], *each.shape[axis + 1 :])
    if tuple(counts.shape) != places:
        raise bad_data(f"`{loss}` counts at places {list(places[1:])} of a sample, and `places` are "
                       f"{list(counts.shape[1:])}")

    wide = counts.unsqueeze(axis).expand_as(each)
    return each.where(wide, torch.zeros_like(each)).sum() / wide.sum().clamp(min=1)


def charbonnier(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of `sqrt(d^2 + epsilon^2)` over differences. Raises `ArchError` (bad-data)."""
    value, target = _numbers("charbonnier", reads, args)
    return ((value - target).square() + float(args["epsilon"]) ** 2).sqrt().mean()


def frequency_l1(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean absolute difference of the Fourier transforms of maps [batch, channels, height, width].

    Real and imaginary parts count by themselves; all frequencies are taken, those of negative sign too. Raises
    `ArchError` (bad-data).
    """
    value, target = _numbers("frequency_l1", reads, args)
    if value.ndim != 4:
        raise bad_data("`frequency_l1` compares maps [channels, height, width]")
    # The transform is linear: one of the difference does for both.
    spectrum = torch.fft.fft2(value - target)
    return torch.view_as_real(spectrum).abs().mean()


def heatmap_focal(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The focal loss of heatmaps of centres [batch, ...], over the number of centres (CenterNet, eq. 1).

    Without a centre in the batch it is the sum, as the authors have it. Raises `ArchError` (bad-data).
    """
    logits, target = reads
    right = targets.chances("heatmap_focal", logits, target, _axis(args))
    alpha, beta = float(args["alpha"]), float(args["beta"])

    # By logarithms of the sigmoid, which stay finite where a chance is 0 or 1 in float32.
    log_p, log_not = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    chance = logits.sigmoid()
    centres = right == 1
    at = ((1 - chance) ** alpha * log_p)[centres].sum()
    away = ((1 - right) ** beta * chance**alpha * log_not)[~centres].sum()
    return -(at + away) / centres.sum().clamp(min=1)


def contrastive(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of `y d^2 + (1 - y) max(0, margin - d)^2` over pairs of embeddings [batch, features].

    d is their Euclidean distance, y is 1 for pairs that belong together and 0 for others. Raises `ArchError`
    (bad-data).
    """
    first, second, label = reads
    together = targets.chances("contrastive", first.new_zeros(len(first), 1), label).squeeze(1)

    squared = (first - second).square().sum(1)
    # The root has no gradient at 0; a pair that is one point is as far from the margin whichever way it moves.
    distance = squared.where(squared > 0, torch.ones_like(squared)).sqrt().where(squared > 0, torch.zeros_like(squared))
    apart = (float(args["margin"]) - distance).clamp(min=0).square()
    return (together * squared + (1 - together) * apart).mean()


def minimize(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of a quantity [batch, ...] that the network calculates."""
    return reads[0].mean()


def _axis(args: Mapping[str, Any]) -> int:
    """The axis of classes with the batch counted."""
    return int(args.get("class_axis", 0)) + 1


FORMULAS = {
    "cross_entropy": cross_entropy, "focal": focal, "dice": dice, "mse": mse, "l1": l1, "smooth_l1": smooth_l1,
    "charbonnier": charbonnier, "frequency_l1": frequency_l1, "bce": bce, "kl": kl, "heatmap_focal": heatmap_focal,
    "contrastive": contrastive, "minimize": minimize,
}

COUNTED: Mapping[str, Callable[[Sequence[torch.Tensor], Mapping[str, Any]], torch.Tensor]] = {
    "cross_entropy": counted, "focal": counted, "dice": counted,
}
"""The divisors of the means of losses that may leave places out; all other losses are means over samples."""
