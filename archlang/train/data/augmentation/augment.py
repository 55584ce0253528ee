"""Augmentations of a batch: which there are, how they treat what belongs to an image, and how they are applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import AugmentationFacts
from archlang.ops.values import Option
from archlang.train.data.augmentation import light, place, rand_augment
from archlang.train.problems import bad_data

Change = Callable[[torch.Tensor, torch.Generator, Mapping[str, Any]], torch.Tensor]


class Effect(Enum):
    """The effect of an augmentation on an image, by which a label map or a target image can follow it or not."""

    MOVES = "moves pixels that are there"
    FRAMES = "moves pixels, and brings in black ones from outside"
    CUTS = "cuts windows out of larger images"
    HIDES = "hides a part of the image"
    LIGHTS = "changes light and colour"
    ANY = "changes anything"


@dataclass(frozen=True)
class Augmentation:
    """One augmentation: how it is calculated, and its effect.

    `clamps` says that it keeps numbers from 0 to 1, and so would cut others.
    """

    change: Change
    effect: Effect
    clamps: bool = False


AUGMENTATIONS: Mapping[str, Augmentation] = {
    "flip": Augmentation(place.flip, Effect.MOVES),
    "shift": Augmentation(place.shift, Effect.MOVES),
    "crop": Augmentation(place.crop, Effect.FRAMES),
    "crop_from": Augmentation(place.crop_from, Effect.CUTS),
    "rotate": Augmentation(place.rotate, Effect.FRAMES),
    "scale": Augmentation(place.scale, Effect.FRAMES),
    "erase": Augmentation(place.erase, Effect.HIDES),
    "color_jitter": Augmentation(light.color_jitter, Effect.LIGHTS, clamps=True),
    "grayscale": Augmentation(light.grayscale, Effect.LIGHTS),
    "rand_augment": Augmentation(rand_augment.rand_augment, Effect.ANY, clamps=True),
}


def augment(images: torch.Tensor, options: Sequence[Option], generator: torch.Generator) -> torch.Tensor:
    """Images [batch, channels, height, width] after the augmentations, in order.

    The generator lies on the CPU, so that a seed means the same on every device.
    """
    if options:
        _require_images(options[0], images)

    for option in options:
        images = AUGMENTATIONS[option.name].change(images, generator, _arguments(option))
    return images


def augment_both(
    images: torch.Tensor, labels: torch.Tensor, options: Sequence[Option], generator: torch.Generator,
    ignored: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and their labels after the augmentations; labels that lie on the image go with it, by the same draws.

    Arguments:
        images: [batch, channels, height, width].
        labels: label maps [batch, height, width] of integers, target images [batch, channels, height, width] or
            [batch, height, width] of floats, or labels of another kind, which stay as they are.
        ignored: the label that losses ignore, which pixels from outside get on label maps.

    `require_followable` says which augmentations a map or a target image can follow.
    """
    if not lies_on_image(labels):
        return augment(images, options, generator), labels

    for option in options:
        augmentation = AUGMENTATIONS[option.name]
        # The labels get the same draws: the generator is put back to where it was for the images.
        drawn = generator.get_state()
        images = augmentation.change(images, generator, _arguments(option))
        if augmentation.effect in (Effect.MOVES, Effect.FRAMES):
            # A generator of its own, so that the one of the images goes on from its own draws.
            again = torch.Generator()
            again.set_state(drawn)
            labels = _moved_labels(labels, augmentation.change, again, _arguments(option), ignored)
    return images, labels


def lies_on_image(labels: torch.Tensor) -> bool:
    """Tell maps and images among labels [batch, ...]: they have rows and columns."""
    return labels.ndim >= 3


# --- what is refused before a training begins -------------------------------------------------------------------------


def check(options: Sequence[Option]) -> None:
    """Raises `ArchError` (not-available) for an augmentation that this version has not."""
    missing = [option.name for option in options if option.name not in AUGMENTATIONS]
    said = "the augmentation `{}` is not part of this version"
    if missing:
        raise ArchError([error("not-available", said.format(name)) for name in missing])


def check_samples(options: Sequence[Option], samples: torch.Tensor, labels: torch.Tensor,
                  ignored: int | None = None) -> None:
    """Raises `ArchError` (bad-data) for augmentations that these samples, or their labels, cannot take.

    Arguments:
        samples: [batch, ...] in the sizes of the network's input.
        labels: [batch, ...].
        ignored: the label that losses ignore.
    """
    for option in options:
        _require_images(option, samples)
        _require_reach(option, samples)

        if AUGMENTATIONS[option.name].clamps and (float(samples.min()) < 0 or float(samples.max()) > 1):
            raise bad_data(f"`{option.name}` changes the light of numbers from 0 to 1, and a sample has others, from "
                           f"{float(samples.min()):g} to {float(samples.max()):g}",
                           help="scale them in the function that gives the data; bytes are scaled by themselves")

        if lies_on_image(labels):
            require_followable(option, samples, labels, ignored)


def require_unmoved(options: Sequence[Option]) -> None:
    """Raises `ArchError` (bad-data) for what moves or hides pixels, where several labels lie on the image.

    Whether a label is mirrored with its image, or points the other way then, its name does not say.
    """
    for option in options:
        if AUGMENTATIONS[option.name].effect is not Effect.LIGHTS:
            raise bad_data(f"`{option.name}` would move images, and their labels with names stay where they are",
                           help="move both in the function that gives the data")


def require_followable(option: Option, images: torch.Tensor, labels: torch.Tensor, ignored: int | None = None) -> None:
    """Raises `ArchError` (bad-data) where labels that lie on the image cannot follow an augmentation.

    A map of classes follows what moves pixels that are there, and stands under other light; for pixels from outside it
    has no class, unless losses ignore a label. A target image follows what moves pixels; under other light it would be
    another target.
    """
    effect = AUGMENTATIONS[option.name].effect
    if labels.is_floating_point():
        what, allowed = "target image", [Effect.MOVES, Effect.FRAMES]
    else:
        what, allowed = "map of classes", [Effect.MOVES, Effect.LIGHTS]
        if ignored is not None:
            allowed.append(Effect.FRAMES)

    if effect not in allowed:
        others = [name for name, other in AUGMENTATIONS.items() if other.effect in allowed]
        help = [f"with such labels there are {', '.join(others)}"]
        if effect is Effect.FRAMES:
            help.append("pixels from outside get the label that all losses ignore: `cross_entropy(..., ignore = 255)`")
        raise bad_data(f"`{option.name}` {effect.value}, which a {what} cannot follow", help=help)
    if effect is not Effect.LIGHTS and labels.shape[-2:] != images.shape[-2:]:
        raise bad_data(f"`{option.name}` moves images of {list(images.shape[-2:])}, and each has a {what} of "
                       f"{list(labels.shape[-2:])}", help="give both in one size")


def _require_images(option: Option, samples: torch.Tensor) -> None:
    if samples.ndim != 4:
        raise bad_data(f"`{option.name}` changes images, and a sample is {list(samples.shape[1:])}",
                       help="leave `augment` out, or give the network an input of [channels, rows, columns]")


def _require_reach(option: Option, samples: torch.Tensor) -> None:
    reach = facts_of(option, AugmentationFacts).pixels

    smaller = min(samples.shape[-2:])
    if reach is not None and int(_arguments(option)[reach]) > smaller:
        raise bad_data(f"`{option}` moves images by more pixels than they have, {list(samples.shape[-2:])}",
                       help=f"`{reach}` is at most {smaller}")


def _arguments(option: Option) -> dict[str, Any]:
    return {name: value for name, value in option.args.items() if value is not None}


def _moved_labels(
    labels: torch.Tensor, change: Change, generator: torch.Generator, args: Mapping[str, Any], ignored: int | None
) -> torch.Tensor:
    """Maps or target images moved as their images were; all pixels are read from the nearest one, so classes stay."""
    # What comes from outside is 0: counted from the ignored label, that is this label.
    outside = 0
    if ignored is not None and not labels.is_floating_point():
        outside = ignored

    # Padding and sampling are not defined for integers; doubles hold all class numbers.
    planes = labels.reshape(len(labels), -1, *labels.shape[-2:])
    moved = change(planes.double() - outside, generator, args) + outside
    return moved.to(labels.dtype).reshape(labels.shape)
