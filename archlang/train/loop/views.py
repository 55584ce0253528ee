"""What the steps on one batch see of its samples: as they are, or with the changes that a file's `augment` names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from archlang.ops.values import Option
from archlang.train.data.augmentation.augment import augment
from archlang.train.fitting import Fit
from archlang.train.losses.catalogue import ViewPair


@dataclass
class BatchViews:
    """Views of a batch, each drawn when it is first asked for, and the same to all steps on the batch.

    `shaped` holds the samples in the sizes of the network's input; views come out normalised.
    """

    shaped: torch.Tensor
    fit: Fit
    options: Sequence[Option]
    generator: torch.Generator
    drawn: list[torch.Tensor] = field(default_factory=list)

    def of(self, kind: ViewPair | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The main view, and the second one where two are wanted. A training on one view gets an augmented one."""
        if kind is None:
            return self.augmented(0), None
        if kind == "plain+augmented":
            return self.fit.normalise(self.shaped), self.augmented(0)
        return self.augmented(0), self.augmented(1)

    def augmented(self, number: int) -> torch.Tensor:
        """The first or second augmented view."""
        while len(self.drawn) <= number:
            self.drawn.append(self.fit.normalise(augment(self.shaped, self.options, self.generator)))
        return self.drawn[number]
