"""The samples of a batch as the steps on it see them: plain, or with the changes that a file's `augment` names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from archlang.ops.facts import ViewPair
from archlang.ops.values import Option
from archlang.train.data.augmentation.jointly import augment_sample
from archlang.train.fitting import Fit


@dataclass
class BatchViews:
    """Views of a batch, each drawn when it is first asked for, and the same to all steps on the batch.

    shaped     the samples in the sizes of the network's input
    labels     theirs; label maps and target images are moved with the samples
    fit        normalises them
    options    the augmentations, in order
    generator  what they are drawn from
    ignored    the label that losses ignore, for pixels that come from outside
    """

    shaped: torch.Tensor
    labels: torch.Tensor
    fit: Fit
    options: Sequence[Option]
    generator: torch.Generator
    ignored: int | None = None
    _drawn: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)

    def of(self, pair: ViewPair | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The main view, and the second one where two are wanted. A training on one view gets an augmented one."""
        if pair is None:
            return self.augmented(0)[0], None
        if pair == "plain+augmented":
            return self.fit.normalise(self.shaped), self.augmented(0)[0]
        return self.augmented(0)[0], self.augmented(1)[0]

    def labels_of(self, pair: ViewPair | None) -> torch.Tensor:
        """The labels as they lie on the main view."""
        if pair == "plain+augmented":
            return self.labels
        return self.augmented(0)[1]

    def augmented(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The first or second augmented view, and its labels."""
        while len(self._drawn) <= number:
            images, labels = augment_sample(self.shaped, self.labels, self.options, self.generator,
                                            self.ignored, self.fit.places)
            self._drawn.append((self.fit.normalise(images), labels))
        return self._drawn[number]
