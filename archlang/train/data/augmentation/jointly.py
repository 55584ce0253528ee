"""Augmentations of samples with several inputs: images are changed alike, by the names that a file gives or all."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from archlang.graph.plan import named_inputs
from archlang.ops.values import Option
from archlang.train.data.augmentation.augment import (
    AUGMENTATIONS,
    Effect,
    augment,
    augment_both,
    check_samples,
    lies_on_image,
)
from archlang.train.data.input_place import InputPlace
from archlang.train.problems import bad_data


def augment_sample(
    samples: torch.Tensor, labels: torch.Tensor, options: Sequence[Option], generator: torch.Generator,
    ignored: int | None = None, places: Sequence[InputPlace] = (),
) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples and their labels after the augmentations: images, or rows of several inputs at their `places`.

    Every input that an option changes gets the same draws, and so do labels that lie on them. The rest of
    `augment.augment_both` holds.
    """
    if not places:
        return augment_both(samples, labels, options, generator, ignored)

    rows = samples.clone()
    for option in options:
        drawn = generator.get_state()
        for place in changed(option, places):
            generator.set_state(drawn)
            images = augment(place.of_rows(rows).float(), [option], generator)
            rows[:, place.start : place.stop] = images.flatten(1).to(rows.dtype)
        if lies_on_image(labels) and AUGMENTATIONS[option.name].effect in (Effect.MOVES, Effect.FRAMES):
            again = torch.Generator()
            again.set_state(drawn)
            # Of the images nothing is needed here but their number and size.
            blank = rows.new_zeros(len(rows), 1, *labels.shape[-2:], dtype=torch.float32)
            labels = augment_both(blank, labels, [option], again, ignored)[1]
    return rows, labels


def changed(option: Option, places: Sequence[InputPlace]) -> list[InputPlace]:
    """The inputs that an augmentation changes: those under `of`, or all images."""
    named = named_inputs(option)
    if named is None:
        return [place for place in places if place.is_image]
    return [place for place in places if place.spec.name in named]


def check_sample(options: Sequence[Option], samples: torch.Tensor, labels: torch.Tensor, ignored: int | None,
                 places: Sequence[InputPlace]) -> None:
    """Raises `ArchError` (bad-data) for augmentations that these samples, or their labels, cannot take.

    Labels that lie on the images of a sample follow what moves all of them.
    """
    if not places:
        check_samples(options, samples, labels, ignored)
        return

    for option in options:
        chosen = changed(option, places)
        for place in chosen:
            check_samples([option], place.of_rows(samples), labels, ignored)

        moves = AUGMENTATIONS[option.name].effect is not Effect.LIGHTS
        if moves and lies_on_image(labels) and len(chosen) < sum(place.is_image for place in places):
            names = ", ".join(f"`{place.spec.name}`" for place in chosen)
            raise bad_data(f"`{option.name}` moves {names} alone, and the label lies on all images of a sample",
                           help="move all images alike")
